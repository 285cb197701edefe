/* Work-groups of lanes x rows work-items for kernels on rows: reductions over the lanes of a row and over the whole group, in a fixed order, by trees in
   local memory. `scratch` holds one value per work-item. All work-items of the group call, all get the result. */
#ifndef SG_LIB_OPENCL_ROW_GROUP_H
#define SG_LIB_OPENCL_ROW_GROUP_H
#include "lib/dialect.h"

#define GROUP_PARTIALS 16 /* where the groups' sums begin in a workspace; before them its scale */

#ifndef ROW_GROUP
#define ROW_GROUP 256 /* work-items of a group: lanes times rows, each a power of two */
#endif
#define ROW_GROUP_LARGEST ROW_GROUP
#define GROUP_SCRATCH ROW_GROUP /* values of local memory that group_sum needs */
#define group_size() ROW_GROUP
/* Declares what sums over lanes need, at the top of an entry of one text. */
#define SG_LANES(name) local f32 name[ROW_GROUP]

#define GROUP_REDUCE(NAME, T, COMBINE)                                                 \
    SG_FN T NAME(T x, local T *scratch, i32 rank, i32 base, i32 width) {               \
        barrier(CLK_LOCAL_MEM_FENCE);                                                  \
        scratch[rank] = x;                                                             \
        for (i32 d = width / 2; d > 0; d /= 2) {                                       \
            barrier(CLK_LOCAL_MEM_FENCE);                                              \
            T a = scratch[rank], b = rank - base < d ? scratch[rank + d] : a;          \
            if (rank - base < d) scratch[rank] = COMBINE;                              \
        }                                                                              \
        barrier(CLK_LOCAL_MEM_FENCE);                                                  \
        return scratch[base];                                                          \
    }
GROUP_REDUCE(group_sum_at, f32, a + b)
GROUP_REDUCE(group_max_at, f32, a > b ? a : b)
GROUP_REDUCE(group_sum_i64_at, i64, a + b)

/* Orders accesses of device memory, within the group, as well. */
#define GROUP_BARRIER() barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)

SG_FN i32 group_rank(void) { return (i32)(get_local_id(1) * get_local_size(0) + get_local_id(0)); }
SG_FN f32 lanes_sum(f32 x, local f32 *scratch) {
    return group_sum_at(x, scratch, group_rank(), (i32)(get_local_id(1) * get_local_size(0)), (i32)get_local_size(0));
}
/* May drop a NaN: callers that must show it have it in a sum. */
SG_FN f32 lanes_max(f32 x, local f32 *scratch) {
    return group_max_at(x, scratch, group_rank(), (i32)(get_local_id(1) * get_local_size(0)), (i32)get_local_size(0));
}
SG_FN f32 group_sum(f32 x, local f32 *scratch) { return group_sum_at(x, scratch, group_rank(), 0, ROW_GROUP); }
SG_FN i64 group_sum_i64(i64 x, local i64 *scratch) { return group_sum_i64_at(x, scratch, group_rank(), 0, ROW_GROUP); }

#define LOCAL_INCREMENT(p) atomic_inc(p)

/* The sum of x over the work-items before this one. group_total is the sum over all, until the next call. `scratch` has GROUP_SCAN elements: x of each
   work-item, then the sums over 16 neighbours: three barriers and about 30 reads. */
#define GROUP_SCAN (ROW_GROUP + ROW_GROUP / 16)
SG_FN i32 group_scan(i32 x, local i32 *scratch) {
    i32 rank = group_rank(), before = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    scratch[rank] = x;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (rank % 16 == 0) {
        i32 sum = 0;
        for (i32 i = 0; i < 16; i++) sum += scratch[rank + i];
        scratch[ROW_GROUP + rank / 16] = sum;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (i32 i = 0; i < rank / 16; i++) before += scratch[ROW_GROUP + i];
    for (i32 i = rank / 16 * 16; i < rank; i++) before += scratch[i];
    return before;
}
SG_FN i32 group_total(const local i32 *scratch) {
    i32 sum = 0;
    for (i32 i = 0; i < ROW_GROUP / 16; i++) sum += scratch[ROW_GROUP + i];
    return sum;
}

/* Runs STATEMENT for each element i of this work-item, four independent ones at a time. */
#define EACH_ELEMENT(n, STATEMENT)                                                                          \
    {                                                                                                       \
        i64 step_ = (i64)get_num_groups(0) * (i64)get_local_size(0);                                        \
        i64 start_ = (i64)get_group_id(0) * (i64)get_local_size(0) + (i64)get_local_id(0);                  \
        for (i64 base_ = start_; base_ < (n); base_ += 4 * step_) {                                         \
            _Pragma("unroll") for (i32 u_ = 0; u_ < 4; u_++) {                                              \
                i64 i = base_ + u_ * step_;                                                                 \
                if (i < (n)) {                                                                              \
                    STATEMENT                                                                               \
                }                                                                                           \
            }                                                                                               \
        }                                                                                                   \
    }

#endif
