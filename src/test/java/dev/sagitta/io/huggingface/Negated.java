package dev.sagitta.io.huggingface;

import dev.sagitta.curvature.CurvatureOperator;
import dev.sagitta.curvature.estimator.Lanczos;
import dev.sagitta.device.Device;
import dev.sagitta.device.Stream;
import dev.sagitta.program.ParameterLayout;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Minus a matrix, whose largest eigenvalue is minus its smallest; the sign is changed on the host. */
record Negated(CurvatureOperator matrix) implements CurvatureOperator {
    /** Of the matrix, as Lanczos finds the largest. */
    static double smallestEigenvalue(CurvatureOperator matrix, Lanczos lanczos, long seed) {
        return -lanczos.largest(new Negated(matrix), 1, seed).values()[0];
    }

    @Override
    public Device device() {
        return matrix.device();
    }

    @Override
    public Stream stream() {
        return matrix.stream();
    }

    @Override
    public ParameterLayout layout() {
        return matrix.layout();
    }

    @Override
    public int probes() {
        return matrix.probes();
    }

    @Override
    public Tensor vectors() {
        return matrix.vectors();
    }

    @Override
    public Tensor products() {
        return matrix.products();
    }

    @Override
    public void multiply() {
        matrix.multiply();
        float[] values = products().downloadFloats(stream());
        ByteBuffer negative =
                ByteBuffer.allocateDirect(values.length * Float.BYTES).order(ByteOrder.nativeOrder());
        for (float value : values) {
            negative.putFloat(-value);
        }
        products().upload(stream(), negative.flip());
    }

    @Override
    public void close() {
        matrix.close();
    }
}
