package dev.sagitta.kernel;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import java.util.Map;

/** How {@link Gemm} is cut into work-groups, and the constants of its kernel files that decide it. */
final class GemmGeometry {
    /** GEMM_BM, GEMM_BN and GEMM_BK of opencl/gemm.cl; its work-group is 16 x 16. */
    private static final int OPENCL_BLOCK = 64;

    private static final int OPENCL_DEPTH = 16;
    private static final int OPENCL_SIDE = 16;

    /** GEMM_LARGE, GEMM_SMALL and GEMM_STAGES of cuda/gemm.cu, and its threads. */
    private static final int CUDA_LARGE = 128;

    private static final int CUDA_SMALL = 64;
    private static final int CUDA_STAGES = 4;
    private static final int CUDA_FP32_THREADS = 256;
    private static final int CUDA_TENSOR_THREADS = 128;

    /** Of a stage: for each row of the tile, and padding. */
    private static final int CUDA_STAGE_BYTES_PER_ROW = 128;

    private static final int CUDA_STAGE_BYTES_MORE = 1024;

    /** GEMM_KC, GEMM_NC and GEMM_MC of opencl/cpu/gemm.cl. */
    private static final Map<String, String> CPU_DEFINES = Map.of("GEMM_KC", "256", "GEMM_NC", "256", "GEMM_MC", "96");

    private static final long CPU_FLOPS_PER_TILE = 1_000_000;
    private static final int CPU_LEAST_ROWS = 24;
    private static final int CPU_LEAST_COLUMNS = 64;

    private GemmGeometry() {}

    static Map<String, String> defines(DeviceKind kind) {
        return switch (kind) {
            case CUDA -> Map.of(
                    "GEMM_LARGE", text(CUDA_LARGE), "GEMM_SMALL", text(CUDA_SMALL), "GEMM_STAGES", text(CUDA_STAGES));
            case OPENCL_GPU -> Map.of(
                    "GEMM_BM", text(OPENCL_BLOCK), "GEMM_BN", text(OPENCL_BLOCK), "GEMM_BK", text(OPENCL_DEPTH));
            case OPENCL_CPU -> CPU_DEFINES;
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
            case OPENCL_CPU -> cpu(gemm, device.info().computeUnits());
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

    /** Enough tiles that no core waits long for another, none so small that packing its operands costs more than it saves. */
    private static Geometry cpu(Gemm gemm, int cores) {
        long wanted = Math.min(4L * cores, gemm.flops() / CPU_FLOPS_PER_TILE) / gemm.batch();
        long tilesM = 1;
        long tilesN = 1;
        while (tilesM * tilesN < wanted) {
            long rows = gemm.m() / (2 * tilesM);
            long columns = gemm.n() / (2 * tilesN);
            if (rows >= columns && rows >= CPU_LEAST_ROWS) {
                tilesM *= 2;
            } else if (columns >= CPU_LEAST_COLUMNS) {
                tilesN *= 2;
            } else if (rows >= CPU_LEAST_ROWS) {
                tilesM *= 2;
            } else {
                break;
            }
        }
        return Geometry.of(tilesN, tilesM, gemm.batch(), 1, 1);
    }
}
