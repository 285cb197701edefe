/* c[m][n] = a[m][k] b[k][n], bf16 in, fp32 out: what a real kernel does with cp.async in two stages, ldmatrix and mma.sync.
   Block of 128 threads (four warps, 16x16 each) per 32x32 tile; m, n multiples of 32, k of 16. */
#include "lib/cuda/cuda.cuh"
#include "lib/cuda/ptx.cuh"

#define TILE 32
#define STEP 16
#define PAD 8 /* elements after each row: ldmatrix rows then fall in different banks */

struct Stage {
    u16 a[TILE][STEP + PAD];
    u16 b[STEP][TILE + PAD];
};

SG_FN void load_stage(Stage* s, const u16* a, const u16* b, i32 row, i32 col, i32 at, i32 n, i32 k) {
    i32 t = threadIdx.x % 64;
    if (threadIdx.x < 64) ptx_cp_async_16(&s->a[t / 2][t % 2 * 8], a + (u64)(row + t / 2) * k + at + t % 2 * 8);
    else ptx_cp_async_16_stream(&s->b[t / 4][t % 4 * 8], b + (u64)(at + t / 4) * n + col + t % 4 * 8);
    ptx_cp_async_commit();
}

extern "C" __global__ void __launch_bounds__(128, 4) gemm_bf16(const u16* a, const u16* b, f32* c, i32 n, i32 k) {
    __shared__ __align__(16) Stage stages[2];
    i32 row = blockIdx.y * TILE, col = blockIdx.x * TILE, lane = sg_lane(), warp = sg_warp();
    i32 wr = warp / 2 * 16, wc = warp % 2 * 16;
    f32 acc[2][4] = {};
    load_stage(&stages[0], a, b, row, col, 0, n, k);
    for (i32 step = 0; step < k / STEP; step++) {
        if (step + 1 < k / STEP) {
            load_stage(&stages[(step + 1) % 2], a, b, row, col, (step + 1) * STEP, n, k);
            ptx_cp_async_wait<1>();
        } else {
            ptx_cp_async_wait<0>();
        }
        __syncthreads();
        const Stage* s = &stages[step % 2];
        u32 fa[4], fb[4];
        ptx_ldmatrix_x4(fa, &s->a[wr + lane % 16][lane / 16 * 8]);
        ptx_ldmatrix_x4_trans(fb, &s->b[lane % 16][wc + lane / 16 * 8]);
#pragma unroll
        for (i32 j = 0; j < 2; j++) {
            u32 half[2] = {fb[2 * j], fb[2 * j + 1]};
            ptx_mma_m16n8k16_bf16(acc[j], fa, half, acc[j]);
        }
#ifndef FORGET_BARRIER
        __syncthreads(); /* before the next load overwrites this stage */
#endif
    }
    i32 g = lane / 4, t = lane % 4;
    for (i32 j = 0; j < 2; j++)
        for (i32 h = 0; h < 2; h++)
            *reinterpret_cast<float2*>(c + (u64)(row + wr + g + 8 * h) * n + col + wc + 8 * j + 2 * t) = make_float2(acc[j][2 * h], acc[j][2 * h + 1]);
}
