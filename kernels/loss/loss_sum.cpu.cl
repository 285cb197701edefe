/* See loss/loss_sum.cl. Work-group: 1 x 1, one per k. */
#include "lib/cpu/row_group.h"

kernel void loss_sum_f32(const global f32 *workspace, global f32 *out, i64 groups) {
    i64 k = (i64)get_group_id(0);
    f32 sum = 0.0f;
    for (i64 g = 0; g < groups; g++) sum += workspace[GROUP_PARTIALS + k * groups + g];
    out[k] = sum * workspace[0];
}
