package dev.sagitta.kernel;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;

/**
 * How a long extent is cut for work-groups. It depends on the extent and the device alone, so sums keep their order from run to run.
 *
 * @param count at least 1
 * @param length elements of every chunk but the last, a multiple of 1024
 */
public record Chunks(long count, long length) {
    /** A work-group of a GPU's kernels here. */
    public static final int BLOCK = 256;

    private static final long GRAIN = 1024;
    /** Several per core or multiprocessor, so that one delayed worker does not leave the others idle at the end. */
    private static final int PIECES_PER_CORE = 8;

    /** A multiple of how many work-groups a multiprocessor runs at once, which registers make 2, 3, 4 or 6: so the last wave of them is a full one. */
    private static final int WAVES = 12;

    private static final int BLOCKS_PER_MULTIPROCESSOR = 2 * WAVES;
    /** Elements of a chunk that hide the beginning and the end of a work-group: with more, there are more waves, up to {@link #MOST_WAVES} times. */
    private static final long WORTHWHILE_ON_GPU = 16384;

    private static final long MOST_WAVES = 4;
    /** Below this many elements another worker costs more than it brings. */
    private static final long LEAST_ON_CPU = 8192;

    private static final long LEAST_ON_GPU = 4096;

    /** Chunks of n elements each reduced to a partial result; {@code rows} such reductions run side by side. */
    public static Chunks of(Device device, long n, long rows) {
        return of(device, n, rows, Long.MAX_VALUE);
    }

    /** The same with chunks of at most {@code longest} elements, a multiple of 1024. */
    public static Chunks of(Device device, long n, long rows, long longest) {
        return of(device.kind(), device.info().computeUnits(), n, rows, longest);
    }

    public static Chunks of(DeviceKind kind, int computeUnits, long n, long rows, long longest) {
        boolean cpu = kind == DeviceKind.OPENCL_CPU;
        long wanted = cpu ? groups(kind, computeUnits) : waves(computeUnits, n, rows);
        long groups = Math.max(1, wanted / Math.max(1, rows));
        long length = Math.max(ceil(n, groups), cpu ? LEAST_ON_CPU : LEAST_ON_GPU);
        length = Math.min(ceil(length, GRAIN) * GRAIN, longest);
        return new Chunks(Math.max(1, ceil(n, length)), length);
    }

    /** Work-groups that keep the whole device busy. */
    public static long groups(Device device) {
        return groups(device.kind(), device.info().computeUnits());
    }

    private static long groups(DeviceKind kind, int computeUnits) {
        int each = kind == DeviceKind.OPENCL_CPU ? PIECES_PER_CORE : BLOCKS_PER_MULTIPROCESSOR;
        return (long) each * Math.max(1, computeUnits);
    }

    /** As many work-groups as fill the multiprocessors a whole number of times, for rows x n elements. */
    private static long waves(int computeUnits, long n, long rows) {
        long once = (long) WAVES * Math.max(1, computeUnits);
        double times = (double) n * rows / ((double) once * WORTHWHILE_ON_GPU);
        return once * Math.max(1, Math.min(MOST_WAVES, (long) times));
    }

    /** Work-groups of a CPU device for an elementwise kernel that touches this many elements. */
    public static long pieces(Device device, long elements) {
        return Math.max(1, Math.min(groups(device), elements / LEAST_ON_CPU));
    }

    public static long ceil(long value, long divisor) {
        return value / divisor + (value % divisor == 0 ? 0 : 1);
    }

    /** The power of two, up to {@code most}, that is not below {@code value}. */
    public static int powerOfTwo(long value, int most) {
        int power = 1;
        while (power < value && power < most) {
            power *= 2;
        }
        return power;
    }
}
