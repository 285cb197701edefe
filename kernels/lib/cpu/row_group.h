/* How kernels on CPU devices share out rows and elements: work-group g of G, a single work-item, has a contiguous piece. */
#ifndef SG_LIB_CPU_ROW_GROUP_H
#define SG_LIB_CPU_ROW_GROUP_H
#include "lib/cpu/softmax_vector.h"

#define GROUP_PARTIALS 16 /* where the groups' sums begin in a workspace; before them its scale */

/* Group g has the rows [group_first(n, g, G), group_first(n, g + 1, G)): pieces differ by one at most. */
SG_FN i64 group_first(i64 n, i64 g, i64 groups) { return n / groups * g + min(g, n % groups); }

/* Runs STATEMENT for vectors at i with `width` >= 1 elements; `block` is the number of the block of 64, `u` which of four accumulators serves. */
#define EACH_VECTOR(n, STATEMENT)                                                                           \
    {                                                                                                       \
        i64 blocks_ = ((n) + 63) / 64, groups_ = get_num_groups(0), g_ = get_group_id(0);                   \
        i64 last_ = group_first(blocks_, g_ + 1, groups_);                                                \
        for (i64 block = group_first(blocks_, g_, groups_); block < last_; block++) {                     \
            if (block * 64 + 64 <= (n)) {                                                                   \
                const i64 width = SG_V;                                                                     \
                _Pragma("unroll") for (i32 u = 0; u < 4; u++) {                                             \
                    i64 i = block * 64 + u * SG_V;                                                          \
                    STATEMENT                                                                               \
                }                                                                                           \
            } else {                                                                                        \
                for (i64 i = block * 64; i < (n); i += SG_V) {                                              \
                    const i64 width = (n) - i;                                                              \
                    const i32 u = 0;                                                                        \
                    STATEMENT                                                                               \
                }                                                                                           \
            }                                                                                               \
        }                                                                                                   \
    }

#endif
