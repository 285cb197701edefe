/* Compensated sums (lib/sums.h) over a chunk of memory by a work-group of T x R work-items, T a power of two: T work-items share each of R rows. */
#ifndef SG_LIB_OPENCL_SUMS_H
#define SG_LIB_OPENCL_SUMS_H
#include "lib/sums.h"
#include "lib/opencl/wide.h"

#define SG_SUM_THREADS 256 /* work-items of a group, at most */

/* The pairs of the T work-items of a row into one, which they all get; a tree over neighbours, so the order does not depend on the machine. All
   work-items call. `his` and `los` hold SG_SUM_THREADS values. */
SG_FN float2 sg_row_sum(f32 hi, f32 lo, local f32 *his, local f32 *los) {
    u32 t = (u32)get_local_id(0), base = (u32)(get_local_id(1) * get_local_size(0));
    barrier(CLK_LOCAL_MEM_FENCE);
    his[base + t] = hi;
    los[base + t] = lo;
    for (u32 width = (u32)get_local_size(0) / 2; width > 0; width /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (t < width) {
            f32 other = los[base + t + width];
            SG_TWO_SUM(f32, hi, lo, his[base + t + width]);
            lo += other;
            his[base + t] = hi;
            los[base + t] = lo;
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return (float2)(his[base], los[base]);
}

/* Pair c of an array of pairs, as bits: there may be an integer in it. */
SG_FN uint2 sg_pair_bits(const global f32 *pairs, i64 c) { return vload2(c, (const global u32 *)pairs); }

/* Adds the pairs begin, begin + T, begin + 2 T, ... before `end` to (hi, lo), in that order, T work-items sharing a row. */
SG_FN void sg_add_pairs(const global f32 *pairs, i64 begin, i64 end, f32 *hi, f32 *lo) {
    for (i64 c = begin; c < end; c += (i64)get_local_size(0)) {
        SG_TWO_SUM(f32, *hi, *lo, pairs[2 * c]);
        *lo += pairs[2 * c + 1];
    }
}

/* Adds TERM (float4) for sg_i in [begin, end), four elements at a time, to the work-item's pair: 16 terms pairwise, then TwoSum. The inputs of a round are
   loaded by LOAD(INPUTS, sg_i, WHOLE) into float4 sg_in[INPUTS], elements sg_i .. sg_i + 3 of each, 0 at and beyond their own limits. WIDE is CUDA's, which
   has whole rounds apart; here WHOLE is false. */
#define SG_SUM_TERMS(begin, end, hi, lo, INPUTS, WIDE, LOAD, TERM)                                                                 \
    for (i64 sg_i = (begin) + 4 * (i64)get_local_id(0), sg_step = 4 * (i64)get_local_size(0); sg_i < (end); sg_i += 4 * sg_step) { \
        float4 sg_all[4][INPUTS], sg_t[4];                                                                                         \
        _Pragma("unroll") for (i32 sg_u = 0; sg_u < 4; sg_u++) LOAD(sg_all[sg_u], sg_i + sg_u * sg_step, false);                   \
        _Pragma("unroll") for (i32 sg_u = 0; sg_u < 4; sg_u++) {                                                                   \
            const float4 *sg_in = sg_all[sg_u];                                                                                    \
            sg_t[sg_u] = TERM;                                                                                                     \
        }                                                                                                                          \
        float4 sg_v = (sg_t[0] + sg_t[1]) + (sg_t[2] + sg_t[3]);                                                                   \
        SG_TWO_SUM(f32, hi, lo, (sg_v.x + sg_v.y) + (sg_v.z + sg_v.w));                                                            \
    }

#endif
