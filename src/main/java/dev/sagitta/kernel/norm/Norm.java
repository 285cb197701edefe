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

/**
 * Layer norm and RMS norm over the last axis, fp32: formulas in {@code norm/norm.gpu.cl}. x is [n, c], mean and r are [n], w and b [c]; tangents, and the
 * cotangents of Gauss-Newton products, have K copies in front. A null mean is RMS norm, a null w is a weight of ones. What is normalised may be a sum that the same pass makes,
 * and to the cotangents of a sum those are added that it has from elsewhere.
 */
public final class Norm {
    /** NORM_COLUMNS of the CPU variant. */
    private static final int CPU_COLUMNS = 64;

    private static final long LEAST_SPLIT = 32;
    private static final long MOST_SPLITS = 128;

    private Norm() {}

    private interface Entry extends Descriptor {
        /** x of the rows that it goes through. */
        Tensor x();

        default long c() {
            return x().shape().extent(-1);
        }

        default long n() {
            return x().elements() / Math.max(1, c());
        }

        default long copies() {
            return 1;
        }

        @Override
        default Map<String, String> defines(Device device) {
            return Work.onCpu(device) ? Map.of("NORM_COLUMNS", Integer.toString(CPU_COLUMNS)) : Work.defines(device);
        }

        @Override
        default Geometry geometry(Device device) {
            return Work.rows(device, n(), c(), copies());
        }

        default Signature kept(Signature s, Tensor mean, Tensor r, Tensor w) {
            s.present("x", x())
                    .require(
                            x().shape().rank() >= 1 && c() > 0,
                            x() + " has no columns, expected [..., columns] of at least one");
            return s.in("x", x(), DType.F32)
                    .free()
                    .inOrNull("mean", mean, DType.F32)
                    .exactly(n())
                    .in("r", r, DType.F32, n())
                    .inOrNull("w", w, DType.F32)
                    .exactly(c());
        }
    }

    /**
     * y = w (x - mean) r + b; mean and r are written unless they are null.
     *
     * @param z is added to x before, or null; the sum goes to s unless that is null
     */
    public record Forward(
            Tensor x,
            Tensor z,
            Tensor w,
            Tensor b,
            Tensor s,
            Tensor y,
            Tensor mean,
            Tensor r,
            float epsilon,
            boolean centred)
            implements Entry {
        /** Of x alone. */
        public Forward(Tensor x, Tensor w, Tensor b, Tensor y, Tensor mean, Tensor r, float epsilon, boolean centred) {
            this(x, null, w, b, null, y, mean, r, epsilon, centred);
        }

        @Override
        public Signature signature() {
            Signature s = Signature.of("norm_forward_f32").present("x", x);
            s.require(x.shape().rank() >= 1 && c() > 0, x + " has no columns, expected [..., columns] of at least one");
            return s.require(z != null || this.s == null, "z is missing, expected a summand for the sum s")
                    .in("x", x, DType.F32)
                    .free()
                    .inOrNull("z", z, DType.F32)
                    .elements(x.elements())
                    .inOrNull("w", w, DType.F32)
                    .exactly(c())
                    .inOrNull("b", b, DType.F32)
                    .exactly(c())
                    .outOrNull("s", this.s, DType.F32)
                    .elements(x.elements())
                    .out("y", y, DType.F32)
                    .elements(x.elements())
                    .outOrNull("mean", mean, DType.F32)
                    .exactly(n())
                    .outOrNull("r", r, DType.F32)
                    .exactly(n())
                    .i64("n", n())
                    .i64("c", c())
                    .f32("epsilon", epsilon)
                    .i32("centred", centred ? 1 : 0);
        }

        @Override
        public long flops() {
            return 5 * x.elements();
        }
    }

    /**
     * dx of K cotangents.
     *
     * @param ds is added to it, or null
     */
    public record Backward(Tensor x, Tensor mean, Tensor r, Tensor w, Tensor dy, Tensor ds, Tensor dx)
            implements Entry {
        @Override
        public long copies() {
            return dy.elements() / Math.max(1, x.elements());
        }

        @Override
        public Signature signature() {
            return kept(Signature.of("norm_backward_f32").present("dy", dy), mean, r, w)
                    .in("dy", dy, DType.F32)
                    .elements(copies() * x.elements())
                    .inOrNull("ds", ds, DType.F32)
                    .elements(copies() * x.elements())
                    .out("dx", dx, DType.F32)
                    .elements(copies() * x.elements())
                    .i64("n", n())
                    .i64("c", c())
                    .i64("copies", copies());
        }

        @Override
        public long flops() {
            return 7 * dy.elements();
        }
    }

    /**
     * K tangents yt; xt [K, n, c], wt and bt [K, c] may be null for zeros.
     *
     * @param zt is added to xt before, or null, as st, where the sum goes
     */
    public record Tangent(
            Tensor x, Tensor mean, Tensor r, Tensor w, Tensor xt, Tensor zt, Tensor wt, Tensor bt, Tensor st, Tensor yt)
            implements Entry {
        @Override
        public long copies() {
            return yt.elements() / Math.max(1, x.elements());
        }

        @Override
        public Signature signature() {
            return kept(Signature.of("norm_tangent_f32").present("yt", yt), mean, r, w)
                    .require(
                            (zt == null) == (st == null) && (zt == null || xt != null),
                            "of zt and st one is missing, or xt beside them")
                    .inOrNull("xt", xt, DType.F32)
                    .elements(yt.elements())
                    .inOrNull("zt", zt, DType.F32)
                    .elements(yt.elements())
                    .inOrNull("wt", wt, DType.F32)
                    .elements(copies() * c())
                    .inOrNull("bt", bt, DType.F32)
                    .elements(copies() * c())
                    .outOrNull("st", st, DType.F32)
                    .elements(yt.elements())
                    .out("yt", yt, DType.F32)
                    .elements(copies() * x.elements())
                    .i64("n", n())
                    .i64("c", c())
                    .i64("copies", copies());
        }

        @Override
        public long flops() {
            return 8 * yt.elements();
        }
    }

    /**
     * K tangents dxt, and the means that {@link Gradient} reads; either may be null, as may xt, wt and dyt.
     *
     * @param dst is added to dxt, or null
     */
    public record TangentBackward(
            Tensor x,
            Tensor mean,
            Tensor r,
            Tensor w,
            Tensor dy,
            Tensor xt,
            Tensor wt,
            Tensor dyt,
            Tensor dst,
            Tensor dxt,
            Tensor stats,
            long copies)
            implements Entry {
        @Override
        public Signature signature() {
            return kept(Signature.of("norm_tangent_backward_f32"), mean, r, w)
                    .in("dy", dy, DType.F32)
                    .elements(x.elements())
                    .inOrNull("xt", xt, DType.F32)
                    .elements(copies * x.elements())
                    .inOrNull("wt", wt, DType.F32)
                    .elements(copies * c())
                    .inOrNull("dyt", dyt, DType.F32)
                    .elements(copies * x.elements())
                    .inOrNull("dst", dst, DType.F32)
                    .elements(copies * x.elements())
                    .outOrNull("dxt", dxt, DType.F32)
                    .elements(copies * x.elements())
                    .outOrNull("stats", stats, DType.F32)
                    .elements(copies * n() * 2)
                    .i64("n", n())
                    .i64("c", c())
                    .i64("copies", copies);
        }

        @Override
        public long flops() {
            return 16 * copies * x.elements();
        }
    }

    /** Shape of the workspace of {@link Curvature}: a pair for each probe and group. */
    public static Shape partials(Device device, long n, long c, long copies) {
        return Shape.of(copies, Curvature.groups(device, n, c, copies).gridX(), 2);
    }

    /** out[k] = dy . y''[t, t]; wt may be null. */
    public record Curvature(
            Tensor x,
            Tensor mean,
            Tensor r,
            Tensor w,
            Tensor dy,
            Tensor xt,
            Tensor wt,
            Tensor out,
            Tensor partials,
            float epsilon)
            implements Entry {
        private static Geometry groups(Device device, long n, long c, long copies) {
            return Work.rowSums(device, n, c, copies);
        }

        @Override
        public long copies() {
            return out.elements();
        }

        @Override
        public Geometry geometry(Device device) {
            return groups(device, n(), c(), copies());
        }

        @Override
        public Signature signature() {
            Signature s = kept(Signature.of("norm_curvature_f32").present("out", out), mean, r, w);
            return s.in("dy", dy, DType.F32)
                    .elements(x.elements())
                    .in("xt", xt, DType.F32)
                    .elements(copies() * x.elements())
                    .inOrNull("wt", wt, DType.F32)
                    .elements(copies() * c())
                    .out("out", out, DType.F32)
                    .ofAnotherLaunch()
                    .workspace(
                            "partials",
                            partials,
                            DType.F32,
                            Norm.partials(x.buffer().device(), n(), c(), copies())
                                    .toArray())
                    .i64("n", n())
                    .i64("c", c())
                    .i64("copies", copies())
                    .f32("epsilon", epsilon);
        }

        @Override
        public List<Descriptor> launches(Device device) {
            return List.of(
                    this, Reduce.finishSum(partials, out, partials.shape().extent(1)));
        }

        @Override
        public long flops() {
            return 10 * copies() * x.elements();
        }
    }

    /** Rows of n that one split of {@link Gradient} has. */
    private static long split(long n) {
        return Math.max(LEAST_SPLIT, Work.ceil(n, MOST_SPLITS));
    }

    /** Shape of what {@link Gradient} leaves for {@code Bias.gradient} to add: [K, splits, c]. */
    public static Shape splits(long n, long c, long copies) {
        return Shape.of(copies, Work.ceil(n, split(n)), c);
    }

    /**
     * Sums over the rows of each split: dw = u xh + dy xht, db = u, [K, splits, c].
     *
     * @param u cotangents, or K tangents of them; null for zeros
     * @param dy with xt and stats, for the tangents; else all three are null
     * @param dw or null, as db
     */
    public record Gradient(
            Tensor x,
            Tensor mean,
            Tensor r,
            Tensor u,
            Tensor dy,
            Tensor xt,
            Tensor stats,
            Tensor dw,
            Tensor db,
            long copies)
            implements Entry {
        @Override
        public Signature signature() {
            Signature s = kept(Signature.of("norm_gradient_f32").present("x", x), mean, r);
            Shape sums = splits(n(), c(), copies);
            return s.inOrNull("u", u, DType.F32)
                    .elements(copies * x.elements())
                    .inOrNull("dy", dy, DType.F32)
                    .elements(x.elements())
                    .inOrNull("xt", xt, DType.F32)
                    .elements(copies * x.elements())
                    .inOrNull("stats", stats, DType.F32)
                    .elements(copies * n() * 2)
                    .require(
                            (dy == null) == (xt == null) && (xt == null) == (stats == null),
                            "of dy, xt and stats some are missing, expected all or none")
                    .outOrNull("dw", dw, DType.F32)
                    .exactly(sums.toArray())
                    .outOrNull("db", db, DType.F32)
                    .exactly(sums.toArray())
                    .i64("n", n())
                    .i64("c", c())
                    .i64("copies", copies)
                    .i64("split", split(n()));
        }

        private Signature kept(Signature s, Tensor mean, Tensor r) {
            return s.in("x", x, DType.F32)
                    .free()
                    .inOrNull("mean", mean, DType.F32)
                    .exactly(n())
                    .in("r", r, DType.F32, n());
        }

        @Override
        public Geometry geometry(Device device) {
            boolean cpu = Work.onCpu(device);
            long tiles = Work.ceil(c(), cpu ? CPU_COLUMNS : Work.GROUP);
            long across = Math.max(1, Math.min(copies, Work.MOST_ACROSS));
            return Geometry.of(tiles, Work.ceil(n(), split(n())), across, cpu ? 1 : Work.GROUP, 1);
        }

        @Override
        public long flops() {
            return 3 * copies * x.elements();
        }
    }
}
