package dev.sagitta.kernel.pool;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Window;
import dev.sagitta.tensor.Tensor;

/** Means over windows of images, channels last, fp32, and their transpose: formulas in {@code pool/avg_pool.gpu.cl}. Images are [copies, batch, height, width, channels]. */
public final class AvgPool {
    private AvgPool() {}

    private static Signature undilated(Signature s, Window window) {
        return s.require(
                window.dilationHeight() == 1 && window.dilationWidth() == 1,
                "means have no dilation, and it is " + window);
    }

    /** @param includePadding whether zeros of the padding count */
    public record Forward(Tensor x, Tensor y, Window window, boolean includePadding) implements Descriptor {
        @Override
        public Signature signature() {
            PoolExtents e = new PoolExtents(x, y, window);
            Signature s = e.begin("avg_pool_forward_f32", "x", "y");
            s = e.output(e.image(undilated(s, window), "x", Signature.Role.IN), "y", Signature.Role.OUT);
            return e.numbers(e.fits(s)).i32("include_padding", includePadding ? 1 : 0);
        }

        @Override
        public Geometry geometry(Device device) {
            return PoolExtents.geometry(device, y, y.elements() / y.shape().extent(0));
        }
    }

    /** The transpose. */
    public record Backward(Tensor dy, Tensor dx, Window window, boolean includePadding) implements Descriptor {
        @Override
        public Signature signature() {
            PoolExtents e = new PoolExtents(dx, dy, window);
            Signature s = e.begin("avg_pool_backward_f32", "dx", "dy");
            s = e.image(e.output(undilated(s, window), "dy", Signature.Role.IN), "dx", Signature.Role.OUT);
            return e.numbers(e.fits(s)).i32("include_padding", includePadding ? 1 : 0);
        }

        @Override
        public Geometry geometry(Device device) {
            return PoolExtents.geometry(device, dx, dx.elements() / dx.shape().extent(0));
        }
    }
}
