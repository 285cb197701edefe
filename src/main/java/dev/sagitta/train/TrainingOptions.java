package dev.sagitta.train;

import dev.sagitta.train.optimiser.OptimiserOptions;

/**
 * @param batch examples per step
 * @param activationBits policy of saved activations as {@link dev.sagitta.compress.ActivationPolicy#parse} takes it
 * @param seed of initial weights, data order, dropout and rounding
 */
public record TrainingOptions(int batch, OptimiserOptions optimiser, String activationBits, long seed) {
    public TrainingOptions {
        if (batch < 1) {
            throw new IllegalArgumentException("batch " + batch + ", expected at least 1 example");
        }
    }
}
