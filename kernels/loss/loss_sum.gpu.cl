/* The last step of a loss that more than one group worked on: out[k] = workspace[0] * sum over g < groups of workspace[16 + k groups + g].

   workspace: f32, as the loss kernels leave it; out: [K]. Work-group: 256 x 1, one per k. Bytes: 4 per sum read. Sums in a fixed order: work-item i takes
   g = i, i + 256, ..., then a tree. */
#include "lib/gpu_rows.h"

SG_KERNEL(256) loss_sum_f32(const SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *out, i64 groups) {
    SG_SHARED(f32, scratch, GROUP_SCRATCH);
    i64 k = (i64)sg_group(0);
    f32 sum = 0.0f;
    for (i64 g = group_rank(); g < groups; g += group_size()) sum += workspace[GROUP_PARTIALS + k * groups + g];
    sum = group_sum(sum, scratch);
    if (group_rank() == 0) out[k] = sum * workspace[0];
}
