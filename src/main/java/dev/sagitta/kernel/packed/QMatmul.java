package dev.sagitta.kernel.packed;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/**
 * Products with packed weights W [N, K] in panels, fp32, accumulated in fp32, the same bits every time. On a CPU device the bits of a row
 * do not depend on the batch; on a GPU several kernels serve, by the number of rows, and bits differ between them.
 */
public final class QMatmul {
    private QMatmul() {}

    /** @param bias [N] or null */
    public static Forward forward(Tensor x, PackedWeights w, Tensor bias, Tensor y) {
        return new Forward(x, w, bias, y);
    }

    public static Backward backward(Tensor dy, PackedWeights w, Tensor dx) {
        return new Backward(dy, w, dx);
    }

    /** The largest M above 1 whose rows have the bits of M = 2, for {@code n} columns: 64 to 256 on a GPU, by its multiprocessors. */
    public static long mostFew(Device device, long n) {
        return QTiles.mostFew(device, n);
    }

    private interface Entry extends Descriptor {
        PackedWeights w();

        default String named(String kernel) {
            return kernel + w().format().bits() + "_f32";
        }

        default Signature extents(Signature s, long m) {
            return s.i32("m", (int) m)
                    .i32("n", (int) w().n())
                    .i32("k", (int) w().k())
                    .i32("group", w().format().group());
        }

        @Override
        default Map<String, String> defines(Device device) {
            return QTiles.defines();
        }

        /** Of the sum of the absolute terms: chains of at most 256 terms, added in order. */
        @Override
        default Tolerance tolerance() {
            return new Tolerance(2e-6, 1e-30);
        }
    }

    /** The last tensor of {@code s}, {@code tensor}, as rows of so many columns. */
    private static Signature rows(Signature s, Tensor tensor, long columns) {
        return s.require(
                        tensor.shape().rank() >= 1
                                && tensor.elements() >= 1
                                && tensor.shape().extent(-1) == columns,
                        tensor + " has shape " + tensor.shape() + ", expected [.., " + columns
                                + "] with at least one row")
                .require(
                        tensor.elements() / columns <= 1 << 30,
                        tensor + " has " + tensor.elements() / columns + " rows, at most 2^30 are served");
    }

    /**
     * y = x W' + bias: x is [.., K], y [.., N], bias [N] or null. On a GPU M = 1, M = 2 to {@link #mostFew}, and M above it have kernels of
     * their own.
     */
    public record Forward(Tensor x, PackedWeights w, Tensor bias, Tensor y) implements Entry {
        private String entry(long few) {
            return named(m() == 1 ? "qmatvec_w" : m() <= few ? "qmatfew_w" : "qmatmul_w");
        }

        @Override
        public String entry(Device device) {
            return entry(mostFew(device, w.n()));
        }

        private long m() {
            return x.elements() / w.k();
        }

        @Override
        public Signature signature() {
            Signature s = Signature.of(x == null ? named("qmatmul_w") : entry(QTiles.MOST_FEW));
            w.require(s, PackedWeights.Layout.PANELS);
            rows(s.in("x", x, DType.F32), x, w.k());
            w.all(s).inOrNull("bias", bias, DType.F32).exactly(w.n());
            rows(s.out("y", y, DType.F32), y, w.n()).elements(Math.multiplyExact(m(), w.n()));
            return extents(s, m());
        }

        @Override
        public Geometry geometry(Device device) {
            if (m() > mostFew(device, w.n())) {
                return QTiles.geometry(device, m(), w.n());
            }
            long panels = w.words().shape().extent(0);
            return Work.onCpu(device)
                    ? Geometry.linear(QTiles.cpuPanelParts(panels, device.info().computeUnits()), 1)
                    : Geometry.of(
                            panels,
                            m() == 1 ? 1 : (m() + QTiles.GPU_FEW - 1) / QTiles.GPU_FEW,
                            1,
                            QTiles.GPU_THREADS,
                            1);
        }

        @Override
        public long flops() {
            return 2 * m() * w.n() * w.k();
        }
    }

    /**
     * The gradient of {@link Forward} with respect to its input, dx = dy W, through the packed weights: dy is [.., N], dx [.., K]. On a GPU
     * M up to {@code mostFew(device, K)}, and M above it, have kernels of their own.
     */
    public record Backward(Tensor dy, PackedWeights w, Tensor dx) implements Entry {
        @Override
        public String entry(Device device) {
            return named(few(device) ? "qmatfew_backward_w" : "qmatmul_backward_w");
        }

        private boolean few(Device device) {
            return !Work.onCpu(device) && m() <= QTiles.mostFew(device, w.k());
        }

        private long m() {
            return dy.elements() / w.n();
        }

        @Override
        public Signature signature() {
            Signature s = Signature.of(named("qmatmul_backward_w"));
            w.require(s, PackedWeights.Layout.PANELS);
            rows(s.in("dy", dy, DType.F32), dy, w.n());
            w.all(s).out("dx", dx, DType.F32);
            return extents(rows(s, dx, w.k()).elements(Math.multiplyExact(m(), w.k())), m());
        }

        @Override
        public Geometry geometry(Device device) {
            return few(device)
                    ? Geometry.of(
                            Work.ceil(w.k(), QTiles.UNIT),
                            Work.ceil(m(), QTiles.GPU_FEW_BACKWARD),
                            1,
                            QTiles.GPU_THREADS,
                            1)
                    : QTiles.geometry(device, m(), w.k());
        }

        @Override
        public long flops() {
            return 2 * m() * w.n() * w.k();
        }
    }
}
