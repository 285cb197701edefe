package dev.sagitta.cli;

import dev.sagitta.curvature.CurvatureOperator;
import dev.sagitta.device.Device;
import dev.sagitta.device.Stream;
import dev.sagitta.program.ParameterLayout;
import dev.sagitta.tensor.Tensor;

/** An operator that reports its products to a progress bar. */
public record WatchedOperator(CurvatureOperator operator, Progress.Bar bar) implements CurvatureOperator {
    @Override
    public Device device() {
        return operator.device();
    }

    @Override
    public Stream stream() {
        return operator.stream();
    }

    @Override
    public ParameterLayout layout() {
        return operator.layout();
    }

    @Override
    public int probes() {
        return operator.probes();
    }

    @Override
    public Tensor vectors() {
        return operator.vectors();
    }

    @Override
    public Tensor products() {
        return operator.products();
    }

    @Override
    public void multiply() {
        operator.multiply();
        bar.step();
    }

    @Override
    public void close() {
        operator.close();
    }
}
