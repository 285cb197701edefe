/* Blocks of lanes (x) x rows (y) threads for kernels on rows: reductions over the lanes of a row and over the whole block, in a fixed order, by warp
   shuffles and, beyond a warp, one value per warp in shared memory (`scratch`, 32 values). lanes is a power of two and the block a whole number of warps. All
   threads of the block call, all get the result. */
#ifndef SG_ROW_GROUP_CUH
#define SG_ROW_GROUP_CUH
#include "cuda/cuda.cuh"

#define GROUP_PARTIALS 16 /* where the groups' sums begin in a workspace; before them its scale */

#ifndef ROW_GROUP
#define ROW_GROUP 256 /* threads of a block, where not ROW_GROUP_LARGEST */
#endif
#define ROW_GROUP_LARGEST 512 /* most threads of a block */
#define SG_NAN __int_as_float(0x7FFFFFFF)
#define SG_INF __int_as_float(0x7F800000)
#define SG_LOWEST __int_as_float((i32)0xFF7FFFFF)

#define LANES_REDUCE(NAME, COMBINE)                                                          \
    SG_FN f32 NAME(f32 x, f32* scratch) {                                                    \
        u32 lanes = blockDim.x;                                                              \
        for (u32 d = (lanes < SG_WARP ? lanes : SG_WARP) / 2; d > 0; d /= 2) {               \
            f32 a = x, b = __shfl_xor_sync(SG_FULL_MASK, x, d);                              \
            x = COMBINE;                                                                     \
        }                                                                                    \
        if (lanes > SG_WARP) {                                                               \
            u32 warps = lanes / SG_WARP, first = sg_warp() / warps * warps;                  \
            if (sg_lane() == 0) scratch[sg_warp()] = x;                                      \
            __syncthreads();                                                                 \
            f32 a = scratch[first];                                                          \
            for (u32 w = 1; w < warps; w++) {                                                \
                f32 b = scratch[first + w];                                                  \
                a = COMBINE;                                                                 \
            }                                                                                \
            x = a;                                                                           \
            __syncthreads();                                                                 \
        }                                                                                    \
        return x;                                                                            \
    }
LANES_REDUCE(lanes_sum, a + b)
/* May drop a NaN: callers that must show it have it in a sum. */
LANES_REDUCE(lanes_max, a > b ? a : b)
#undef LANES_REDUCE

/* Orders the accesses of the lanes of a row. All threads of the block call. */
SG_FN void lanes_barrier() {
    if (blockDim.x > SG_WARP) __syncthreads();
    else __syncwarp();
}
SG_FN i32 group_rank() { return (i32)sg_thread_rank(); }
SG_FN f32 group_sum(f32 x, f32* scratch) { return sg_block_sum(x, scratch); }
SG_FN i64 group_sum_i64(i64 x, i64* scratch) {
    for (u32 d = SG_WARP / 2; d > 0; d /= 2) x += __shfl_xor_sync(SG_FULL_MASK, x, d);
    if (sg_lane() == 0) scratch[sg_warp()] = x;
    __syncthreads();
    x = scratch[0];
    for (u32 w = 1; w < sg_block_threads() / SG_WARP; w++) x += scratch[w];
    __syncthreads();
    return x;
}

#define LOCAL_INCREMENT(p) atomicAdd(p, 1)

/* The sum of x over the threads before this one. group_total is the sum over all, until the next call. */
SG_FN i32 group_scan(i32 x, i32* scratch) {
    i32 sum = x;
    for (u32 d = 1; d < SG_WARP; d *= 2) {
        i32 left = __shfl_up_sync(SG_FULL_MASK, sum, d);
        sum += sg_lane() >= d ? left : 0;
    }
    __syncthreads();
    if (sg_lane() == SG_WARP - 1) scratch[sg_warp()] = sum;
    __syncthreads();
    i32 before = 0, all = 0;
    for (u32 w = 0; w < sg_block_threads() / SG_WARP; w++) {
        before += w < sg_warp() ? scratch[w] : 0;
        all += scratch[w];
    }
    if (sg_thread_rank() == 0) scratch[SG_WARP] = all;
    __syncthreads();
    return before + sum - x;
}
SG_FN i32 group_total(const i32* scratch) { return scratch[SG_WARP]; }

#endif
