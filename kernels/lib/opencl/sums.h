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

/* Adds the float4 TERM(i) for i in [begin, end), four at a time per work-item, to its pair: 16 terms pairwise, then TwoSum. TERM gives 0 at and
   beyond its own limit. */
#define SG_SUM_TERMS(begin, end, hi, lo, TERM)                                                                                     \
    for (i64 sg_i = (begin) + 4 * (i64)get_local_id(0), sg_step = 4 * (i64)get_local_size(0); sg_i < (end); sg_i += 4 * sg_step) { \
        float4 sg_v = (TERM(sg_i) + TERM(sg_i + sg_step)) + (TERM(sg_i + 2 * sg_step) + TERM(sg_i + 3 * sg_step));                 \
        SG_TWO_SUM(f32, hi, lo, (sg_v.x + sg_v.y) + (sg_v.z + sg_v.w));                                                            \
    }

#endif
