/* The fp32 inner loop of gemm/gemm.cu: a T x T tile of C by 256 threads, T 64 or 128, in fp32 FMAs.

   Shared memory holds two steps of K, as [t][i] of A and [t][j] of B (rows of T + 4 floats): one is computed on while the other arrives by
   cp.async. A matrix that is stored that way comes in copies of 16 bytes where its rows are aligned to them, else of 4; one that is stored by
   the other axis is turned over by copies of 4 bytes, whose targets are free. Either costs at most 16 instructions against 1024 FFMA.

   Thread (x, y) of 16 x 16 holds rows 64 p + 4 y .. + 3 and columns 64 q + 4 x .. + 3, p, q < T / 64. A warp is 4 x 8 threads: its loads of
   16 bytes name 64 and 128 different bytes, without bank conflicts. */
#ifndef SG_GEMM_GEMM_FP32_CUH
#define SG_GEMM_GEMM_FP32_CUH

#include "gemm/gemm_common.cuh"

#define GEMM_FP32_THREADS 256
#define GEMM_FP32_STEP 16 /* depth of a step */
#define GEMM_FP32_ROW(T) ((T) + 4)
#define GEMM_FP32_SHARED (64 * (GEMM_LARGE + GEMM_ROW_PAD)) /* floats: half of the sums, which is a little more than two steps */

/* This thread's share of one operand, from step to step. `r` counts along the stored rows, `c` within them. */
template <bool TURN, int T>
struct GemmFp32Fetch {
    static constexpr int WIDE = TURN ? 1 : 4;                                   /* elements of a copy */
    static constexpr int PER_ROW = TURN ? GEMM_FP32_STEP : T / 4;               /* copies along a stored row */
    static constexpr int APART = GEMM_FP32_THREADS / PER_ROW;                   /* rows between this thread's copies */
    static constexpr int COPIES = (TURN ? T : GEMM_FP32_STEP) / APART;

    const f32 *from;
    i32 ld, to, r_left, c_left;
    bool aligned;

    __device__ __forceinline__ void start(const f32 *matrix, i32 row, i32 i0, i32 extent, i32 k) {
        const i32 r = (i32)threadIdx.x / PER_ROW, c = (i32)threadIdx.x % PER_ROW * WIDE;
        ld = row;
        from = matrix + (TURN ? (i64)(i0 + r) * ld + c : (i64)r * ld + i0 + c);
        to = TURN ? c * GEMM_FP32_ROW(T) + r : r * GEMM_FP32_ROW(T) + c;
        r_left = (TURN ? extent - i0 : k) - r;
        c_left = (TURN ? k : extent - i0) - c;
        aligned = sg_aligned16(matrix) && ld % 4 == 0;
    }

    /* Asks for the next step. A copy of 0 bytes reads nothing, wherever its source points, and writes zeros. */
    __device__ __forceinline__ void next(f32 *tile) {
#pragma unroll
        for (i32 j = 0; j < COPIES; j++) {
            const i32 inside = j * APART < r_left ? gemm_inside(c_left, WIDE) : 0;
            const f32 *source = from + (i64)(j * APART) * ld;
            f32 *target = tile + to + j * APART * (TURN ? 1 : GEMM_FP32_ROW(T));
            if (TURN) ptx_cp_async_4(target, source, 4 * inside);
            else if (aligned) ptx_cp_async_16(target, source, 4 * inside);
            else {
#pragma unroll
                for (i32 e = 0; e < WIDE; e++) ptx_cp_async_4(target + e, source + e, e < inside ? 4 : 0);
            }
        }
        from += TURN ? GEMM_FP32_STEP : (i64)GEMM_FP32_STEP * ld;
        if (TURN) c_left -= GEMM_FP32_STEP;
        else r_left -= GEMM_FP32_STEP;
    }
};

template <bool TRANS_A, bool TRANS_B, int T, class Problem>
SG_FN void gemm_fp32_tile(const Problem &p, f32 *memory) {
    constexpr int PARTS = T / 64, HALF_STAGE = GEMM_FP32_STEP * GEMM_FP32_ROW(T);
    const GemmOrigin at = gemm_origin(p.m, p.n, T);
    const i32 lane = sg_lane(), warp = sg_warp();
    const i32 x = 4 * (lane % 8 + 8 * (warp % 2)), y = 4 * (lane / 8 + 4 * (warp / 2));
    f32 sum[PARTS][4][PARTS][4] = {};

    GemmFp32Fetch<!TRANS_A, T> fetch_a;
    GemmFp32Fetch<TRANS_B, T> fetch_b;
    fetch_a.start(p.a, p.lda, at.row, p.m, p.k);
    fetch_b.start(p.b, p.ldb, at.column, p.n, p.k);
    const i32 steps = (p.k - 1) / GEMM_FP32_STEP + 1;
    fetch_a.next(memory);
    fetch_b.next(memory + HALF_STAGE);

    for (i32 step = 0; step < steps; step++) {
        ptx_cp_async_wait_all();
        __syncthreads(); /* this step has arrived, and nobody reads the other one any more */
        const f32 *tile_a = memory + step % 2 * 2 * HALF_STAGE, *tile_b = tile_a + HALF_STAGE;
        if (step + 1 < steps) {
            f32 *other = memory + (step + 1) % 2 * 2 * HALF_STAGE;
            fetch_a.next(other);
            fetch_b.next(other + HALF_STAGE);
        }
#pragma unroll
        for (i32 t = 0; t < GEMM_FP32_STEP; t++) {
            f32 row[PARTS][4], col[PARTS][4];
#pragma unroll
            for (i32 q = 0; q < PARTS; q++) {
                gemm_get4(tile_a + t * GEMM_FP32_ROW(T) + 64 * q + y, row[q]);
                gemm_get4(tile_b + t * GEMM_FP32_ROW(T) + 64 * q + x, col[q]);
            }
#pragma unroll
            for (i32 i = 0; i < 4 * PARTS; i++)
#pragma unroll
                for (i32 j = 0; j < 4 * PARTS; j++)
                    sum[i / 4][i % 4][j / 4][j % 4] = sg_fma(row[i / 4][i % 4], col[j / 4][j % 4], sum[i / 4][i % 4][j / 4][j % 4]);
        }
    }

#pragma unroll 1
    for (i32 part = 0; part < PARTS; part++) {
        __syncthreads();
#pragma unroll
        for (i32 s = 0; s < PARTS; s++) /* the index of a register must be known when compiling */
            if (s == part)
#pragma unroll
                for (i32 i = 0; i < 4; i++)
#pragma unroll
                    for (i32 q = 0; q < PARTS; q++) gemm_put4(memory + (y + i) * (T + GEMM_ROW_PAD) + 64 * q + x, sum[s][i][q]);
        __syncthreads();
        gemm_finish<GemmF32, 64, T, GEMM_FP32_THREADS>(p, memory, at.row + 64 * part, at.column);
    }
}

#endif
