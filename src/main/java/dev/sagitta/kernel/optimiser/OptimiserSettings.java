package dev.sagitta.kernel.optimiser;

/**
 * The numbers that {@link Optimiser} reads from device memory: 16 floats laid out as {@code kernels/optimiser/optimiser.h} says. A trainer
 * uploads them before a step; what changes with the step is computed here in fp64.
 */
public final class OptimiserSettings {
    /** Floats of the settings tensor. */
    public static final int LENGTH = 16;

    private OptimiserSettings() {}

    /**
     * @param maxNorm of the gradient, used if the step clips; infinity clips nothing and still reports the norm
     * @throws IllegalArgumentException on a number that no training could use
     */
    public static float[] sgd(double rate, double momentum, boolean nesterov, double weightDecay, double maxNorm) {
        require("learning rate", rate, 0, Double.MAX_VALUE);
        require("momentum", momentum, 0, 1);
        require("weight decay", weightDecay, 0, Double.MAX_VALUE);
        requireNorm(maxNorm);
        float[] settings = new float[LENGTH];
        settings[0] = (float) rate;
        settings[1] = (float) weightDecay;
        settings[2] = (float) momentum;
        settings[9] = (float) maxNorm;
        settings[10] = nesterov ? 1 : 0;
        return settings;
    }

    /** @param step from 1 */
    public static float[] adamW(
            double rate, double beta1, double beta2, double epsilon, double weightDecay, long step, double maxNorm) {
        require("learning rate", rate, 0, Double.MAX_VALUE);
        require("beta1", beta1, 0, Math.nextDown(1.0));
        require("beta2", beta2, 0, Math.nextDown(1.0));
        require("epsilon", epsilon, 0, Double.MAX_VALUE);
        require("weight decay", weightDecay, 0, Double.MAX_VALUE);
        requireNorm(maxNorm);
        if (step < 1) {
            throw new IllegalArgumentException(
                    "adamw: step " + step + "; steps are counted from 1, with 0 the bias correction divides by 0");
        }
        float[] settings = new float[LENGTH];
        settings[0] = (float) rate;
        settings[1] = (float) (rate * weightDecay);
        settings[2] = (float) beta1;
        settings[3] = (float) (1 - beta1);
        settings[4] = (float) beta2;
        settings[5] = (float) (1 - beta2);
        settings[6] = (float) epsilon;
        adamWStep(settings, rate, beta1, beta2, step);
        settings[9] = (float) maxNorm;
        return settings;
    }

    /** Changes AdamW's settings to those of another step, in place: a warm step allocates nothing. */
    public static void adamWStep(float[] settings, double rate, double beta1, double beta2, long step) {
        settings[7] = (float) (rate / (1 - Math.pow(beta1, step)));
        settings[8] = (float) (1 / Math.sqrt(1 - Math.pow(beta2, step)));
    }

    private static void requireNorm(double maxNorm) {
        if (!(maxNorm > 0)) {
            throw new IllegalArgumentException(
                    "maximum norm " + maxNorm + ", expected more than 0; infinity clips nothing");
        }
    }

    private static void require(String name, double value, double least, double most) {
        // written so that NaN fails
        if (!(value >= least && value <= most)) {
            throw new IllegalArgumentException(
                    name + " " + value + ", expected a number from " + least + " to " + most);
        }
    }
}
