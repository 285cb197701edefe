package dev.sagitta.kernel.shape;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/** Mean over an axis, of all its positions or of the first ones, and the transpose; fp32. Tensors are seen as [outer, axis, inner]. */
public final class Mean {
    private static final String LAYOUT = "[outer, axis, inner]";
    private static final int PER_ACCESS = 4;
    private static final int WIDEST = 64;
    private static final int DEEPEST = 64;
    private static final int MOST_GROUPS = 1 << 20;

    private Mean() {}

    /** y[o, i] = 1 / l sum of x[o, a, i] over a &lt; l, l = lengths[o % sequences] or all; 0 where l is 0. */
    public static Forward of(Tensor x, Tensor lengths, Tensor y) {
        return new Forward(x, lengths, y);
    }

    /** dx[o, a, i] = dy[o, i] / l for a &lt; l, else 0. */
    public static Spread spread(Tensor dy, Tensor lengths, Tensor dx) {
        return new Spread(dy, lengths, dx);
    }

    private static Signature sequences(Signature s, Tensor whole, Tensor lengths) {
        return s.inOrNull("lengths", lengths, DType.I32)
                .require(
                        lengths == null
                                || lengths.elements() > 0 && whole.shape().extent(0) % lengths.elements() == 0,
                        lengths + " does not divide the " + whole.shape().extent(0) + " outer positions of " + whole
                                + ", expected a length per sequence");
    }

    private static Signature numbers(Signature s, Tensor whole, Tensor lengths) {
        return s.i64("outer", whole.shape().extent(0))
                .i64("n", whole.shape().extent(1))
                .i64("inner", whole.shape().extent(2))
                .i64("sequences", lengths == null ? 1 : lengths.elements());
    }

    /**
     * See {@link Mean#of}.
     *
     * @param x f32 [outer, n, inner]
     * @param lengths i32, of a number of elements that divides outer, or null
     * @param y f32 [outer, inner]
     */
    public record Forward(Tensor x, Tensor lengths, Tensor y) implements Descriptor {
        @Override
        public Signature signature() {
            Signature s = Signature.of("mean_f32").in("x", x, DType.F32).rank(3, LAYOUT);
            s = sequences(s, x, lengths)
                    .out("y", y, DType.F32, x.shape().extent(0), x.shape().extent(2));
            return numbers(s, x, lengths);
        }

        @Override
        public Geometry geometry(Device device) {
            if (Work.onCpu(device)) {
                return Geometry.linear(Work.cpuGroups(device, x.elements()), 1);
            }
            long accesses = Math.max(1, Work.ceil(x.shape().extent(2), PER_ACCESS));
            int across = Work.powerOfTwo(accesses, WIDEST);
            int down = Work.powerOfTwo(Math.max(1, x.shape().extent(1)), Work.GROUP / across);
            // CUDA takes 64 along z at most
            int beside = Math.min(Work.GROUP / across / down, DEEPEST);
            long groups = Math.max(1, Math.min(Work.ceil(x.shape().extent(0), beside), Work.MOST_ACROSS));
            int tiles = Math.toIntExact(Work.ceil(accesses, across));
            return new Geometry(tiles, (int) groups, 1, across, down, beside, 0);
        }

        @Override
        public long flops() {
            return x.elements();
        }
    }

    /**
     * See {@link Mean#spread}.
     *
     * @param dy f32 [outer, inner]
     * @param lengths i32, of a number of elements that divides outer, or null
     * @param dx f32 [outer, n, inner]
     */
    public record Spread(Tensor dy, Tensor lengths, Tensor dx) implements Descriptor {
        @Override
        public Signature signature() {
            Signature s = Signature.of("mean_spread_f32")
                    .present("dx", dx)
                    .require(dx.shape().rank() == 3, dx + " must be " + LAYOUT + "; reshape it")
                    .in("dy", dy, DType.F32, dx.shape().extent(0), dx.shape().extent(2));
            return numbers(sequences(s, dx, lengths).out("dx", dx, DType.F32), dx, lengths);
        }

        @Override
        public Geometry geometry(Device device) {
            if (Work.onCpu(device)) {
                return Geometry.linear(Work.cpuGroups(device, dx.elements()), 1);
            }
            long accesses = Math.max(1, Work.ceil(dx.shape().extent(2), PER_ACCESS));
            int across = Work.powerOfTwo(accesses, Work.GROUP);
            int down = Work.GROUP / across;
            long groups = Work.ceil(dx.shape().extent(0) * dx.shape().extent(1), down);
            return Geometry.of(Math.max(1, Math.min(groups, MOST_GROUPS)), 1, 1, across, down);
        }

        @Override
        public long flops() {
            return dx.elements();
        }
    }
}
