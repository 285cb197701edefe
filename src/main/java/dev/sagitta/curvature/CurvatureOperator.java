package dev.sagitta.curvature;

import dev.sagitta.device.Device;
import dev.sagitta.device.Stream;
import dev.sagitta.program.ParameterLayout;
import dev.sagitta.tensor.Tensor;

/**
 * A symmetric matrix A over the parameters, known by its products with K vectors at a time. Estimators need nothing else. Vectors live in
 * device memory, in the layout of {@link ParameterLayout}: parameter p starts at {@code K offset(p)} and is [K, shape]; gaps hold zeros.
 */
public interface CurvatureOperator extends AutoCloseable {
    Device device();

    Stream stream();

    ParameterLayout layout();

    /** K. */
    int probes();

    /** The K vectors, f32 [K * length]: written by the caller. */
    Tensor vectors();

    /** The K products, f32 [K * length]: valid after {@link #multiply}. */
    Tensor products();

    /** products[k] = A vectors[k], enqueued on the stream. */
    void multiply();

    @Override
    void close();
}
