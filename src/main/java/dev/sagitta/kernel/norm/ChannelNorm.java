package dev.sagitta.kernel.norm;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;

/**
 * The passes over memory of batch, group and instance norm: sums over the rows of each channel, and affine maps per channel; fp32, formulas in {@code
 * norm/channel_norm.gpu.cl}. Tensors are seen as [segments, rows, channels], those of K probes with K copies in front.
 */
public final class ChannelNorm {
    /** CHANNEL_SUMS_OF. */
    public static final int SUMS = 4;
    /** CHANNEL_TERMS. */
    public static final int TERMS = 5;

    private static final int MOST_PIECES = 64;
    private static final long LEAST_PER_PIECE = 8192;
    private static final int GROUPS_PER_UNIT = 8;

    private ChannelNorm() {}

    /** What is summed. */
    public enum Kind {
        /** u - shift and its square. */
        SPREAD,
        /** u and u (x - mean) r. */
        BOTH,
        /** The same and v z. */
        PAIRS,
        /** v z and v^2. */
        SQUARES
    }

    /** What is done with a mask. */
    public enum Masks {
        NONE(0),
        /** The result is rectified, its sign written. */
        WRITE(1),
        /** u and z count where it is set. */
        COTANGENTS(2),
        /** The result is 0 where it is not set. */
        RESULT(4);

        private final int bits;

        Masks(int bits) {
            this.bits = bits;
        }
    }

    /** How many pieces the rows of a segment are cut into: of extents and device alone. */
    private static long pieces(Device device, long copies, long segments, long rows, long channels) {
        long of = Math.max(1, copies * segments);
        long wanted = Work.onCpu(device)
                ? Work.cpuGroups(device, of * rows * channels)
                : (long) GROUPS_PER_UNIT * device.info().computeUnits();
        long useful = Math.max(1, Math.min(rows, rows * channels / LEAST_PER_PIECE));
        return Math.max(1, Math.min(MOST_PIECES, Math.min(useful, Work.ceil(wanted, of))));
    }

    /** Words of a mask of a bit per element; what is left of the last one means nothing. */
    public static long words(long segments, long rows, long channels) {
        return Work.ceil(segments * rows * channels, 32);
    }

    /** Whether there can be a mask: a word of it is of rows that one work-group writes, two at most. */
    public static boolean takesMask(long segments, long channels) {
        return channels % 32 == 0 || segments == 1 && channels % 16 == 0;
    }

    private static Signature fitting(Signature s, Tensor mask, Tensor of, long segments, long channels) {
        return s.require(
                mask == null || takesMask(segments, channels),
                of + " has " + channels
                        + " channels, expected a multiple of 32, or of 16 in one segment, where there is a mask");
    }

    /** Shape of the partial sums of K copies: [pieces, K, segments, 4, channels]. */
    public static Shape partials(Device device, long copies, long segments, long rows, long channels) {
        return Shape.of(pieces(device, copies, segments, rows, channels), copies, segments, SUMS, channels);
    }

    private static Geometry geometry(Device device, long copies, long segments, long rows, long channels, long pieces) {
        if (Work.onCpu(device)) {
            return Geometry.of(copies, pieces, segments, 1, 1);
        }
        int across = Work.powerOfTwo(channels, Work.GROUP);
        return Geometry.of(copies, pieces, segments, across, Work.GROUP / across);
    }

    /**
     * Sums of each channel.
     *
     * @param u f32 [copies, segments, rows, channels], or null
     * @param v as u, or null
     * @param z f32 [segments, rows, channels], or null
     * @param x f32 [segments, rows, channels], or null
     * @param mean f32 [segments, channels], or null
     * @param r f32 [segments, channels], or null
     * @param mask u32 of a bit per element of z, or null
     * @param partials f32 as {@link ChannelNorm#partials} says
     */
    public record Sums(
            Kind kind, Tensor u, Tensor v, Tensor z, Tensor x, Tensor mean, Tensor r, Tensor mask, Tensor partials)
            implements Descriptor {
        private Tensor whole() {
            return u == null ? v : u;
        }

        @Override
        public Signature signature() {
            Signature s = Signature.of("channel_sums_f32").present("u or v", whole());
            s.require(whole().shape().rank() == 4, whole() + " must be [copies, segments, rows, channels]; reshape it");
            Shape all = whole().shape();
            long[] one = {all.extent(1), all.extent(2), all.extent(3)};
            boolean normed = kind == Kind.BOTH || kind == Kind.PAIRS;
            boolean paired = kind == Kind.PAIRS || kind == Kind.SQUARES;
            s.require(
                    (kind == Kind.SQUARES) == (u == null)
                            && paired == (v != null)
                            && paired == (z != null)
                            && normed == (x != null)
                            && normed == (mean != null)
                            && normed == (r != null),
                    "sums of " + kind + " read " + (kind == Kind.SQUARES ? "" : "u ") + (paired ? "v z " : "")
                            + (normed ? "x mean r " : "") + "and nothing else");
            fitting(s, mask, whole(), one[0], one[2]);
            return s.inOrNull("u", u, DType.F32)
                    .exactly(all.toArray())
                    .inOrNull("v", v, DType.F32)
                    .exactly(all.toArray())
                    .inOrNull("z", z, DType.F32)
                    .exactly(one)
                    .inOrNull("x", x, DType.F32)
                    .exactly(one)
                    .inOrNull("mean", mean, DType.F32)
                    .exactly(one[0], one[2])
                    .inOrNull("r", r, DType.F32)
                    .exactly(one[0], one[2])
                    .inOrNull("mask", mask, DType.U32)
                    .elements(words(one[0], one[1], one[2]))
                    .present("partials", partials)
                    .out(
                            "partials",
                            partials,
                            DType.F32,
                            partials.shape().extent(0),
                            all.extent(0),
                            one[0],
                            SUMS,
                            one[2])
                    .i64("segments", one[0])
                    .i64("rows", one[1])
                    .i64("channels", one[2])
                    .i32("kind", kind.ordinal());
        }

        @Override
        public Geometry geometry(Device device) {
            Shape s = whole().shape();
            long pieces = partials.shape().extent(0);
            return ChannelNorm.geometry(device, s.extent(0), s.extent(1), s.extent(2), s.extent(3), pieces);
        }

        @Override
        public long flops() {
            return 3 * whole().elements();
        }
    }

    /**
     * y = terms0 u + terms1 v + terms2 z + terms3 (x - mean) + terms4.
     *
     * @param u f32 [copies, segments, rows, channels], or null
     * @param v as u, or null; where it is there x is, too
     * @param z f32 [segments, rows, channels], or null
     * @param x f32 [segments, rows, channels], or null
     * @param mean f32 [segments, channels], or null where x is
     * @param terms f32 [copies, segments, 5, channels]
     * @param mask u32 of a bit per element of z, or null
     * @param y f32 [copies, segments, rows, channels]
     */
    public record Apply(
            Tensor u, Tensor v, Tensor z, Tensor x, Tensor mean, Tensor terms, Masks masks, Tensor mask, Tensor y)
            implements Descriptor {
        @Override
        public Signature signature() {
            Signature s = Signature.of("channel_apply_f32").present("y", y);
            s.require(y.shape().rank() == 4, y + " must be [copies, segments, rows, channels]; reshape it");
            Shape all = y.shape();
            long[] one = {all.extent(1), all.extent(2), all.extent(3)};
            s.require((x == null) == (mean == null), "of x and mean one is missing")
                    .require(v == null || x != null, v + " is there without x; give x, or v as u")
                    .require((masks == Masks.NONE) == (mask == null), "a mask is there for " + masks + " or it is not");
            fitting(s, mask, y, one[0], one[2]);
            return s.inOrNull("u", u, DType.F32)
                    .exactly(all.toArray())
                    .inOrNull("v", v, DType.F32)
                    .exactly(all.toArray())
                    .inOrNull("z", z, DType.F32)
                    .exactly(one)
                    .inOrNull("x", x, DType.F32)
                    .exactly(one)
                    .inOrNull("mean", mean, DType.F32)
                    .exactly(one[0], one[2])
                    .in("terms", terms, DType.F32, all.extent(0), one[0], TERMS, one[2])
                    .tensor(
                            "mask",
                            mask,
                            masks == Masks.WRITE ? Signature.Role.OUT : Signature.Role.IN,
                            DType.U32,
                            true)
                    .elements(words(one[0], one[1], one[2]))
                    .out("y", y, DType.F32, all.toArray())
                    .i64("segments", one[0])
                    .i64("rows", one[1])
                    .i64("channels", one[2])
                    .i32("masks", masks.bits);
        }

        @Override
        public Geometry geometry(Device device) {
            Shape s = y.shape();
            long rows = s.extent(2);
            long pieces = Work.onCpu(device)
                    ? pieces(device, s.extent(0), s.extent(1), rows, s.extent(3))
                    : Math.max(1, Math.min(rows, Work.ceil(rows * s.extent(3), LEAST_PER_PIECE)));
            return ChannelNorm.geometry(
                    device, s.extent(0), s.extent(1), rows, s.extent(3), Math.min(pieces, Work.MOST_ACROSS));
        }

        @Override
        public Tolerance tolerance() {
            return new Tolerance(8e-7, 1e-30);
        }

        @Override
        public long flops() {
            return 3 * y.elements();
        }
    }
}
