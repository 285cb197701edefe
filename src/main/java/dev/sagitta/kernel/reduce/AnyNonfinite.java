package dev.sagitta.kernel.reduce;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.kernel.Work.Chunks;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/**
 * Whether x holds an infinity or a NaN, and where the first one is, in two launches of the kernels of {@link Reduce}.
 *
 * @param x fp32
 * @param flag i32 [1]: 1 if there is one, else 0
 * @param index i64 [1]: its position, or -1
 * @param partials workspace of the shape that {@link #partials} states
 */
public record AnyNonfinite(Tensor x, Tensor flag, Tensor index, Tensor partials) implements Descriptor {
    private static final String FILE = "reduce/reduce";

    /** Shape of the fp32 workspace for n elements: [C, 2]. */
    public static Shape partials(Device device, long n) {
        return Shape.of(Chunks.of(device, n, 1).count(), 2);
    }

    @Override
    public String file() {
        return FILE;
    }

    @Override
    public Signature signature() {
        Signature s = Signature.of("reduce_nonfinite_f32")
                .in("x", x, DType.F32)
                .free()
                .out("flag", flag, DType.I32)
                .ofAnotherLaunch()
                .elements(1)
                .out("index", index, DType.I64)
                .ofAnotherLaunch()
                .elements(1);
        Device device = x.buffer().device();
        return s.workspace(
                        "partials",
                        partials,
                        DType.F32,
                        partials(device, x.elements()).toArray())
                .i64("rows", 1)
                .i64("n", x.elements())
                .i64("chunk", Chunks.of(device, x.elements(), 1).length());
    }

    @Override
    public Geometry geometry(Device device) {
        return Geometry.linear(Chunks.of(device, x.elements(), 1).count(), Work.onCpu(device) ? 1 : Work.GROUP);
    }

    @Override
    public List<Descriptor> launches(Device device) {
        return List.of(this, new Finish(partials, flag, index));
    }

    private record Finish(Tensor partials, Tensor flag, Tensor index) implements Descriptor {
        @Override
        public String file() {
            return FILE;
        }

        @Override
        public Signature signature() {
            return Signature.of("nonfinite_finish_f32")
                    .in("partials", partials, DType.F32)
                    .out("flag", flag, DType.I32)
                    .out("index", index, DType.I64)
                    .i64("chunks", partials.elements() / 2);
        }

        @Override
        public Geometry geometry(Device device) {
            return Geometry.linear(1, Work.onCpu(device) ? 1 : Work.GROUP);
        }
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
