package dev.sagitta.kernel.pool;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Window;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/**
 * Maxima over windows of images, channels last, fp32: formulas in {@code pool/max_pool.gpu.cl}. Images are [copies, batch, height, width, channels], offsets u32 [batch, out height,
 * out width, {@link #words}] for all copies.
 */
public final class MaxPool {
    private static final int WORD = 32;
    private static final int MOST_TAPS = 256;

    private MaxPool() {}

    /**
     * Bits of an offset within a window: 2, 4 or 8.
     *
     * @throws IllegalArgumentException if it has more than 256 positions
     */
    public static int bits(Window window) {
        int taps = Math.multiplyExact(window.height(), window.width());
        if (taps > MOST_TAPS) {
            throw new IllegalArgumentException("a window of " + window.height() + " x " + window.width() + " has "
                    + taps + " positions, expected at most " + MOST_TAPS + "; pool in two steps");
        }
        return taps <= 4 ? 2 : taps <= 16 ? 4 : 8;
    }

    /** 32-bit words of a pixel's offsets. */
    public static long words(Window window, long channels) {
        return Work.ceil(channels * bits(window), WORD);
    }

    private static Signature kept(Signature s, Tensor offsets, Signature.Role role, PoolExtents e, boolean optional) {
        long channels = e.output().shape().extent(4);
        return s.tensor("offsets", offsets, role, DType.U32, optional)
                .elements(
                        e.output().elements() / e.output().shape().extent(0) / channels * words(e.window(), channels));
    }

    private static long items(Tensor output, Window window) {
        long channels = output.shape().extent(4);
        return output.elements() / output.shape().extent(0) / channels * words(window, channels);
    }

    /** @param offsets or null */
    public record Forward(Tensor x, Tensor y, Tensor offsets, Window window) implements Descriptor {
        @Override
        public Signature signature() {
            PoolExtents e = new PoolExtents(x, y, window);
            Signature s = e.begin("max_pool_forward_f32", "x", "y");
            s = e.output(e.image(s, "x", Signature.Role.IN), "y", Signature.Role.OUT);
            s = kept(e.fits(s), offsets, Signature.Role.OUT, e, true)
                    .require(e.copies() == 1, x + " has " + e.copies() + " copies, expected 1");
            return e.numbers(s).i32("bits", bits(window));
        }

        @Override
        public Geometry geometry(Device device) {
            return PoolExtents.geometry(device, y, items(y, window));
        }

        @Override
        public Tolerance tolerance() {
            return Tolerance.EXACT;
        }
    }

    /** yt at the positions of the maxima of xt. */
    public record Gather(Tensor xt, Tensor offsets, Tensor yt, Window window) implements Descriptor {
        @Override
        public Signature signature() {
            PoolExtents e = new PoolExtents(xt, yt, window);
            Signature s = e.begin("max_pool_gather_f32", "xt", "yt");
            s = kept(e.image(s, "xt", Signature.Role.IN), offsets, Signature.Role.IN, e, false);
            return e.numbers(e.fits(e.output(s, "yt", Signature.Role.OUT))).i32("bits", bits(window));
        }

        @Override
        public Geometry geometry(Device device) {
            return PoolExtents.geometry(device, yt, items(yt, window));
        }

        @Override
        public Tolerance tolerance() {
            return Tolerance.EXACT;
        }
    }

    /** The transpose. */
    public record Scatter(Tensor dy, Tensor offsets, Tensor dx, Window window) implements Descriptor {
        @Override
        public Signature signature() {
            PoolExtents e = new PoolExtents(dx, dy, window);
            Signature s = e.begin("max_pool_scatter_f32", "dx", "dy");
            s = kept(e.output(s, "dy", Signature.Role.IN), offsets, Signature.Role.IN, e, false);
            return e.numbers(e.fits(e.image(s, "dx", Signature.Role.OUT))).i32("bits", bits(window));
        }

        @Override
        public Geometry geometry(Device device) {
            return PoolExtents.geometry(device, dx, dx.elements() / dx.shape().extent(0));
        }
    }
}
