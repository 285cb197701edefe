package dev.sagitta.kernel.reduce;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.kernel.Work.Chunks;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/**
 * Whether x holds an infinity or a NaN, and where the first one is, in two launches.
 *
 * @param x fp32
 * @param flag i32 [1]: 1 if there is one, else 0
 * @param index i64 [1]: its position, or -1
 * @param partials workspace of the shape that {@link #partials} states
 */
public record AnyNonfinite(Tensor x, Tensor flag, Tensor index, Tensor partials) implements HandDescriptor {
    /** Shape of the fp32 workspace for n elements: [C, 2]. */
    public static Shape partials(Device device, long n) {
        return Shape.of(Chunks.of(device, n, 1).count(), 2);
    }

    @Override
    public String file() {
        return "reduce";
    }

    @Override
    public String entry() {
        return "reduce_nonfinite_f32";
    }

    @Override
    public void check() {
        Checks checks = new Checks("any_nonfinite");
        checks.open(x).dtype(x, DType.F32);
        checks.open(flag).dtype(flag, DType.I32).elements(flag, 1);
        checks.open(index).dtype(index, DType.I64).elements(index, 1);
        checks.open(partials).dtype(partials, DType.F32);
        checks.shape(
                partials, partials(partials.buffer().device(), x.elements()).toArray());
    }

    @Override
    public Geometry geometry(Device device) {
        boolean cpu = device.kind() == DeviceKind.OPENCL_CPU;
        return Geometry.linear(Chunks.of(device, x.elements(), 1).count(), cpu ? 1 : Work.GROUP);
    }

    @Override
    public void arguments(Arguments arguments) {
        long chunk = Chunks.of(partials.buffer().device(), x.elements(), 1).length();
        arguments
                .buffer(x.buffer())
                .buffer(partials.buffer())
                .i64(1)
                .i64(x.elements())
                .i64(chunk);
    }

    @Override
    public Step prepare(Device device) {
        Step first = HandDescriptor.super.prepare(device);
        return Step.sequence(List.of(first, new Finish(partials, flag, index).prepare(device)));
    }

    private record Finish(Tensor partials, Tensor flag, Tensor index) implements HandDescriptor {
        @Override
        public String file() {
            return "reduce";
        }

        @Override
        public String entry() {
            return "nonfinite_finish_f32";
        }

        @Override
        public void check() {
            new Checks(entry()).open(partials).open(flag).open(index);
        }

        @Override
        public Geometry geometry(Device device) {
            return Geometry.linear(1, device.kind() == DeviceKind.OPENCL_CPU ? 1 : Work.GROUP);
        }

        @Override
        public void arguments(Arguments arguments) {
            arguments.buffer(partials.buffer()).buffer(flag.buffer()).buffer(index.buffer());
            arguments.i64(partials.elements() / 2);
        }

        @Override
        public long bytes() {
            return partials.bytes() + flag.bytes() + index.bytes();
        }

        @Override
        public long flops() {
            return 0;
        }
    }

    @Override
    public long bytes() {
        return x.bytes() + flag.bytes() + index.bytes();
    }

    @Override
    public long flops() {
        return x.elements();
    }

    @Override
    public Tolerance tolerance() {
        return Tolerance.EXACT;
    }
}
