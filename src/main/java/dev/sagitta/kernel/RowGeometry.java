package dev.sagitta.kernel;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import java.util.Map;

/**
 * Launch geometry of kernels that give the n rows of c elements to lanes x rows work-items (GPU) or to one work-item per contiguous piece
 * (CPU). Small problems are one work-group, which saves the launch that adds up the groups' sums.
 */
public final class RowGeometry {
    /** Work-items of a group on a GPU: {@code ROW_GROUP} of the kernels. */
    public static final int GROUP = 256;

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

    /** {@code PROBE_TILE} of the kernels. */
    public static final int PROBE_TILE = 4;

    /** Elements below which a second work-group does not pay for the launch that adds up. */
    private static final long SINGLE = 16_384;

    /** Elements that make a work-group on a CPU. */
    private static final long CPU_PIECE = 8_192;

    /** Enough work-groups to keep the cores of a CPU evenly busy. */
    private static final int PER_CORE = 8;

    /** More than any device runs at once; kernels loop over what is beyond. */
    private static final long MAX_ROW_GROUPS = 1 << 20;

    private RowGeometry() {}

    /** The kernels of CPU devices have work-groups of one work-item and none of these constants. */
    public static Map<String, String> defines(Device device) {
        return device.kind() == DeviceKind.OPENCL_CPU ? Map.of() : Map.of("ROW_GROUP", Integer.toString(GROUP));
    }

    public static Map<String, String> defines(Device device, String name, int value) {
        return device.kind() == DeviceKind.OPENCL_CPU
                ? Map.of()
                : Map.of("ROW_GROUP", Integer.toString(GROUP), name, Integer.toString(value));
    }

    public static Geometry of(Device device, long n, long c, long probes) {
        return of(device.kind(), device.info().computeUnits(), n, c, probes);
    }

    public static Geometry of(DeviceKind kind, int computeUnits, long n, long c, long probes) {
        double work = (double) n * c * Math.max(1, probes);
        if (kind == DeviceKind.OPENCL_CPU) {
            long wanted = work <= SINGLE ? 1 : (long) Math.min(work / CPU_PIECE, (double) PER_CORE * computeUnits);
            long x = clamp(wanted, Math.min(n, LossWorkspace.MAX_GROUPS));
            return Geometry.of(x, clamp(wanted / x, Math.min(probes, 65_535)), 1, 1, 1);
        }
        int lanes = 1;
        int perLane = kind == DeviceKind.CUDA && c > SHORT ? PER_LANE_OF_LONG : PER_LANE;
        while (lanes < GROUP && (long) lanes * perLane < c) {
            lanes *= 2;
        }
        if (kind == DeviceKind.CUDA && c > WIDE) {
            lanes = WIDE_LANES;
        }
        int rows = Math.max(1, GROUP / lanes);
        long blocks = (n + rows - 1) / rows;
        long x = (double) n * c <= SINGLE && blocks <= 4 ? 1 : clamp(blocks, groups(computeUnits, ROW_GROUPS));
        long tiles = (probes + PROBE_TILE - 1) / PROBE_TILE;
        return Geometry.of(
                x, clamp(tiles, Math.min(65_535, Math.max(1, LossWorkspace.MAX_GROUPS / x))), 1, lanes, rows);
    }

    /** One-dimensional work on n elements, {@code probes} times. */
    public static Geometry flat(Device device, long n, long probes) {
        return flat(device.kind(), device.info().computeUnits(), n, probes);
    }

    public static Geometry flat(DeviceKind kind, int computeUnits, long n, long probes) {
        long y = clamp(probes, 65_535);
        if (kind == DeviceKind.OPENCL_CPU) {
            long wanted = n <= 2 * SINGLE ? 1 : Math.min(n / SINGLE, (long) PER_CORE * computeUnits);
            return Geometry.of(clamp(wanted, LossWorkspace.MAX_GROUPS), y, 1, 1, 1);
        }
        long x = n <= SINGLE ? 1 : clamp(n / (4L * GROUP), groups(computeUnits, FLAT_GROUPS));
        return Geometry.of(x, y, 1, GROUP, 1);
    }

    /** Rows that are copied or summed, without a sum over groups at the end. */
    public static Geometry rows(Device device, long n, long width, long repeats) {
        return rows(device.kind(), device.info().computeUnits(), n, width, repeats);
    }

    public static Geometry rows(DeviceKind kind, int computeUnits, long n, long width, long repeats) {
        long y = clamp(repeats, 65_535);
        if (kind == DeviceKind.OPENCL_CPU) {
            long wanted = (double) n * width <= SINGLE ? 1 : (long) PER_CORE * computeUnits;
            return Geometry.of(clamp(wanted, n), y, 1, 1, 1);
        }
        int lanes = 1;
        while (lanes < GROUP && lanes < width) {
            lanes *= 2;
        }
        int rows = GROUP / lanes;
        return Geometry.of(clamp((n + rows - 1) / rows, MAX_ROW_GROUPS), y, 1, lanes, rows);
    }

    /** The same number of work-groups for every multiprocessor, as far as a workspace has room for their sums. */
    private static long groups(int computeUnits, int each) {
        long units = Math.max(1, computeUnits);
        return Math.min(
                LossWorkspace.MAX_GROUPS, units * Math.max(1, Math.min(each, LossWorkspace.MAX_GROUPS / units)));
    }

    private static long clamp(long value, long most) {
        return Math.max(1, Math.min(value, most));
    }
}
