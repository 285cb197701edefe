package dev.sagitta.train.optimiser;

import dev.sagitta.kernel.optimiser.Optimiser;
import dev.sagitta.kernel.optimiser.OptimiserSettings;
import java.util.List;

/**
 * An optimiser and its settings. Weight decay concerns weight matrices only.
 *
 * @param rate learning rate
 * @param momentum of SGD, 0 for none
 * @param beta1 decay of AdamW's first moment
 * @param beta2 decay of the second
 * @param maxNorm the gradient is scaled down to this norm; infinity for no clipping
 */
public record OptimiserOptions(
        Optimiser.Rule rule,
        double rate,
        double momentum,
        double beta1,
        double beta2,
        double epsilon,
        double weightDecay,
        double maxNorm) {

    public OptimiserOptions {
        // the ranges stand once, beside the kernel's settings
        settings(rule, rate, momentum, beta1, beta2, epsilon, weightDecay, maxNorm, 1);
    }

    /** PyTorch's defaults: betas 0.9 and 0.999, epsilon 1e-8, weight decay 0.01. */
    public static OptimiserOptions adamW(double rate) {
        return new OptimiserOptions(Optimiser.Rule.ADAMW, rate, 0, 0.9, 0.999, 1e-8, 0.01, Double.POSITIVE_INFINITY);
    }

    public static OptimiserOptions sgd(double rate, double momentum) {
        return new OptimiserOptions(Optimiser.Rule.SGD, rate, momentum, 0, 0, 0, 0, Double.POSITIVE_INFINITY);
    }

    public OptimiserOptions rate(double value) {
        return new OptimiserOptions(rule, value, momentum, beta1, beta2, epsilon, weightDecay, maxNorm);
    }

    public OptimiserOptions weightDecay(double value) {
        return new OptimiserOptions(rule, rate, momentum, beta1, beta2, epsilon, value, maxNorm);
    }

    /** @param value infinity for no clipping */
    public OptimiserOptions clip(double value) {
        return new OptimiserOptions(rule, rate, momentum, beta1, beta2, epsilon, weightDecay, value);
    }

    public boolean clips() {
        return maxNorm != Double.POSITIVE_INFINITY;
    }

    /** Names of its state in a checkpoint. */
    public List<String> states() {
        return rule == Optimiser.Rule.ADAMW ? List.of("m", "v") : momentum == 0 ? List.of() : List.of("velocity");
    }

    /** What the kernel reads. @param step from 1 */
    public float[] settings(long step) {
        return settings(rule, rate, momentum, beta1, beta2, epsilon, weightDecay, maxNorm, step);
    }

    /** Changes {@link #settings} to those of another step, in place. */
    public void settings(long step, float[] settings) {
        if (rule == Optimiser.Rule.ADAMW) {
            OptimiserSettings.adamWStep(settings, rate, beta1, beta2, step);
        }
    }

    private static float[] settings(
            Optimiser.Rule rule,
            double rate,
            double momentum,
            double beta1,
            double beta2,
            double epsilon,
            double weightDecay,
            double maxNorm,
            long step) {
        return rule == Optimiser.Rule.ADAMW
                ? OptimiserSettings.adamW(rate, beta1, beta2, epsilon, weightDecay, step, maxNorm)
                : OptimiserSettings.sgd(rate, momentum, false, weightDecay, maxNorm);
    }
}
