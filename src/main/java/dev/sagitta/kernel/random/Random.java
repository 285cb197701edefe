package dev.sagitta.kernel.random;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Checks;
import dev.sagitta.kernel.HandDescriptor;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Locale;

/**
 * Random numbers named by (seed, stream, step, element), the same on every device: see {@code kernels/opencl/random.cl}. Seed and step are
 * read from {@code state}, u32[4] = seed low, seed high, step low, step high; {@link RandomState#advance} moves the step on.
 *
 * @param stream tells uses of one state apart: no two may share it
 * @param first number of the first element, a multiple of 4 below 2^50
 */
public record Random(Kind kind, Tensor state, int stream, long first, Tensor out) implements HandDescriptor {
    private static final int PER_BLOCK = 4;
    /** Work-items that a multiprocessor runs at a time. */
    private static final int WORK_ITEMS = 2048;

    private static final long END = 1L << 50;
    /** Of the length sqrt(-2 ln u), at most 6.8. */
    static final Tolerance NORMAL_TOLERANCE = new Tolerance(0, 1.5e-6);

    /** What each 32-bit word is made into. */
    public enum Kind {
        /** The word, u32. */
        BITS,
        /** [0, 1) in steps of 2^-24. */
        UNIFORM,
        /** Standard normal. */
        NORMAL,
        /** -1 or 1. */
        RADEMACHER
    }

    public static Random bits(Tensor state, int stream, Tensor out) {
        return new Random(Kind.BITS, state, stream, 0, out);
    }

    public static Random uniform(Tensor state, int stream, Tensor out) {
        return new Random(Kind.UNIFORM, state, stream, 0, out);
    }

    public static Random normal(Tensor state, int stream, Tensor out) {
        return new Random(Kind.NORMAL, state, stream, 0, out);
    }

    public static Random rademacher(Tensor state, int stream, Tensor out) {
        return new Random(Kind.RADEMACHER, state, stream, 0, out);
    }

    /** See {@link Dropout}. */
    public static Dropout dropout(Tensor state, int stream, float probability, long period, Tensor x, Tensor y) {
        return new Dropout(state, stream, probability, period, x, y);
    }

    /** The same numbers from element {@code element} of the stream on. */
    public Random from(long element) {
        return new Random(kind, state, stream, element, out);
    }

    @Override
    public String file() {
        return "random";
    }

    @Override
    public String entry() {
        return "random_" + kind.name().toLowerCase(Locale.ROOT) + "_"
                + out.dtype().suffix();
    }

    @Override
    public void check() {
        new Checks("random_" + kind.name().toLowerCase(Locale.ROOT))
                .dtype(state, DType.U32)
                .elements(state, 4)
                .dtype(out, kind == Kind.BITS ? DType.U32 : DType.F32)
                .require(
                        first >= 0 && first % PER_BLOCK == 0 && first <= END - out.elements(),
                        "first element " + first + " of " + out + ", expected a multiple of " + PER_BLOCK
                                + " with all elements below 2^50");
    }

    @Override
    public Geometry geometry(Device device) {
        long n = out.elements();
        long blocks = (n + PER_BLOCK - 1) / PER_BLOCK;
        // on CUDA as many work-items as run at once: each goes on through the elements with the key that it has read
        long most = device.kind() == DeviceKind.CUDA
                ? (long) WORK_ITEMS * Math.max(1, device.info().computeUnits())
                : blocks;
        return Work.pieces(device, (n + 31) / 32, 32, Math.min(blocks, most));
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments
                .buffer(state.buffer())
                .u32(Integer.toUnsignedLong(stream))
                .i64(first)
                .buffer(out.buffer())
                .i64(out.elements());
    }

    @Override
    public long bytes() {
        return out.bytes();
    }

    @Override
    public long flops() {
        return kind == Kind.NORMAL ? 45 * out.elements() : kind == Kind.UNIFORM ? out.elements() : 0;
    }

    /** Absolute for {@link Kind#NORMAL}; the others are exact. */
    @Override
    public Tolerance tolerance() {
        return kind == Kind.NORMAL ? NORMAL_TOLERANCE : Tolerance.EXACT;
    }
}
