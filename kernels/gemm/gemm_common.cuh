/* What both inner loops of gemm/gemm.cu share: the operands of one product of the batch, which tile a block computes, and how a tile of sums
   in shared memory becomes C. gemm.cu defines GEMM_STRIPE before it includes this file. */
#ifndef SG_GEMM_GEMM_COMMON_CUH
#define SG_GEMM_GEMM_COMMON_CUH

#include "lib/functions.h"
#include "lib/numbers.h"
#include "lib/cuda/cuda.cuh"
#include "lib/cuda/ptx.cuh"

#define GEMM_HAS_BIAS 1
#define GEMM_ACCUMULATE 2
#define GEMM_ACTIVATION(flags) (((flags) >> 8) & 15)
#define GEMM_ROW_PAD 8 /* floats behind each row of sums: what the lanes of a half-warp write then falls in different banks */

/* One product; the pointers are those of its place in the batch. */
template <class In, class Out>
struct GemmProblem {
    const In *a;
    const In *b;
    Out *c;
    const f32 *bias;
    i32 m, n, k, lda, ldb, ldc;
    f32 alpha, beta;
    i32 flags;
};

struct GemmF32 {
    static __device__ __forceinline__ f32 load(f32 x) { return x; }
    static __device__ __forceinline__ f32 store(f32 x) { return x; }
};

SG_FN u32 gemm_tiles(i32 extent, i32 tile) { return (u32)((extent - 1) / tile + 1); }

struct GemmOrigin {
    i32 row, column;
};

/* Blocks run down a stripe of GEMM_STRIPE rows of tiles, then take the next column of the stripe. */
SG_FN GemmOrigin gemm_origin(i32 m, i32 n, i32 tile) {
    const u32 down = gemm_tiles(m, tile), across = gemm_tiles(n, tile);
    const u32 stripe = blockIdx.x / (GEMM_STRIPE * across), within = blockIdx.x % (GEMM_STRIPE * across);
    const u32 left = down - stripe * GEMM_STRIPE, height = left < GEMM_STRIPE ? left : GEMM_STRIPE;
    GemmOrigin origin = {(i32)((stripe * GEMM_STRIPE + within % height) * tile), (i32)(within / height * tile)};
    return origin;
}

/* How many of `width` elements lie before the end, `left` elements away (negative: beyond it). */
SG_FN i32 gemm_inside(i32 left, i32 width) { return left < 0 ? 0 : left < width ? left : width; }

SG_FN void gemm_activate(f32 (&v)[4], i32 code) {
#define GEMM_CASE(CODE, F) \
    case CODE: v[0] = F##_f(v[0]), v[1] = F##_f(v[1]), v[2] = F##_f(v[2]), v[3] = F##_f(v[3]); break;
    switch (code) {
        SG_ALL_FUNCTIONS(GEMM_CASE)
        default: break;
    }
#undef GEMM_CASE
}

/* Four neighbours of C at once where they are aligned to their common size. */
SG_FN void gemm_get4(const f32 *p, f32 (&v)[4]) {
    const float4 x = sg_load4(p);
    v[0] = x.x, v[1] = x.y, v[2] = x.z, v[3] = x.w;
}
SG_FN void gemm_get4(const u16 *p, u16 (&v)[4]) {
    const uint2 x = *reinterpret_cast<const uint2 *>(p);
    v[0] = (u16)x.x, v[1] = (u16)(x.x >> 16), v[2] = (u16)x.y, v[3] = (u16)(x.y >> 16);
}
SG_FN void gemm_put4(f32 *p, const f32 (&v)[4]) { sg_store4(p, make_float4(v[0], v[1], v[2], v[3])); }
SG_FN void gemm_put4(u16 *p, const u16 (&v)[4]) {
    *reinterpret_cast<uint2 *>(p) = make_uint2(v[0] | (u32)v[1] << 16, v[2] | (u32)v[3] << 16);
}

/* ROWS x WIDTH sums in shared memory, rows of WIDTH + GEMM_ROW_PAD floats, to the rows of C from `row` on and its columns from `column` on.
   A thread keeps to four columns. */
template <class Format, int ROWS, int WIDTH, int THREADS, class In, class Out>
SG_FN void gemm_finish(const GemmProblem<In, Out> &p, const f32 *sums, i32 row, i32 column) {
    const i32 at = (i32)threadIdx.x % (WIDTH / 4) * 4;
    const i32 columns = gemm_inside(p.n - column - at, 4), rows = gemm_inside(p.m - row, ROWS);
    if (columns == 0) return;
    const bool together = columns == 4 && p.ldc % 4 == 0 && (reinterpret_cast<u64>(p.c) & (4 * sizeof(Out) - 1)) == 0;
    f32 bias[4] = {};
    if (p.flags & GEMM_HAS_BIAS) {
#pragma unroll
        for (i32 e = 0; e < 4; e++)
            if (e < columns) bias[e] = p.bias[column + at + e];
    }
#pragma unroll 1
    for (i32 r = (i32)threadIdx.x / (WIDTH / 4); r < rows; r += THREADS / (WIDTH / 4)) {
        Out *c = p.c + (i64)(row + r) * p.ldc + column + at;
        f32 v[4];
        gemm_get4(sums + r * (WIDTH + GEMM_ROW_PAD) + at, v);
        Out old[4] = {};
        if (p.flags & GEMM_ACCUMULATE) {
            if (together) gemm_get4(c, old);
            else {
#pragma unroll
                for (i32 e = 0; e < 4; e++)
                    if (e < columns) old[e] = c[e];
            }
        }
#pragma unroll
        for (i32 e = 0; e < 4; e++) {
            v[e] = p.alpha * v[e];
            if (p.flags & GEMM_ACCUMULATE) v[e] += p.beta * Format::load(old[e]);
            if (p.flags & GEMM_HAS_BIAS) v[e] += bias[e];
        }
        gemm_activate(v, GEMM_ACTIVATION(p.flags));
        Out result[4];
#pragma unroll
        for (i32 e = 0; e < 4; e++) result[e] = Format::store(v[e]);
        if (together) gemm_put4(c, result);
        else {
#pragma unroll
            for (i32 e = 0; e < 4; e++)
                if (e < columns) c[e] = result[e];
        }
    }
}

#endif
