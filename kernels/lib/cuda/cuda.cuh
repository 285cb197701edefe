/* Included by every kernel text that is compiled for CUDA: dynamic shared memory, 16-byte loads, and reductions over a warp and a block in a fixed order, so that
   the same launch on the same device gives the same bits. */
#ifndef SG_LIB_CUDA_CUDA_CUH
#define SG_LIB_CUDA_CUDA_CUH

#include "lib/dialect.h"

/* The block's dynamic shared memory as an array of `type`. One name per file: all such declarations name the same bytes. 16-byte aligned. */
#ifndef SG_SIMULATED
#define SG_DYNAMIC_SHARED(type, name)                         \
    extern __shared__ __align__(16) unsigned char sg_dynamic_shared_bytes[]; \
    type* const name = reinterpret_cast<type*>(sg_dynamic_shared_bytes)
#endif

#define SG_WARP 32
#define SG_FULL_MASK 0xFFFFFFFFu

/* Position in a block of any shape. */
SG_FN u32 sg_thread_rank() { return (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x; }
SG_FN u32 sg_block_threads() { return blockDim.x * blockDim.y * blockDim.z; }
SG_FN u32 sg_lane() { return sg_thread_rank() % SG_WARP; }
SG_FN u32 sg_warp() { return sg_thread_rank() / SG_WARP; }

/* Four floats at p, which is 16-byte aligned and in any memory. The compiler may split them; ptx.cuh has accesses of global memory that stay whole. */
SG_FN float4 sg_load4(const f32* p) { return *reinterpret_cast<const float4*>(p); }
SG_FN void sg_store4(f32* p, float4 v) { *reinterpret_cast<float4*>(p) = v; }
SG_FN bool sg_aligned16(const void* p) { return (reinterpret_cast<u64>(p) & 15) == 0; }

/* Butterflies over a full warp: all 32 lanes call, all get the result. At distance 16, 8, 4, 2, 1, always in that order. */
SG_FN f32 sg_warp_sum(f32 x) {
#pragma unroll
    for (int d = SG_WARP / 2; d > 0; d /= 2) x += __shfl_xor_sync(SG_FULL_MASK, x, d);
    return x;
}
/* A NaN wins: fmaxf would drop it. */
SG_FN f32 sg_nan_max(f32 a, f32 b) { return a != a || a > b ? a : b; }
SG_FN f32 sg_warp_max(f32 x) {
#pragma unroll
    for (int d = SG_WARP / 2; d > 0; d /= 2) x = sg_nan_max(x, __shfl_xor_sync(SG_FULL_MASK, x, d));
    return x;
}
SG_FN f32 sg_warp_min(f32 x) { return -sg_warp_max(-x); }
SG_FN i32 sg_warp_sum_i32(i32 x) {
#pragma unroll
    for (int d = SG_WARP / 2; d > 0; d /= 2) x += __shfl_xor_sync(SG_FULL_MASK, x, d);
    return x;
}

/* Over the block: each warp by butterfly, then the warps' results from warp 0 upwards, by every thread for itself. All threads call and all get
   the result. The block is a whole number of warps. `scratch` is shared memory for one value per warp (32 at most); it may be used again at once. */
#define SG_BLOCK_REDUCE(NAME, T, WARP_REDUCE, COMBINE)                              \
    SG_FN T NAME(T x, T* scratch) {                                                 \
        x = WARP_REDUCE(x);                                                         \
        if (sg_lane() == 0) scratch[sg_warp()] = x;                                 \
        __syncthreads();                                                            \
        T a = scratch[0];                                                           \
        for (u32 w = 1; w < sg_block_threads() / SG_WARP; w++) {                    \
            T b = scratch[w];                                                       \
            a = COMBINE;                                                            \
        }                                                                           \
        __syncthreads();                                                            \
        return a;                                                                   \
    }
SG_BLOCK_REDUCE(sg_block_sum, f32, sg_warp_sum, a + b)
SG_BLOCK_REDUCE(sg_block_max, f32, sg_warp_max, sg_nan_max(a, b))
SG_BLOCK_REDUCE(sg_block_min, f32, sg_warp_min, -sg_nan_max(-a, -b))
SG_BLOCK_REDUCE(sg_block_sum_i32, i32, sg_warp_sum_i32, a + b)
#undef SG_BLOCK_REDUCE

#endif
