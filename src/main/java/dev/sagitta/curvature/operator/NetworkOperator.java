package dev.sagitta.curvature.operator;

import dev.sagitta.curvature.CurvatureOperator;
import dev.sagitta.device.Device;
import dev.sagitta.device.Stream;
import dev.sagitta.program.BatchMean;
import dev.sagitta.program.Batches;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ParameterLayout;
import dev.sagitta.program.ParameterRole;
import dev.sagitta.tensor.Tensor;

/**
 * The Hessian or the Gauss-Newton matrix of a network's mean loss over all rows of a data set, batch by batch: each batch's product counts
 * by its share of the rows (labels that the loss leaves out do not count), so the batch size changes memory and rounding, not the matrix.
 */
public final class NetworkOperator implements CurvatureOperator {
    private final Batches batches;
    private final BatchMean mean;

    /**
     * @param batches compiled for {@link Computation#HESSIAN_VECTOR} or {@link Computation#GAUSS_NEWTON_VECTOR}; closed with the operator, and if none comes about
     * @throws dev.sagitta.io.file.DataException if the loss leaves out every label
     */
    public NetworkOperator(Batches batches, Computation computation) {
        this.batches = batches;
        try {
            if (computation != Computation.HESSIAN_VECTOR && computation != Computation.GAUSS_NEWTON_VECTOR) {
                throw new IllegalArgumentException("network operator: " + computation
                        + " is no product; expected HESSIAN_VECTOR or GAUSS_NEWTON_VECTOR");
            }
            this.mean = new BatchMean(batches, computation, ParameterRole.PRODUCT);
        } catch (RuntimeException | Error e) {
            batches.close();
            throw e;
        }
    }

    @Override
    public Device device() {
        return batches.program().device();
    }

    @Override
    public Stream stream() {
        return batches.program().stream();
    }

    @Override
    public ParameterLayout layout() {
        return batches.program().layout();
    }

    @Override
    public int probes() {
        return batches.program().options().probes();
    }

    @Override
    public Tensor vectors() {
        return batches.program().flat(ParameterRole.VECTOR);
    }

    @Override
    public Tensor products() {
        return mean.mean();
    }

    @Override
    public void multiply() {
        mean.compute();
    }

    @Override
    public void close() {
        mean.close();
        batches.close();
    }
}
