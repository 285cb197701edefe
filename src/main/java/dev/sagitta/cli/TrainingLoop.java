package dev.sagitta.cli;

import dev.sagitta.program.Batches;
import dev.sagitta.program.Evaluation;
import dev.sagitta.train.Trainer;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** The steps of a training run, and what is reported and kept between them. */
final class TrainingLoop {
    private final Trainer trainer;
    private final Batches validation;
    private final CheckpointKeeper keeper;
    private final BooleanSupplier stop;
    private final Runnable watched;
    private boolean whole = true;
    private double sum;
    private long counted;
    private long busy;

    /**
     * @param validation held-out examples to evaluate; null where there are none
     * @param stop whether to end before the last step
     * @param watched told of each step
     */
    TrainingLoop(Trainer trainer, Batches validation, CheckpointKeeper keeper, BooleanSupplier stop, Runnable watched) {
        this.trainer = trainer;
        this.validation = validation;
        this.keeper = keeper;
        this.stop = stop;
        this.watched = watched;
    }

    /**
     * Trains and writes the checkpoint.
     *
     * @param interval steps between reports
     * @param reports receives them, the last one excepted
     * @return the last one
     * @throws ArithmeticException if the loss is no longer finite, naming the step, and what can be resumed
     */
    TrainingReport run(long steps, long interval, Consumer<TrainingReport> reports) {
        TrainingReport last;
        try {
            last = steps(steps, interval, reports);
        } catch (Diverged e) {
            throw new ArithmeticException(e.getMessage() + keeper.left());
        } catch (RuntimeException | Error e) {
            keeper.rescue(whole);
            throw e;
        }
        keeper.finish();
        return last;
    }

    private TrainingReport steps(long steps, long interval, Consumer<TrainingReport> reports) {
        long first = trainer.steps();
        long firstSeen = trainer.seen();
        long start = System.nanoTime();
        while (true) {
            enqueue();
            long done = trainer.steps() - first;
            boolean ends = done == steps || stop.getAsBoolean();
            boolean atReport = ends || done % interval == 0;
            if (atReport || trainer.room() == 0 || keeper.isDueAt(trainer.steps())) {
                read();
                if (!ends) {
                    keeper.stepped();
                }
            }
            watched.run();
            if (atReport) {
                TrainingReport report = new TrainingReport(
                        trainer.steps(),
                        // 0 / 0 is NaN
                        sum / counted,
                        validation == null ? Evaluation.UNKNOWN : Evaluation.of(validation),
                        (System.nanoTime() - start) * 1e-9,
                        (trainer.seen() - firstSeen) / (busy * 1e-9),
                        trainer.programMemory().savedBytes());
                sum = 0;
                counted = 0;
                if (ends) {
                    return report;
                }
                reports.accept(report);
            }
        }
    }

    private void enqueue() {
        whole = false;
        long start = System.nanoTime();
        trainer.enqueue();
        busy += System.nanoTime() - start;
    }

    /** Waits for the steps under way: how they went is known every few steps. */
    private void read() {
        long start = System.nanoTime();
        Trainer.Losses losses;
        try {
            losses = trainer.losses();
        } catch (ArithmeticException e) {
            throw new Diverged(e);
        }
        busy += System.nanoTime() - start;
        sum += losses.sum();
        counted += losses.counted();
        whole = true;
    }

    /** The loss is infinite or no number: the weights are lost. */
    private static final class Diverged extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Diverged(ArithmeticException cause) {
            super(cause.getMessage(), cause);
        }
    }
}
