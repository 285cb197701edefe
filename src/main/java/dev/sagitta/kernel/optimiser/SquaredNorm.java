package dev.sagitta.kernel.optimiser;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/** Sums of squares of a gradient, one per work-group, for {@link Optimiser#clipped}. */
record SquaredNorm(Tensor gradient, Tensor workspace) implements HandDescriptor {

    @Override
    public String file() {
        return "optimiser";
    }

    @Override
    public String entry() {
        return "optimiser_squared_norm_f32";
    }

    @Override
    public Map<String, String> defines(Device device) {
        return Work.defines(device);
    }

    @Override
    public void check() {
        new Checks(entry()).dtype(gradient, DType.F32);
    }

    @Override
    public Geometry geometry(Device device) {
        return Work.elementSums(device, gradient.elements(), 1);
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments.buffer(gradient.buffer()).buffer(workspace.buffer()).i64(gradient.elements());
    }

    @Override
    public long bytes() {
        return gradient.bytes();
    }

    @Override
    public long flops() {
        return 2 * gradient.elements();
    }
}
