package dev.sagitta.kernel.gemm;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import java.util.Map;

/** How {@link Gemm} is cut into work-groups, and the constants of its kernel files that decide it. */
final class GemmGeometry {
    /** GEMM_BM, GEMM_BN and GEMM_BK of gemm/gemm.cl; its work-group is 16 x 16. */
    private static final int OPENCL_BLOCK = 64;

    private static final int OPENCL_DEPTH = 16;
    private static final int OPENCL_SIDE = 16;

    /** GEMM_LARGE, GEMM_SMALL and GEMM_STAGES of gemm/gemm.cu, and its threads. */
    private static final int CUDA_LARGE = 128;

    private static final int CUDA_SMALL = 64;
    private static final int CUDA_STAGES = 4;
    private static final int CUDA_FP32_THREADS = 256;
    private static final int CUDA_TENSOR_THREADS = 128;

    /** Of a stage: for each row of the tile, and padding. */
    private static final int CUDA_STAGE_BYTES_PER_ROW = 128;

    private static final int CUDA_STAGE_BYTES_MORE = 1024;

    /**
     * Panels of gemm/gemm.cpu.cl that fit in local memory; the first that fits is taken.
     *
     * @param kc depth, nc width of a panel of B; mc rows of A
     * @param localBytes needed, with the tile of sums that 16-bit results wait in
     */
    private record CpuPanels(int kc, int nc, int mc, long localBytes) {
        static final CpuPanels[] BY_SIZE = {
            new CpuPanels(256, 256, 96, 456 << 10),
            new CpuPanels(128, 192, 96, 224 << 10),
            new CpuPanels(32, 64, 48, 32 << 10)
        };

        static CpuPanels of(Device device) {
            for (CpuPanels panels : BY_SIZE) {
                if (panels.localBytes() <= device.info().localMemoryBytes()) {
                    return panels;
                }
            }
            return BY_SIZE[BY_SIZE.length - 1];
        }
    }

    /** Rows and columns that a tile is a whole number of, on a CPU. */
    private static final int CPU_ROWS = 4;

    private static final int CPU_COLUMNS = 32;

    /** More tiles per core than this only repeat the packing. */
    private static final int CPU_TILES_PER_CORE = 32;

    private GemmGeometry() {}

    static Map<String, String> defines(Device device) {
        return switch (device.kind()) {
            case CUDA ->
                Map.of(
                        "GEMM_LARGE",
                        text(CUDA_LARGE),
                        "GEMM_SMALL",
                        text(CUDA_SMALL),
                        "GEMM_STAGES",
                        text(CUDA_STAGES));
            case OPENCL_GPU ->
                Map.of("GEMM_BM", text(OPENCL_BLOCK), "GEMM_BN", text(OPENCL_BLOCK), "GEMM_BK", text(OPENCL_DEPTH));
            case OPENCL_CPU -> {
                CpuPanels panels = CpuPanels.of(device);
                yield Map.of("GEMM_KC", text(panels.kc()), "GEMM_NC", text(panels.nc()), "GEMM_MC", text(panels.mc()));
            }
        };
    }

    private static String text(int value) {
        return Integer.toString(value);
    }

    /** Blocks of the smallest tile that any device uses: must fit in a grid. */
    static long mostGroups(Gemm gemm) {
        return tiles(gemm, Math.min(CUDA_SMALL, OPENCL_BLOCK));
    }

    static Geometry of(Gemm gemm, Device device) {
        return switch (device.kind()) {
            case OPENCL_CPU ->
                cpu(gemm, device.info().computeUnits(), CpuPanels.of(device).nc());
            case OPENCL_GPU -> Geometry.of(tiles(gemm, OPENCL_BLOCK), 1, gemm.batch(), OPENCL_SIDE, OPENCL_SIDE);
            case CUDA -> cuda(gemm, device.info().computeUnits());
        };
    }

    private static long tiles(Gemm gemm, int tile) {
        return groups(gemm.m(), tile) * groups(gemm.n(), tile);
    }

    private static long groups(long extent, int block) {
        return (extent + block - 1) / block;
    }

    /** Large tiles read less; small ones where the large would leave multiprocessors without work. The kernel infers the tile from the grid. */
    private static Geometry cuda(Gemm gemm, int multiprocessors) {
        boolean large = tiles(gemm, CUDA_LARGE) * gemm.batch() >= multiprocessors;
        return cuda(gemm, large);
    }

    static Geometry cuda(Gemm gemm, boolean large) {
        int tile = large ? CUDA_LARGE : CUDA_SMALL;
        if (gemm.isPlainFp32()) {
            return Geometry.of(tiles(gemm, tile), 1, gemm.batch(), CUDA_FP32_THREADS, 1);
        }
        return Geometry.of(tiles(gemm, tile), 1, gemm.batch(), CUDA_TENSOR_THREADS, 1)
                .withShared(CUDA_STAGES * (CUDA_STAGE_BYTES_PER_ROW * tile + CUDA_STAGE_BYTES_MORE));
    }

    /**
     * The split into TM x TN tiles with the least predicted time: rounds of tiles over the cores, each tile costing its products, the packing
     * of its columns of B and of its rows of A once per panel, and a start. In units of one multiply-add along K; measured on shapes from
     * 32 to 4096 (docs/BENCHMARKS.md).
     */
    private static Geometry cpu(Gemm gemm, int cores, int panel) {
        long most = Math.max(1, (long) CPU_TILES_PER_CORE * cores / gemm.batch());
        long rowUnits = groups(gemm.m(), CPU_ROWS);
        long columnUnits = groups(gemm.n(), CPU_COLUMNS);
        double least = Double.POSITIVE_INFINITY;
        long tilesM = 1;
        long tilesN = 1;
        for (long tm = 1; tm <= Math.min(rowUnits, most); tm++) {
            long rows = CPU_ROWS * ((rowUnits + tm - 1) / tm);
            for (long tn = 1; tn <= Math.min(columnUnits, most / tm); tn++) {
                long columns = CPU_COLUMNS * ((columnUnits + tn - 1) / tn);
                long rounds = (tm * tn * gemm.batch() + cores - 1) / cores;
                double perTile =
                        (double) rows * columns + 8 * columns + 4 * rows * ((columns + panel - 1) / panel) + 200;
                double cost = (rounds + 0.25) * perTile;
                if (cost < least) {
                    least = cost;
                    tilesM = tm;
                    tilesN = tn;
                }
            }
        }
        return Geometry.of(tilesN, tilesM, gemm.batch(), 1, 1);
    }
}
