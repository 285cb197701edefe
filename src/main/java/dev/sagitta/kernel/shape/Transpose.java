package dev.sagitta.kernel.shape;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/** Two neighbouring axes exchanged; fp32. */
public final class Transpose {
    /** TRANSPOSE_TILE and TRANSPOSE_DOWN of the GPU variant. */
    private static final int TILE = 32;

    private static final int DOWN = 8;
    private static final int PER_ACCESS = 4;
    private static final int MOST_GROUPS = 1 << 20;

    private Transpose() {}

    /**
     * y[o, b, a, i] = x[o, a, b, i].
     *
     * @param x f32 [outer, a, b, inner]
     * @param y f32 [outer, b, a, inner]
     */
    public static Descriptor of(Tensor x, Tensor y) {
        return x.shape().rank() == 4 && x.shape().extent(3) == 1 ? new Tiles(x, y) : new Rows(x, y);
    }

    private static Signature exchanged(String entry, Tensor x, Tensor y) {
        Signature s = Signature.of(entry).in("x", x, DType.F32).rank(4, "[outer, a, b, inner]");
        long outer = x.shape().extent(0);
        long a = x.shape().extent(1);
        long b = x.shape().extent(2);
        return s.present("y", y)
                .out("y", y, DType.F32, outer, b, a, x.shape().extent(3))
                .require(x.buffer() != y.buffer(), y + " is also the input; give the result memory of its own")
                .i64("outer", outer)
                .i64("a", a)
                .i64("b", b);
    }

    /**
     * Tiles of single elements: inner is 1.
     *
     * @param x f32 [outer, a, b, 1]
     * @param y f32 [outer, b, a, 1]
     */
    public record Tiles(Tensor x, Tensor y) implements Descriptor {
        @Override
        public Signature signature() {
            Signature s = exchanged("transpose_f32", x, y);
            return s.require(x.shape().extent(3) == 1, x + " has more than one inner element; ask Transpose.of");
        }

        @Override
        public Geometry geometry(Device device) {
            if (Work.onCpu(device)) {
                return Geometry.linear(Work.cpuGroups(device, x.elements()), 1);
            }
            long down = Math.max(1, Math.min(Work.ceil(x.shape().extent(1), TILE), Work.MOST_ACROSS));
            long outer = Math.max(1, Math.min(x.shape().extent(0), Work.MOST_ACROSS));
            return Geometry.of(Math.max(1, Work.ceil(x.shape().extent(2), TILE)), down, outer, TILE, DOWN);
        }

        @Override
        public Tolerance tolerance() {
            return Tolerance.EXACT;
        }
    }

    /**
     * Rows of inner elements.
     *
     * @param x f32 [outer, a, b, inner]
     * @param y f32 [outer, b, a, inner]
     */
    public record Rows(Tensor x, Tensor y) implements Descriptor {
        @Override
        public Signature signature() {
            return exchanged("transpose_rows_f32", x, y).i64("inner", x.shape().extent(3));
        }

        @Override
        public Geometry geometry(Device device) {
            if (Work.onCpu(device)) {
                return Geometry.linear(Work.cpuGroups(device, x.elements()), 1);
            }
            long inner = Math.max(1, x.shape().extent(3));
            int across = Work.powerOfTwo(Work.ceil(inner, PER_ACCESS), Work.GROUP);
            int down = Work.GROUP / across;
            long groups = Work.ceil(x.elements() / inner, down);
            return Geometry.of(Math.max(1, Math.min(groups, MOST_GROUPS)), 1, 1, across, down);
        }

        @Override
        public Tolerance tolerance() {
            return Tolerance.EXACT;
        }
    }
}
