/* Blocks of lanes (x) x rows (y) threads for kernels on rows: reductions over the lanes of a row and over the whole block, in a fixed order, by warp
   shuffles and, beyond a warp, one value per warp in shared memory (`scratch`, 32 values over the block). lanes is a power of two and the block a whole number
   of warps. All threads of the block call, all get the result. */
#ifndef SG_LIB_CUDA_ROW_GROUP_CUH
#define SG_LIB_CUDA_ROW_GROUP_CUH
#include "lib/cuda/cuda.cuh"
#include "lib/cuda/ptx.cuh"

#define GROUP_PARTIALS 16 /* where the groups' sums begin in a workspace; before them its scale */

#ifndef ROW_GROUP
#define ROW_GROUP 256 /* threads of a block, where not ROW_GROUP_LARGEST */
#endif
#define ROW_GROUP_LARGEST 512 /* most threads of a block */
#define GROUP_SCRATCH SG_WARP /* values of shared memory that group_sum needs */
#define SG_NAN __int_as_float(0x7FFFFFFF)
#define SG_INF __int_as_float(0x7F800000)
#define SG_LOWEST __int_as_float((i32)0xFF7FFFFF)

/* Shared memory of reductions over lanes, LANES_SCRATCH values: two halves by turns, so that one barrier per reduction is enough. A warp that writes a half
   has passed the barrier of the other half, which all warps of its row reach after they have read the one. */
#define LANES_SCRATCH (2 * SG_WARP)
struct lanes_scratch {
    f32* values;
    u32 half;
};
/* Declares it, at the top of an entry of one text. */
#define SG_LANES(name)                         \
    __shared__ f32 name##_values[LANES_SCRATCH]; \
    lanes_scratch name##_state = {name##_values, 0}, *name = &name##_state

/* Orders the accesses of the lanes of a row, whose warps do not wait for the block's other rows. All threads of the row call. */
SG_FN void lanes_barrier() {
    if (blockDim.x > SG_WARP) ptx_barrier(1 + threadIdx.y, blockDim.x);
    else __syncwarp();
}

#define LANES_REDUCE(NAME, COMBINE)                                                          \
    SG_FN f32 NAME(f32 x, lanes_scratch* scratch) {                                          \
        u32 lanes = blockDim.x;                                                              \
        if (lanes >= SG_WARP) {                                                              \
            _Pragma("unroll") for (u32 d = SG_WARP / 2; d > 0; d /= 2) {                     \
                f32 a = x, b = __shfl_xor_sync(SG_FULL_MASK, x, d);                          \
                x = COMBINE;                                                                 \
            }                                                                                \
        } else {                                                                             \
            for (u32 d = lanes / 2; d > 0; d /= 2) {                                         \
                f32 a = x, b = __shfl_xor_sync(SG_FULL_MASK, x, d);                          \
                x = COMBINE;                                                                 \
            }                                                                                \
        }                                                                                    \
        if (lanes > SG_WARP) {                                                               \
            u32 warps = lanes / SG_WARP, own = sg_warp();                                    \
            f32* place = scratch->values + scratch->half;                                    \
            scratch->half ^= SG_WARP;                                                        \
            if (sg_lane() == 0) place[own] = x;                                              \
            place += own & ~(warps - 1);                                                     \
            lanes_barrier();                                                                 \
            f32 a = place[0], b = place[1];                                                  \
            a = COMBINE;                                                                     \
            _Pragma("unroll 1") for (u32 w = 2; w < warps; w++) {                            \
                b = place[w];                                                                \
                a = COMBINE;                                                                 \
            }                                                                                \
            x = a;                                                                           \
        }                                                                                    \
        return x;                                                                            \
    }
LANES_REDUCE(lanes_sum, a + b)
/* May drop a NaN: callers that must show it have it in a sum. */
LANES_REDUCE(lanes_max, fmaxf(a, b))
#undef LANES_REDUCE

SG_FN u32 group_size() { return sg_block_threads(); }
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
