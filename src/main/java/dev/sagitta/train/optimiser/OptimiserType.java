package dev.sagitta.train.optimiser;

import dev.sagitta.graph.Field;
import dev.sagitta.kernel.optimiser.Optimiser;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** An optimiser's face to trainers, files and people. There is one of each, listed by {@link Optimisers}. */
public interface OptimiserType {
    /** In checkpoints and on the command line. */
    String name();

    /** Learning rate where none is given. */
    double rate();

    /** Weight decay where none is given. */
    double weightDecay();

    /** Its own settings, besides those that every optimiser has. */
    List<Field<Double>> fields();

    /** Names of its states in a checkpoint: one number per parameter each, zero before the first step. */
    List<String> states(OptimiserOptions options);

    /**
     * What the kernel reads from device memory.
     *
     * @param step from 1
     * @throws IllegalArgumentException on a number that no training could use
     */
    float[] settings(OptimiserOptions options, long step);

    /** Changes {@link #settings(OptimiserOptions, long)} to those of another step, in place: a warm step allocates nothing. */
    void settings(OptimiserOptions options, long step, float[] settings);

    /**
     * The kernel of a step.
     *
     * @param states in the order of their names
     * @param decay which blocks of parameters have weight decay
     * @param settings on the device
     */
    Optimiser.Update update(Tensor parameters, Tensor gradient, List<Tensor> states, Tensor decay, Tensor settings);
}
