package dev.sagitta.cli.demo;

import dev.sagitta.cli.Progress;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Evaluation;
import dev.sagitta.train.Trainer;
import java.util.ArrayList;
import java.util.List;

/** One training with a warm-up and a cosine, keeping what the report shows. */
final class TrainingRun {
    private static final double FINAL_RATE = 0.1;
    private static final double WARM_UP = 0.05;
    private static final int POINTS = 60;
    /** Of the loss's points, every so many have a held-out loss beside them. */
    private static final int HELD_OUT_EVERY = 5;

    private TrainingRun() {}

    /**
     * @param some held-out examples, evaluated as training goes on
     * @param heldOut evaluated at its end
     */
    static DemoResult.Training of(
            DemoSettings settings, Trainer trainer, Batches some, Batches heldOut, Progress progress) {
        String policy = trainer.options().activationBits();
        String label = policy.equals("none") ? "exact" : "in " + policy + " bits";
        List<DemoResult.Point> curve = new ArrayList<>();
        int steps = settings.steps();
        int interval = Math.max(1, steps / POINTS);
        long busy = 0;
        curve.add(new DemoResult.Point(0, null, Evaluation.of(some).loss()));
        try (Progress.Bar bar = progress.start("training, activations " + label, steps)) {
            for (int step = 1; step <= steps; step++) {
                long start = System.nanoTime();
                trainer.learningRate(rate(settings, step));
                double loss = trainer.step();
                busy += System.nanoTime() - start;
                boolean last = step == steps;
                if (last || step % (interval * HELD_OUT_EVERY) == 0) {
                    curve.add(
                            new DemoResult.Point(step, loss, Evaluation.of(some).loss()));
                } else if (step % interval == 0) {
                    curve.add(new DemoResult.Point(step, loss, null));
                }
                bar.step();
            }
        }
        return new DemoResult.Training(
                policy,
                trainer.state().bits(),
                curve,
                Evaluation.of(heldOut),
                busy * 1e-6 / steps,
                trainer.memory(),
                trainer.programMemory().savedBytes(),
                trainer.programMemory().saved());
    }

    private static double rate(DemoSettings settings, int step) {
        double warmUp = Math.max(1, WARM_UP * settings.steps());
        double cosine = 0.5 * (1 + Math.cos(Math.PI * step / settings.steps()));
        return settings.rate() * Math.min(1, step / warmUp) * (FINAL_RATE + (1 - FINAL_RATE) * cosine);
    }
}
