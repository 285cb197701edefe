package dev.sagitta.curvature;

import dev.sagitta.program.BatchMean;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ParameterRole;
import dev.sagitta.tensor.Tensor;

/** Loss and gradient of a network's mean loss over all rows of a data set. */
public final class NetworkGradient implements AutoCloseable {
    private final BatchMean mean;

    /**
     * @param batches compiled for {@link Computation#GRADIENT}; stay the caller's
     * @throws dev.sagitta.io.file.DataException if the loss leaves out every label
     */
    public NetworkGradient(Batches batches) {
        this.mean = new BatchMean(batches, Computation.GRADIENT, ParameterRole.GRADIENT);
    }

    /** Runs over all batches. */
    public void compute() {
        mean.computeWithLoss();
    }

    /** Of the last {@link #compute}. */
    public double loss() {
        return mean.loss();
    }

    /** f32 [length] in the layout of the program's parameters; gaps hold zeros. */
    public Tensor gradient() {
        return mean.mean();
    }

    @Override
    public void close() {
        mean.close();
    }
}
