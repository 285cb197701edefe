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
 * K random vectors over L parameters in one launch, the same on every device: element i of probe j is number i of Philox step j under the
 * parameter's own key, so neither K nor what other parameters there are has a part in it. See {@code kernels/opencl/random.cl}.
 *
 * @param kind {@link Random.Kind#RADEMACHER} or {@link Random.Kind#NORMAL}
 * @param which i64[3] in device memory: number of the first probe (48 bits count), first parameter that is drawn, end of those that are;
 *     the other parameters get zeros
 * @param segments i64 [L, 4] in device memory, as {@link #segments} makes it
 * @param chunks of one vector: {@link #chunks}
 * @param probes K
 * @param out f32: parameter l at {@code K offset} is [K, elements]; what lies between parameters is not written
 */
public record ProbeVectors(Random.Kind kind, Tensor which, Tensor segments, long chunks, int probes, Tensor out)
        implements HandDescriptor {
    private static final int COLUMNS = 4;
    private static final int CHUNK = 32;
    private static final int BLOCKS_PER_CHUNK = 8;
    /** Work-items that a multiprocessor runs at a time. */
    private static final int WORK_ITEMS = 2048;

    /**
     * The rows (key, offset, elements, chunks before) of the parameters, one after another.
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

    /** Chunks of one vector over parameters of these sizes. */
    public static long chunks(long[] elements) {
        long chunks = 0;
        for (long n : elements) {
            chunks += Work.ceil(n, CHUNK);
        }
        return chunks;
    }

    @Override
    public String file() {
        return "random";
    }

    @Override
    public String entry() {
        return "probe_" + kind.name().toLowerCase(Locale.ROOT) + "_f32";
    }

    @Override
    public void check() {
        new Checks(entry())
                .require(
                        kind == Random.Kind.RADEMACHER || kind == Random.Kind.NORMAL,
                        kind + " numbers, expected RADEMACHER or NORMAL")
                .dtype(which, DType.I64)
                .elements(which, 3)
                .dtype(segments, DType.I64)
                .require(
                        segments.elements() > 0 && segments.elements() % COLUMNS == 0,
                        segments + " has " + segments.elements() + " elements, expected " + COLUMNS
                                + " for each parameter")
                .require(probes > 0, probes + " probes, expected at least one")
                .require(
                        chunks > 0 && chunks <= Integer.MAX_VALUE / probes,
                        chunks + " chunks of " + CHUNK + " elements for " + probes + " probes, expected 1 to 2^31 - 1"
                                + " for all; draw fewer probes at once")
                .dtype(out, DType.F32);
    }

    @Override
    public Geometry geometry(Device device) {
        long units = probes * chunks;
        long blocks = BLOCKS_PER_CHUNK * units;
        // as for Random
        long most = device.kind() == DeviceKind.CUDA
                ? (long) WORK_ITEMS * Math.max(1, device.info().computeUnits())
                : blocks;
        return Work.pieces(device, units, CHUNK, Math.min(blocks, most));
    }

    @Override
    public void arguments(Arguments arguments) {
        arguments
                .buffer(which.buffer())
                .buffer(segments.buffer())
                .i64(segments.elements() / COLUMNS)
                .i64(chunks)
                .i64(probes)
                .buffer(out.buffer());
    }

    @Override
    public long bytes() {
        return segments.bytes() + out.bytes();
    }

    @Override
    public long flops() {
        return kind == Random.Kind.NORMAL ? 45 * out.elements() : 0;
    }

    @Override
    public Tolerance tolerance() {
        return kind == Random.Kind.NORMAL ? Random.NORMAL_TOLERANCE : Tolerance.EXACT;
    }
}
