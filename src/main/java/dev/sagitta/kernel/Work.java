package dev.sagitta.kernel;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import java.util.Map;

/**
 * How work is shared out: the one place that makes a {@link Geometry} of rows, lanes and probes, of pieces, or of chunks. It depends on the
 * extents and the device alone, so sums keep their order from run to run. A CPU device gets work-groups of one work-item, each with a
 * contiguous piece, and no more of them than pay for themselves; a GPU gets groups of {@link #GROUP}.
 *
 * <p>The four policies differ because kernels do: {@link #rowSums} and {@link #elementSums} leave a sum per group in a workspace of {@link
 * GroupSums} and avoid that second launch where the work is small; {@link #rows} copies or sums rows that need none; {@link #pieces} goes
 * through memory from end to end; {@link Chunks} cuts a long extent for a reduction.
 */
public final class Work {
    /** Work-items of a group on a GPU: {@code ROW_GROUP} of the kernels. */
    public static final int GROUP = 256;

    /** {@code PROBE_TILE} of the kernels. */
    public static final int PROBE_TILE = 4;

    /** The most that a grid's second and third axis may have. */
    public static final int MOST_ACROSS = 65_535;

    /** Enough work-groups to keep the cores of a CPU evenly busy: one that was interrupted does not hold up the rest. */
    private static final int PER_CORE = 8;

    /** Elements below which a second work-group does not pay for itself, or for the launch that adds up. */
    private static final long SINGLE = 16_384;

    /** The same on a CPU of kernels that do more with an element. */
    private static final long LEAST_ON_CPU = 8_192;

    /** Lanes of a row longer than {@link #WIDE} on CUDA. */
    private static final int WIDE_LANES = 512;

    private static final int WIDE = 4096;

    /** Logits that a lane has at most in rows that are not longer than a group can share out. */
    private static final int PER_LANE = 8;

    /** The same on CUDA in rows of more than {@link #SHORT}: 16-byte loads, and with up to 512 logits no barrier, for a row has one warp. */
    private static final int PER_LANE_OF_LONG = 16;

    private static final int SHORT = 256;

    /** Work-groups per multiprocessor of kernels on rows: how many run at once, by their registers, or twice that. */
    private static final int ROW_GROUPS = 4;

    /** The same of kernels on elements. More would be a second wave that leaves multiprocessors idle at its end. */
    private static final int FLAT_GROUPS = 6;

    /** More than any device runs at once; kernels loop over what is beyond. */
    private static final long MAX_ROW_GROUPS = 1 << 20;

    private Work() {}

    public static boolean onCpu(Device device) {
        return device.kind() == DeviceKind.OPENCL_CPU;
    }

    /** Constants of kernels on rows; those of CPU devices have work-groups of one work-item and none of these. */
    public static Map<String, String> defines(Device device) {
        return onCpu(device) ? Map.of() : Map.of("ROW_GROUP", Integer.toString(GROUP));
    }

    public static Map<String, String> defines(Device device, String name, int value) {
        return onCpu(device) ? Map.of() : Map.of("ROW_GROUP", Integer.toString(GROUP), name, Integer.toString(value));
    }

    /** n rows of c elements that lanes x rows work-items of a group share, and a sum per group and probe. */
    public static Geometry rowSums(Device device, long n, long c, long probes) {
        return rowSums(device.kind(), device.info().computeUnits(), n, c, probes);
    }

    static Geometry rowSums(DeviceKind kind, int computeUnits, long n, long c, long probes) {
        double work = (double) n * c * Math.max(1, probes);
        if (kind == DeviceKind.OPENCL_CPU) {
            long wanted = work <= SINGLE ? 1 : (long) Math.min(work / LEAST_ON_CPU, (double) PER_CORE * computeUnits);
            long x = clamp(wanted, Math.min(n, GroupSums.MOST));
            return Geometry.of(x, clamp(wanted / x, Math.min(probes, MOST_ACROSS)), 1, 1, 1);
        }
        int perLane = kind == DeviceKind.CUDA && c > SHORT ? PER_LANE_OF_LONG : PER_LANE;
        int lanes = kind == DeviceKind.CUDA && c > WIDE ? WIDE_LANES : powerOfTwo(ceil(c, perLane), GROUP);
        int rows = Math.max(1, GROUP / lanes);
        long blocks = ceil(n, rows);
        long x = (double) n * c <= SINGLE && blocks <= 4 ? 1 : clamp(blocks, summed(computeUnits, ROW_GROUPS));
        long tiles = ceil(probes, PROBE_TILE);
        return Geometry.of(x, clamp(tiles, Math.min(MOST_ACROSS, Math.max(1, GroupSums.MOST / x))), 1, lanes, rows);
    }

    /** n elements, {@code probes} times, and a sum per group and probe. */
    public static Geometry elementSums(Device device, long n, long probes) {
        return elementSums(device.kind(), device.info().computeUnits(), n, probes);
    }

    static Geometry elementSums(DeviceKind kind, int computeUnits, long n, long probes) {
        long y = clamp(probes, MOST_ACROSS);
        if (kind == DeviceKind.OPENCL_CPU) {
            long wanted = n <= 2 * SINGLE ? 1 : Math.min(n / SINGLE, (long) PER_CORE * computeUnits);
            return Geometry.of(clamp(wanted, GroupSums.MOST), y, 1, 1, 1);
        }
        long x = n <= SINGLE ? 1 : clamp(n / (4L * GROUP), summed(computeUnits, FLAT_GROUPS));
        return Geometry.of(x, y, 1, GROUP, 1);
    }

    /** n rows that are copied or summed, {@code repeats} times, without a sum over groups at the end. */
    public static Geometry rows(Device device, long n, long width, long repeats) {
        return rows(device.kind(), device.info().computeUnits(), n, width, repeats);
    }

    static Geometry rows(DeviceKind kind, int computeUnits, long n, long width, long repeats) {
        long y = clamp(repeats, MOST_ACROSS);
        if (kind == DeviceKind.OPENCL_CPU) {
            long wanted = (double) n * width <= SINGLE ? 1 : (long) PER_CORE * computeUnits;
            return Geometry.of(clamp(wanted, n), y, 1, 1, 1);
        }
        int lanes = powerOfTwo(width, GROUP);
        int rows = GROUP / lanes;
        return Geometry.of(clamp(ceil(n, rows), MAX_ROW_GROUPS), y, 1, lanes, rows);
    }

    /**
     * Work-items that go through memory from end to end.
     *
     * @param units what a CPU's pieces consist of
     * @param unitElements elements of one
     * @param workItems on every other device
     */
    public static Geometry pieces(Device device, long units, long unitElements, long workItems) {
        if (onCpu(device)) {
            long useful = units / Math.max(1, SINGLE / unitElements);
            return Geometry.linear(clamp(useful, (long) PER_CORE * device.info().computeUnits()), 1);
        }
        return Geometry.linear(Math.max(1, (workItems + GROUP - 1) / GROUP), GROUP);
    }

    /** Work-groups of a CPU device for an elementwise kernel that touches this many elements. */
    public static long cpuGroups(Device device, long elements) {
        return clamp(elements / LEAST_ON_CPU, Chunks.groups(device));
    }

    /** The same number of work-groups for every multiprocessor, as far as a workspace has room for their sums. */
    private static long summed(int computeUnits, int each) {
        long units = Math.max(1, computeUnits);
        return Math.min(GroupSums.MOST, units * Math.max(1, Math.min(each, GroupSums.MOST / units)));
    }

    private static long clamp(long value, long most) {
        return Math.max(1, Math.min(value, most));
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

    /**
     * How a long extent is cut for work-groups.
     *
     * @param count at least 1
     * @param length elements of every chunk but the last, a multiple of 1024
     */
    public record Chunks(long count, long length) {
        private static final long GRAIN = 1024;

        /** A multiple of how many work-groups a multiprocessor runs at once, which registers make 2, 3, 4 or 6: so the last wave of them is a full one. */
        private static final int WAVES = 12;

        private static final int BLOCKS_PER_MULTIPROCESSOR = 2 * WAVES;
        /** Elements of a chunk that hide the beginning and the end of a work-group: with more, there are more waves, up to {@link #MOST_WAVES} times. */
        private static final long WORTHWHILE_ON_GPU = 16384;

        private static final long MOST_WAVES = 4;

        private static final long LEAST_ON_GPU = 4096;

        /** Chunks of n elements each reduced to a partial result; {@code rows} such reductions run side by side. */
        public static Chunks of(Device device, long n, long rows) {
            return of(device, n, rows, Long.MAX_VALUE);
        }

        /** The same with chunks of at most {@code longest} elements, a multiple of 1024. */
        public static Chunks of(Device device, long n, long rows, long longest) {
            return of(device.kind(), device.info().computeUnits(), n, rows, longest);
        }

        static Chunks of(DeviceKind kind, int computeUnits, long n, long rows, long longest) {
            boolean cpu = kind == DeviceKind.OPENCL_CPU;
            long wanted = cpu ? groups(kind, computeUnits) : waves(computeUnits, n, rows);
            long groups = Math.max(1, wanted / Math.max(1, rows));
            long length = Math.max(ceil(n, groups), cpu ? LEAST_ON_CPU : LEAST_ON_GPU);
            length = Math.min(ceil(length, GRAIN) * GRAIN, longest);
            return new Chunks(Math.max(1, ceil(n, length)), length);
        }

        /** Work-groups that keep the whole device busy: several per core or multiprocessor, so that one delayed worker does not leave the others idle. */
        public static long groups(Device device) {
            return groups(device.kind(), device.info().computeUnits());
        }

        private static long groups(DeviceKind kind, int computeUnits) {
            int each = kind == DeviceKind.OPENCL_CPU ? PER_CORE : BLOCKS_PER_MULTIPROCESSOR;
            return (long) each * Math.max(1, computeUnits);
        }

        /** As many work-groups as fill the multiprocessors a whole number of times, for rows x n elements. */
        private static long waves(int computeUnits, long n, long rows) {
            long once = (long) WAVES * Math.max(1, computeUnits);
            double times = (double) n * rows / ((double) once * WORTHWHILE_ON_GPU);
            return once * Math.max(1, Math.min(MOST_WAVES, (long) times));
        }
    }
}
