package dev.sagitta.kernel.random;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;

/** Random flips and shifts of images, by the random number of (seed, stream, step, image): see the header of the kernels. Linear in the images. */
public final class Augment {
    /** The farthest shift that is taken. */
    public static final int MOST_PADDING = 1 << 12;

    private static final String LAYOUT = "[images, channels, height, width]";
    private static final int MOST_IMAGES = 1 << 20;
    /** Rows of a work-item, so that the random numbers of an image are made for some elements at once. */
    private static final int ROWS_EACH = 8;

    private Augment() {}

    /**
     * y = x, flipped and shifted.
     *
     * @param stream as of {@link Random}
     * @param padding the farthest shift along each axis; what comes from beyond the image is 0
     * @param batch images that have numbers of their own; x holds a whole number of copies of a batch, which move alike
     */
    public static Move of(Tensor state, int stream, boolean flip, int padding, long batch, Tensor x, Tensor y) {
        return new Move(state, stream, flip, padding, false, batch, x, y);
    }

    /** The transpose: flipped and shifted back. */
    public static Move transposed(Tensor state, int stream, boolean flip, int padding, long batch, Tensor x, Tensor y) {
        return new Move(state, stream, flip, padding, true, batch, x, y);
    }

    /**
     * See {@link Augment#of}.
     *
     * @param state u32[4] as of {@link Random}
     * @param x f32 [images, channels, height, width]
     * @param y as x
     */
    public record Move(
            Tensor state, int stream, boolean flip, int padding, boolean transposed, long batch, Tensor x, Tensor y)
            implements Descriptor {
        @Override
        public Signature signature() {
            return Signature.of("augment_f32")
                    .in("state", state, DType.U32)
                    .elements(4)
                    .present("x", x)
                    .require(x.shape().rank() == 4, x + " must be " + LAYOUT + "; reshape it")
                    .require(
                            padding >= 0 && padding <= MOST_PADDING,
                            "padding " + padding + ", expected 0 to " + MOST_PADDING)
                    .require(
                            batch > 0 && x.shape().extent(0) % batch == 0,
                            x + " does not divide into batches of " + batch + " images")
                    .require(
                            x.shape().extent(3) <= Integer.MAX_VALUE / 2,
                            x + " has rows of more than 2^30 elements, expected fewer")
                    .u32("stream", Integer.toUnsignedLong(stream))
                    .i32("flip", flip ? 1 : 0)
                    .i32("padding", padding)
                    .i32("transposed", transposed ? 1 : 0)
                    .i64("images", x.shape().extent(0))
                    .i64("batch", batch)
                    .i64("rows", rows())
                    .i64("height", x.shape().extent(2))
                    .i64("width", width())
                    .in("x", x, DType.F32)
                    .out("y", y, DType.F32, x.shape().toArray())
                    // the state's 16 bytes are left out
                    .bytes(x.bytes() + y.bytes());
        }

        private long rows() {
            return x.shape().extent(1) * x.shape().extent(2);
        }

        private long width() {
            return x.shape().extent(3);
        }

        @Override
        public Geometry geometry(Device device) {
            if (Work.onCpu(device)) {
                return Geometry.linear(Work.cpuGroups(device, x.elements()), 1);
            }
            int across = Work.powerOfTwo(width(), Work.GROUP);
            int down = Work.GROUP / across;
            long parts = Math.max(1, Math.min(Work.ceil(rows(), (long) down * ROWS_EACH), Work.MOST_ACROSS));
            return Geometry.of(Math.max(1, Math.min(x.shape().extent(0), MOST_IMAGES)), parts, 1, across, down);
        }

        @Override
        public Tolerance tolerance() {
            return Tolerance.EXACT;
        }
    }
}
