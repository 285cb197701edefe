/* The vocabulary of kernels that both GPU dialects compile from one text (suffix .gpu.cl), on top of lib/dialect.h. A work-item has a place in its group and
   the group a place in the grid; shared arrays are declared at the top of an entry. What is vector access on CUDA is 16 bytes: its pointers are aligned to that.

   SG_KERNEL() makes an entry of any block size, SG_KERNEL(256) one for at most 256 work-items: (256) and (256, 1) are not the same, the second argument asks
   for that many blocks at once and costs registers. */
#ifndef SG_LIB_GPU_H
#define SG_LIB_GPU_H
#include "lib/dialect.h"
#if defined(__OPENCL_VERSION__)
#define SG_KERNEL(...) kernel void
#define sg_item() ((i64)get_global_id(0))
#define sg_aligned_16(p) (((ulong)(p) & 15) == 0)
#define sg_load_4(p) vload4(0, p)
#define sg_store_4(p, v) vstore4(v, 0, p)
#define sg_make_4(a, b, c, d) ((float4)(a, b, c, d))
#else
#include "lib/cuda/cuda.cuh"
#include "lib/cuda/ptx.cuh"
#define SG_KERNEL(...) extern "C" __global__ void __launch_bounds__(__VA_ARGS__)
#define sg_item() ((i64)blockIdx.x * blockDim.x + threadIdx.x)
#define sg_aligned_16(p) sg_aligned16(p)
#define sg_load_4(p) ptx_ld_global_f32x4(p)
#define sg_store_4(p, v) ptx_st_global_f32x4(p, v)
#define sg_make_4(a, b, c, d) make_float4(a, b, c, d)
#endif
#endif
