package dev.sagitta.kernel.random;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Signature;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Locale;

/**
 * Random numbers named by (seed, stream, step, element), the same on every device: see the header of the kernels. Seed and step are read
 * from {@code state}, u32[4] = seed low, seed high, step low, step high (of the step 48 bits count); {@link #advance} moves the step on.
 * A stream tells uses of one state apart: no two may share it.
 */
public final class Random {
    private static final int PER_BLOCK = 4;
    private static final int BLOCKS_PER_CHUNK = 8;
    private static final int CHUNK = 32;
    /** Of a row of the table of {@link ProbeVectors}. */
    private static final int COLUMNS = 4;
    /** Work-items that a multiprocessor runs at a time. */
    private static final int WORK_ITEMS = 2048;

    private static final long END = 1L << 50;
    /** Of the length sqrt(-2 ln u), at most 6.8. */
    private static final Tolerance NORMAL_TOLERANCE = new Tolerance(0, 1.5e-6);

    private Random() {}

    /** What each 32-bit word is made into. */
    public enum Kind {
        /** The word, u32. */
        BITS,
        /** [0, 1) in steps of 2^-24. */
        UNIFORM,
        /** Standard normal. */
        NORMAL,
        /** -1 or 1. */
        RADEMACHER;

        private String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public static Fill fill(Kind kind, Tensor state, int stream, Tensor out) {
        return new Fill(kind, state, stream, 0, out);
    }

    public static Fill bits(Tensor state, int stream, Tensor out) {
        return fill(Kind.BITS, state, stream, out);
    }

    public static Fill uniform(Tensor state, int stream, Tensor out) {
        return fill(Kind.UNIFORM, state, stream, out);
    }

    public static Fill normal(Tensor state, int stream, Tensor out) {
        return fill(Kind.NORMAL, state, stream, out);
    }

    public static Fill rademacher(Tensor state, int stream, Tensor out) {
        return fill(Kind.RADEMACHER, state, stream, out);
    }

    public static Dropout dropout(Tensor state, int stream, float probability, long period, Tensor x, Tensor y) {
        return new Dropout(state, stream, probability, period, x, y);
    }

    /** See {@link ProbeVectors}. */
    public static ProbeVectors probeVectors(
            Kind kind, Tensor which, Tensor segments, long chunks, int probes, Tensor out) {
        return new ProbeVectors(kind, which, segments, chunks, probes, out);
    }

    public static Advance advance(Tensor state) {
        return new Advance(state);
    }

    /** The words of a state, to be uploaded. */
    public static int[] words(long seed, long step) {
        return new int[] {(int) seed, (int) (seed >>> 32), (int) step, (int) (step >>> 32)};
    }

    /**
     * For {@link #probeVectors}, the rows (key, offset, elements, chunks before) of the parameters, one after another.
     *
     * @param keys of {@code random.RandomStream}
     * @param offsets first elements in an arena of one vector
     */
    public static long[] segments(long[] keys, long[] offsets, long[] elements) {
        long[] table = new long[COLUMNS * keys.length];
        long before = 0;
        for (int l = 0; l < keys.length; l++) {
            table[COLUMNS * l] = keys[l];
            table[COLUMNS * l + 1] = offsets[l];
            table[COLUMNS * l + 2] = elements[l];
            table[COLUMNS * l + 3] = before;
            before += Work.ceil(elements[l], CHUNK);
        }
        return table;
    }

    /** For {@link #probeVectors}, the chunks of one vector over parameters of these sizes. */
    public static long chunks(long[] elements) {
        long chunks = 0;
        for (long n : elements) {
            chunks += Work.ceil(n, CHUNK);
        }
        return chunks;
    }

    private static Signature ofState(String entry, Tensor state) {
        return Signature.of(entry).in("state", state, DType.U32).elements(4);
    }

    /** On CUDA as many work-items as run at once: each goes on through the elements with the key that it has read. */
    private static Geometry blocks(Device device, long units, long unitElements, long blocks) {
        long most = device.kind() == DeviceKind.CUDA
                ? (long) WORK_ITEMS * Math.max(1, device.info().computeUnits())
                : blocks;
        return Work.pieces(device, units, unitElements, Math.min(blocks, most));
    }

    /**
     * Numbers of one kind.
     *
     * @param first number of the first element, a multiple of 4 below 2^50
     * @param out u32 of {@link Kind#BITS}, else f32
     */
    public record Fill(Kind kind, Tensor state, int stream, long first, Tensor out) implements Descriptor {
        /** The same numbers from element {@code element} of the stream on. */
        public Fill from(long element) {
            return new Fill(kind, state, stream, element, out);
        }

        @Override
        public Signature signature() {
            DType dtype = kind == Kind.BITS ? DType.U32 : DType.F32;
            return ofState("random_" + kind.label() + "_" + dtype.suffix(), state)
                    .u32("stream", Integer.toUnsignedLong(stream))
                    .i64("first", first)
                    .out("out", out, dtype)
                    .free()
                    .require(
                            first >= 0 && first % PER_BLOCK == 0 && first <= END - out.elements(),
                            "first element " + first + " of " + out + ", expected a multiple of " + PER_BLOCK
                                    + " with all elements below 2^50")
                    .i64("n", out.elements())
                    // the state's 16 bytes are left out
                    .bytes(out.bytes());
        }

        @Override
        public Geometry geometry(Device device) {
            long n = out.elements();
            return blocks(device, (n + CHUNK - 1) / CHUNK, CHUNK, (n + PER_BLOCK - 1) / PER_BLOCK);
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

    /**
     * y = x m / (1 - p) with m 0 or 1 by the random number of (seed, stream, step, element). Linear in x, and the mask is made again from
     * the counter each time, so that this one kernel serves forward, backward and tangents.
     *
     * @param probability of 0, in [0, 1); used in steps of 2^-32
     * @param period elements of one mask; x holds a whole number of probes of this length, which share it
     * @param y like x, and may be x
     */
    public record Dropout(Tensor state, int stream, float probability, long period, Tensor x, Tensor y)
            implements Descriptor {
        private long probes() {
            return period == 0 ? 0 : x.elements() / period;
        }

        @Override
        public Signature signature() {
            long threshold = Math.round(probability * 0x1p32);
            return ofState("dropout_f32", state)
                    .require(
                            probability >= 0 && probability < 1, "probability " + probability + ", expected 0 <= p < 1")
                    .present("x", x)
                    .u32("stream", Integer.toUnsignedLong(stream))
                    .u32("threshold", threshold)
                    .f32("scale", (float) (1 / (1 - threshold * 0x1p-32)))
                    .i64("probes", probes())
                    .in("x", x, DType.F32)
                    .require(
                            period == 0 ? x.elements() == 0 : period > 0 && x.elements() % period == 0,
                            x + " does not divide into probes of " + period + " elements")
                    .out("y", y, DType.F32)
                    .elements(x.elements())
                    .i64("n", period)
                    .bytes(x.bytes() + y.bytes());
        }

        @Override
        public Geometry geometry(Device device) {
            return Work.pieces(device, (period + 31) / 32, 32 * Math.max(1, probes()), (period + 3) / 4);
        }

        @Override
        public long flops() {
            return x.elements();
        }

        @Override
        public Tolerance tolerance() {
            return new Tolerance(2e-7, 0);
        }
    }

    /**
     * K random vectors over L parameters in one launch, the same on every device: element i of probe j is number i of Philox step j under
     * the parameter's own key, so neither K nor what other parameters there are has a part in it.
     *
     * @param kind {@link Kind#RADEMACHER} or {@link Kind#NORMAL}
     * @param which i64[3] in device memory: number of the first probe (48 bits count), first parameter that is drawn, end of those that are;
     *     the other parameters get zeros
     * @param segments i64 [L, 4] in device memory, as {@link Random#segments} makes it
     * @param chunks of one vector: {@link Random#chunks}
     * @param probes K
     * @param out f32: parameter l at {@code K offset} is [K, elements]; what lies between parameters is not written
     */
    public record ProbeVectors(Kind kind, Tensor which, Tensor segments, long chunks, int probes, Tensor out)
            implements Descriptor {
        @Override
        public Signature signature() {
            return Signature.of("probe_" + kind.label() + "_f32")
                    .require(
                            kind == Kind.RADEMACHER || kind == Kind.NORMAL,
                            kind + " numbers, expected RADEMACHER or NORMAL")
                    .in("which", which, DType.I64)
                    .elements(3)
                    .in("segments", segments, DType.I64)
                    .require(
                            segments.elements() > 0 && segments.elements() % COLUMNS == 0,
                            segments + " has " + segments.elements() + " elements, expected " + COLUMNS
                                    + " for each parameter")
                    .require(probes > 0, probes + " probes, expected at least one")
                    .require(
                            chunks > 0 && chunks <= Integer.MAX_VALUE / probes,
                            chunks + " chunks of " + CHUNK + " elements for " + probes
                                    + " probes, expected 1 to 2^31 - 1 for all; draw fewer probes at once")
                    .i64("count", segments.elements() / COLUMNS)
                    .i64("chunks", chunks)
                    .i64("probes", probes)
                    .out("out", out, DType.F32)
                    .free()
                    .bytes(segments.bytes() + out.bytes());
        }

        @Override
        public Geometry geometry(Device device) {
            long units = probes * chunks;
            return blocks(device, units, CHUNK, BLOCKS_PER_CHUNK * units);
        }

        @Override
        public long flops() {
            return kind == Kind.NORMAL ? 45 * out.elements() : 0;
        }

        @Override
        public Tolerance tolerance() {
            return kind == Kind.NORMAL ? NORMAL_TOLERANCE : Tolerance.EXACT;
        }
    }

    /** Adds 1 to the step of a random state on the device, so that a replayed graph draws new numbers. */
    public record Advance(Tensor state) implements Descriptor {
        @Override
        public Signature signature() {
            return Signature.of("random_state_advance")
                    .inOut("state", state, DType.U32)
                    .elements(4);
        }

        @Override
        public Geometry geometry(Device device) {
            return Geometry.linear(1, 1);
        }

        @Override
        public Tolerance tolerance() {
            return Tolerance.EXACT;
        }
    }
}
