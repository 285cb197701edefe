/* The last step of a loss that more than one group worked on: out[k] = workspace[0] * sum over g < groups of workspace[16 + k groups + g].

   workspace: f32, as the loss kernels leave it; out: [K]. Work-group: 256 x 1, one per k. Bytes: 4 per sum read. Sums in a fixed order: work-item i takes
   g = i, i + 256, ..., then a tree.
   DIALECT: the last sum is one of warps; its text is the call of lib/cuda/sums.cuh. */
#include "lib/cuda/row_group.cuh"

extern "C" __global__ void __launch_bounds__(256) loss_sum_f32(const f32 *workspace, f32 *out, i64 groups) {
    __shared__ f32 scratch[SG_WARP];
    i64 k = (i64)blockIdx.x;
    f32 sum = 0.0f;
    for (i64 g = group_rank(); g < groups; g += sg_block_threads()) sum += workspace[GROUP_PARTIALS + k * groups + g];
    sum = group_sum(sum, scratch);
    if (group_rank() == 0) out[k] = sum * workspace[0];
}
