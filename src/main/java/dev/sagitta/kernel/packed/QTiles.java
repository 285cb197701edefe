package dev.sagitta.kernel.packed;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import java.util.Map;

/** The constants of {@code qmatmul} and how its tiles are laid over a device, for {@link QMatmul}. */
final class QTiles {
    /** QG_THREADS and QG_FEW of the kernel files. */
    static final int GPU_THREADS = 256;

    static final int GPU_FEW = 2;

    /** QB_ROWS. */
    static final int GPU_FEW_BACKWARD = 4;

    /** PACKED_UNIT. */
    static final int UNIT = 32;

    /** QM_DEPTH. */
    private static final int DEPTH = 256;
    /** QG_BM and QG_BN. */
    private static final int GPU_ROWS = 128;

    private static final int GPU_COLUMNS = 64;
    /** QT_COLS and QT_ROWS. */
    private static final int CPU_COLUMNS = 32;

    private static final int CPU_ROWS = 12;
    private static final int CPU_PARTS_PER_CORE = 4;

    /** Rows beyond which tiles serve whatever their number, so that a kernel which decodes anew for every few rows stays out of large batches. */
    static final long MOST_FEW = 256;

    private static final long MOST_FEW_ON_CPU = 8;

    private QTiles() {}

    static Map<String, String> defines() {
        return Map.of("QM_DEPTH", Integer.toString(DEPTH));
    }

    /** A result [rows, columns]: tiles on a GPU, a few large parts on a CPU. */
    static Geometry geometry(Device device, long rows, long columns) {
        if (device.kind() != DeviceKind.OPENCL_CPU) {
            long across = (columns + GPU_COLUMNS - 1) / GPU_COLUMNS;
            return Geometry.linear(across * ((rows + GPU_ROWS - 1) / GPU_ROWS), GPU_THREADS);
        }
        long wanted = (long) CPU_PARTS_PER_CORE * device.info().computeUnits();
        long parts = Math.min(wanted, (columns + CPU_COLUMNS - 1) / CPU_COLUMNS);
        long down = Math.min((wanted + parts - 1) / parts, (rows + CPU_ROWS - 1) / CPU_ROWS);
        return Geometry.of(parts, down, 1, 1, 1);
    }

    /**
     * Most rows for which decoding in registers, anew for every few rows, is faster than tiles. On a CPU that kernel holds all rows at once.
     *
     * <p>On a GPU its time goes with rows times columns, for it has work-groups for every multiprocessor, and one result costs it twice what it
     * costs in a tile (measured on an H200: 0.54 ns per result and multiprocessor at K = 4096, against 0.27). Tiles take as long as the
     * multiprocessor with the most of them, and a single one there as long as one and a half, for nothing hides its waits. K is in both.
     */
    static long mostFew(Device device, long columns) {
        return mostFew(device.kind(), device.info().computeUnits(), columns);
    }

    static long mostFew(DeviceKind kind, int computeUnits, long columns) {
        if (kind == DeviceKind.OPENCL_CPU) {
            return MOST_FEW_ON_CPU;
        }
        long units = Math.max(1, computeUnits);
        long across = (columns + GPU_COLUMNS - 1) / GPU_COLUMNS;
        for (long down = 1; ; down++) {
            long halves = Math.max(3, 2 * ((across * down + units - 1) / units)); // of a tile's time
            long rows = (long) Math.min(MOST_FEW, (double) halves * units * (GPU_ROWS * GPU_COLUMNS / 4) / columns);
            if (rows <= down * GPU_ROWS || rows == MOST_FEW) {
                return Math.max(rows, (down - 1) * GPU_ROWS);
            }
        }
    }

    /** Panels go in fours; a part of fewer would repeat some. */
    static long cpuPanelParts(long panels, int cores) {
        return Math.max(1, Math.min(2L * CPU_PARTS_PER_CORE * cores, panels / 4));
    }
}
