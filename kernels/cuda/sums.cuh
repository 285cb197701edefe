/* Compensated sums (common/sums.h) over a chunk of memory by a block of T x R threads, T a power of two: T threads share each of R rows. */
#ifndef SG_CUDA_SUMS_CUH
#define SG_CUDA_SUMS_CUH
#include "common/sums.h"
#include "cuda/wide.cuh"

#define SG_SUM_THREADS 256 /* threads of a block, at most */

/* The pairs of the T threads of a row into one, which they all get; a tree over neighbours, so the order does not depend on the machine. All threads call. */
SG_FN float2 sg_row_sum(f32 hi, f32 lo) {
    __shared__ f32 his[SG_SUM_THREADS], los[SG_SUM_THREADS];
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

/* Adds the float4 TERM(i) for i in [begin, end), four at a time per thread, to the thread's pair: 16 terms pairwise, then TwoSum. TERM gives 0 at and
   beyond its own limit. */
#define SG_SUM_TERMS(begin, end, hi, lo, TERM)                                                                   \
    for (i64 sg_i = (begin) + 4 * threadIdx.x, sg_step = 4 * blockDim.x; sg_i < (end); sg_i += 4 * sg_step) {    \
        float4 sg_v = (TERM(sg_i) + TERM(sg_i + sg_step)) + (TERM(sg_i + 2 * sg_step) + TERM(sg_i + 3 * sg_step)); \
        SG_TWO_SUM(f32, hi, lo, (sg_v.x + sg_v.y) + (sg_v.z + sg_v.w));                                          \
    }

#endif
