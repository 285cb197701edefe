package dev.sagitta.kernel;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/** The constants of {@code qmatmul} and how its tiles are laid over a device, for {@link QMatmul} and {@link QMatmulBackward}. */
final class QTiles {
    /** Of the sum of the absolute terms: chains of at most 256 terms, added in order. */
    static final Tolerance TOLERANCE = new Tolerance(2e-6, 1e-30);

    /** QG_THREADS and QG_FEW of the kernel files. */
    static final int GPU_THREADS = 256;

    static final int GPU_FEW = 2;

    /** QM_DEPTH. */
    private static final int DEPTH = 256;
    /** QG_BM and QG_BN. */
    private static final int GPU_ROWS = 128;

    private static final int GPU_COLUMNS = 64;
    /** QT_COLS and QT_ROWS. */
    private static final int CPU_COLUMNS = 32;

    private static final int CPU_ROWS = 12;
    private static final int CPU_PARTS_PER_CORE = 4;

    private QTiles() {}

    static Map<String, String> defines() {
        return Map.of("QM_DEPTH", Integer.toString(DEPTH));
    }

    static void checkRows(Checks checks, Tensor tensor, long columns) {
        checks.open(tensor).dtype(tensor, DType.F32);
        int rank = tensor.shape().rank();
        checks.require(
                rank >= 1 && tensor.elements() >= 1 && tensor.shape().extent(-1) == columns,
                tensor + " has shape " + tensor.shape() + ", expected [.., " + columns + "] with at least one row");
        checks.require(
                tensor.elements() / columns <= 1 << 30,
                tensor + " has " + tensor.elements() / columns + " rows, at most 2^30 are served");
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

    /** Panels go in fours; a part of fewer would repeat some. */
    static long cpuPanelParts(long panels, int cores) {
        return Math.max(1, Math.min(2L * CPU_PARTS_PER_CORE * cores, panels / 4));
    }
}
