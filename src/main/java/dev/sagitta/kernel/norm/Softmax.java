package dev.sagitta.kernel.norm;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Work;
import dev.sagitta.kernel.reduce.Reduce;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import java.util.Map;

/** Softmax over the last axis, or its logarithm, fp32: formulas in {@code norm/softmax.gpu.cl}. All but the forward pass read its result y, [n, c]. */
public final class Softmax {
    private Softmax() {}

    private interface Entry extends Descriptor {
        /** Of the rows that it goes through. */
        Tensor y();

        boolean logarithm();

        default long c() {
            return y().shape().extent(-1);
        }

        default long n() {
            return y().elements() / Math.max(1, c());
        }

        default long copies() {
            return 1;
        }

        @Override
        default Map<String, String> defines(Device device) {
            return Work.defines(device);
        }

        @Override
        default Geometry geometry(Device device) {
            return Work.rows(device, n(), c(), copies());
        }

        default Signature rows(String entry, Tensor copied, String name) {
            Signature s = Signature.of(entry).present("y", y()).present(name, copied);
            s.require(
                    y().shape().rank() >= 1 && c() > 0,
                    y() + " has no columns, expected [..., columns] of at least one");
            return s;
        }

        default Signature end(Signature s) {
            return s.i64("n", n()).i64("c", c()).i64("copies", copies()).i32("logarithm", logarithm() ? 1 : 0);
        }
    }

    /** y of x. */
    public record Forward(Tensor x, Tensor y, boolean logarithm) implements Entry {
        @Override
        public Signature signature() {
            return rows("softmax_forward_f32", x, "x")
                    .in("x", x, DType.F32)
                    .elements(y.elements())
                    .out("y", y, DType.F32)
                    .free()
                    .i64("n", n())
                    .i64("c", c())
                    .i32("logarithm", logarithm ? 1 : 0);
        }

        @Override
        public long flops() {
            return 4 * y.elements();
        }
    }

    /** dx of K cotangents. */
    public record Backward(Tensor y, Tensor dy, Tensor dx, boolean logarithm) implements Entry {
        @Override
        public long copies() {
            return dy.elements() / Math.max(1, y.elements());
        }

        @Override
        public Signature signature() {
            return end(rows("softmax_backward_f32", dy, "dy")
                    .in("y", y, DType.F32)
                    .free()
                    .in("dy", dy, DType.F32)
                    .elements(copies() * y.elements())
                    .out("dx", dx, DType.F32)
                    .elements(copies() * y.elements()));
        }

        @Override
        public long flops() {
            return 4 * dy.elements();
        }
    }

    /** K tangents yt. */
    public record Tangent(Tensor y, Tensor xt, Tensor yt, boolean logarithm) implements Entry {
        @Override
        public long copies() {
            return xt.elements() / Math.max(1, y.elements());
        }

        @Override
        public Signature signature() {
            return end(rows("softmax_tangent_f32", xt, "xt")
                    .in("y", y, DType.F32)
                    .free()
                    .in("xt", xt, DType.F32)
                    .elements(copies() * y.elements())
                    .out("yt", yt, DType.F32)
                    .elements(copies() * y.elements()));
        }

        @Override
        public long flops() {
            return 4 * xt.elements();
        }
    }

    /** K tangents dxt; dyt may be null for zeros. */
    public record TangentBackward(Tensor y, Tensor yt, Tensor dy, Tensor dyt, Tensor dxt, boolean logarithm)
            implements Entry {
        @Override
        public long copies() {
            return yt.elements() / Math.max(1, y.elements());
        }

        @Override
        public Signature signature() {
            return end(rows("softmax_tangent_backward_f32", yt, "yt")
                    .in("y", y, DType.F32)
                    .free()
                    .in("yt", yt, DType.F32)
                    .elements(copies() * y.elements())
                    .in("dy", dy, DType.F32)
                    .elements(y.elements())
                    .inOrNull("dyt", dyt, DType.F32)
                    .elements(copies() * y.elements())
                    .out("dxt", dxt, DType.F32)
                    .elements(copies() * y.elements()));
        }

        @Override
        public long flops() {
            return 8 * yt.elements();
        }
    }

    /** Shape of the workspace of {@link Curvature}: a pair for each probe and group. */
    public static Shape partials(Device device, long n, long c, long copies) {
        return Shape.of(copies, Work.rowSums(device, n, c, copies).gridX(), 2);
    }

    /** out[k] = dy . y''[xt, xt]. */
    public record Curvature(Tensor y, Tensor xt, Tensor dy, Tensor out, Tensor partials, boolean logarithm)
            implements Entry {
        @Override
        public long copies() {
            return out.elements();
        }

        @Override
        public Geometry geometry(Device device) {
            return Work.rowSums(device, n(), c(), copies());
        }

        @Override
        public Signature signature() {
            return end(rows("softmax_curvature_f32", out, "out")
                    .in("y", y, DType.F32)
                    .free()
                    .in("xt", xt, DType.F32)
                    .elements(copies() * y.elements())
                    .in("dy", dy, DType.F32)
                    .elements(y.elements())
                    .out("out", out, DType.F32)
                    .ofAnotherLaunch()
                    .workspace(
                            "partials",
                            partials,
                            DType.F32,
                            Softmax.partials(y.buffer().device(), n(), c(), copies())
                                    .toArray()));
        }

        @Override
        public List<Descriptor> launches(Device device) {
            return List.of(
                    this, Reduce.finishSum(partials, out, partials.shape().extent(1)));
        }

        @Override
        public long flops() {
            return 8 * copies() * y.elements();
        }
    }
}
