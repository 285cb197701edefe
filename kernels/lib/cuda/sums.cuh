/* Compensated sums (lib/sums.h) over a chunk of memory by a block of T x R threads, T a power of two: T threads share each of R rows. */
#ifndef SG_LIB_CUDA_SUMS_CUH
#define SG_LIB_CUDA_SUMS_CUH
#include "lib/sums.h"
#include "lib/cuda/wide.cuh"

#define SG_SUM_THREADS 256 /* threads of a block, at most */

/* The pairs of the T threads of a row into one, which they all get; a tree over neighbours, so the order does not depend on the machine. All threads call.
   `his` and `los` hold SG_SUM_THREADS values in shared memory. */
SG_FN float2 sg_row_sum(f32 hi, f32 lo, f32 *his, f32 *los) {
    u32 t = threadIdx.x, base = threadIdx.y * blockDim.x;
    __syncthreads();
    his[base + t] = hi;
    los[base + t] = lo;
    for (u32 width = blockDim.x / 2; width > 0; width /= 2) {
        __syncthreads();
        if (t < width) {
            f32 other = los[base + t + width];
            SG_TWO_SUM(f32, hi, lo, his[base + t + width]);
            lo += other;
            his[base + t] = hi;
            los[base + t] = lo;
        }
    }
    __syncthreads();
    return make_float2(his[base], los[base]);
}

/* Pair c of an array of (hi, lo), which lie at even places of a buffer. */
SG_FN float2 sg_pair(const f32 *pairs, i64 c) { return *reinterpret_cast<const float2 *>(pairs + 2 * c); }
/* The same of a pair with an integer in it. */
SG_FN uint2 sg_pair_bits(const f32 *pairs, i64 c) { return *reinterpret_cast<const uint2 *>(pairs + 2 * c); }

/* Adds the pairs begin, begin + T, begin + 2 T, ... before `end` to (hi, lo), in that order, T threads sharing a row; 16 loads in flight. */
SG_FN void sg_add_pairs(const f32 *pairs, i64 begin, i64 end, f32 *hi, f32 *lo) {
    for (i64 c = begin; c < end; c += 16 * blockDim.x) {
        float2 pair[16];
#pragma unroll
        for (i32 u = 0; u < 16; u++) pair[u] = sg_pair(pairs, c + u * blockDim.x < end ? c + u * blockDim.x : c); /* not under a branch */
#pragma unroll
        for (i32 u = 0; u < 16; u++) {
            bool there = c + u * blockDim.x < end;
            SG_TWO_SUM(f32, *hi, *lo, there ? pair[u].x : 0.0f);
            *lo += there ? pair[u].y : 0.0f;
        }
    }
}

/* Adds TERM (float4) for sg_i in [begin, end), four elements at a time, to the thread's pair: 16 terms pairwise, then TwoSum. The inputs of a round are loaded
   by LOAD(INPUTS, sg_i, whole) into float4 sg_in[INPUTS], elements sg_i .. sg_i + 3 of each, 0 at and beyond their own limits; whole is constant, true in
   rounds for which WIDE is true and all of whose elements lie before `end`: their loads are issued together. In WIDE, sg_i is the round's first element. */
#define SG_SUM_ROUND(WHOLE, INPUTS, hi, lo, LOAD, TERM)                                                   \
    {                                                                                                    \
        float4 sg_all[4][INPUTS], sg_t[4];                                                               \
        _Pragma("unroll") for (i32 sg_u = 0; sg_u < 4; sg_u++) LOAD(sg_all[sg_u], sg_i + sg_u * sg_step, WHOLE); \
        _Pragma("unroll") for (i32 sg_u = 0; sg_u < 4; sg_u++) {                                          \
            const float4 *sg_in = sg_all[sg_u];                                                          \
            sg_t[sg_u] = TERM;                                                                           \
        }                                                                                                \
        float4 sg_v = (sg_t[0] + sg_t[1]) + (sg_t[2] + sg_t[3]);                                         \
        SG_TWO_SUM(f32, hi, lo, (sg_v.x + sg_v.y) + (sg_v.z + sg_v.w));                                  \
    }
#define SG_SUM_TERMS(begin, end, hi, lo, INPUTS, WIDE, LOAD, TERM)                                        \
    for (i64 sg_i = (begin) + 4 * threadIdx.x, sg_step = 4 * blockDim.x; sg_i < (end); sg_i += 4 * sg_step) { \
        if ((WIDE) && sg_i + 3 * sg_step + 4 <= (end)) SG_SUM_ROUND(true, INPUTS, hi, lo, LOAD, TERM)     \
        else SG_SUM_ROUND(false, INPUTS, hi, lo, LOAD, TERM)                                              \
    }

#endif
