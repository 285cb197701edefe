package dev.sagitta.cli;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.model.ModelSpec;
import dev.sagitta.train.Trainer;
import dev.sagitta.train.TrainingSnapshot;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Keeps the work of a training run: writes a checkpoint from time to time, and what it can when the run fails. A state is written once the loss
 * at its weights is known to be finite, so that the file never holds one that training cannot go on from; until then it waits in host memory.
 */
final class CheckpointKeeper {
    /** Whatever the steps. */
    private static final long LONGEST_NANOS = TimeUnit.MINUTES.toNanos(10);
    /** Where the user gave no interval, saving takes at most this share of the time. */
    private static final int SHARE = 20;

    private final Trainer trainer;
    private final ModelSpec model;
    private final Path out;
    private final Interval interval;
    private final BooleanSupplier ending;
    private final Consumer<String> note;
    private TrainingSnapshot pending;
    private long taken;
    private long takenAt = System.nanoTime();
    private long cost;
    private long saved = -1;
    private boolean failed;

    /**
     * When a checkpoint is due.
     *
     * @param steps between two; 0 for none but the last
     * @param given whether the user said so: then whatever it costs
     */
    record Interval(long steps, boolean given) {}

    /**
     * @param ending whether the JVM is about to end: files that were begun before are then removed, and are written again
     * @param note receives a line for the user
     */
    CheckpointKeeper(
            Trainer trainer,
            ModelSpec model,
            Path out,
            Interval interval,
            BooleanSupplier ending,
            Consumer<String> note) {
        this.trainer = trainer;
        this.model = model;
        this.out = out;
        this.interval = interval;
        this.ending = ending;
        this.note = note;
        this.taken = trainer.steps();
    }

    /** After a step whose loss was finite: the state before it is a good one. */
    void stepped() {
        writePending();
        if (isDue()) {
            long start = System.nanoTime();
            pending = trainer.snapshot();
            taken = trainer.steps();
            takenAt = System.nanoTime();
            cost = takenAt - start;
        }
    }

    /** Whether a state may be due at this step, or one waits to be written: then the losses up to it have to be known. */
    boolean isDueAt(long step) {
        return interval.given && interval.steps > 0 && (pending != null || step - taken >= interval.steps);
    }

    private boolean isDue() {
        if (interval.steps == 0) {
            return false;
        }
        long since = System.nanoTime() - takenAt;
        return since >= LONGEST_NANOS
                || trainer.steps() - taken >= interval.steps && (interval.given || since >= SHARE * cost);
    }

    private void writePending() {
        if (pending == null) {
            return;
        }
        TrainingSnapshot snapshot = pending;
        pending = null;
        long start = System.nanoTime();
        try {
            write(snapshot);
        } catch (DataException e) {
            if (!failed) {
                note.accept(e.getMessage() + "; training goes on, and it is tried again");
            }
            failed = true;
        }
        cost += System.nanoTime() - start;
    }

    /**
     * Writes the state at the end of the run.
     *
     * @throws ArithmeticException if training could not go on from it; the file is then what it was
     * @throws DataException if the file cannot be written; the same
     */
    void finish() {
        TrainingSnapshot last = trainer.snapshot();
        float loss = trainer.nextLoss();
        if (!Float.isFinite(loss)) {
            // the last step's own loss was finite
            writePending();
            throw new ArithmeticException("training: the loss is " + loss + " after step " + trainer.steps()
                    + ", the last one; lower the learning rate or clip the gradient" + left());
        }
        try {
            write(last);
        } catch (DataException e) {
            throw new DataException(e.getMessage() + left(), e);
        }
    }

    /**
     * Saves what can be saved after a failure that is none of the training itself.
     *
     * @param whole whether the last step was completed
     */
    void rescue(boolean whole) {
        try {
            if (whole) {
                TrainingSnapshot last = trainer.snapshot();
                if (Float.isFinite(trainer.nextLoss())) {
                    pending = last;
                }
            }
        } catch (RuntimeException | Error e) {
            // the device or the memory may be what failed: the state before serves
        }
        try {
            if (pending != null) {
                write(pending);
            }
        } catch (RuntimeException | Error e) {
            // what was written before stays
        }
        if (saved >= 0) {
            note.accept(out + " holds step " + saved + "; go on with --resume " + out);
        }
    }

    /** What a run that cannot go on leaves, as the end of its error. */
    String left() {
        return saved < 0
                ? "; no checkpoint was written"
                : "; " + out + " holds step " + saved + ": go on from there with --resume " + out;
    }

    private void write(TrainingSnapshot snapshot) {
        try {
            snapshot.write(out, model);
        } catch (DataException e) {
            if (!ending.getAsBoolean()) {
                throw e;
            }
            // the end of the JVM removes files that were begun before it; those begun now stay
            snapshot.write(out, model);
        }
        saved = snapshot.state().step();
    }
}
