/* The vocabulary of kernels that both GPU dialects compile from one text (suffix .gpu.cl), on top of lib/dialect.h. A work-item has a place in its group
   (sg_local of sg_locals) and the group a place in the grid (sg_group of sg_groups), along axes 0 to 2; sg_item of sg_all_items is its place in the grid along
   axis 0. Shared arrays are declared at the top of an entry; after SG_BARRIER_GLOBAL a group sees what it
   has written to global memory as well. Four floats or words at a time are 16 bytes on CUDA, where sg_takes_4 says whether a pointer is
   aligned to that; OpenCL's vload4 takes any. SG_SHARED_FOURS is a shared array whose fours, from a multiple of 4 on, sg_shared_4 reads and sg_put_shared_4 writes at
   once. On top of it: gpu_wide.h four elements of every array, gpu_rows.h sums over lanes and groups, gpu_sums.h compensated sums.

   SG_ENTRY makes an entry of any block size, SG_KERNEL(256) one for at most 256 work-items, SG_KERNEL_OF(256, 2) one of which a multiprocessor runs at least two groups. */
#ifndef SG_LIB_GPU_H
#define SG_LIB_GPU_H
#include "lib/dialect.h"
#if defined(__OPENCL_VERSION__)
#define SG_ENTRY kernel void
#define SG_KERNEL(LIMIT) kernel void
#define SG_KERNEL_OF(LIMIT, GROUPS) kernel void
#define SG_LOCAL local
#define SG_SHARED(T, name, n) local T name[n]
#define SG_SHARED_FOURS(name, n) local f32 name[n]
#define sg_shared_4(p) vload4(0, p)
#define sg_put_shared_4(p, v) vstore4(v, 0, p)
#define SG_BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
#define SG_BARRIER_GLOBAL() barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)
#define sg_item() ((i64)get_global_id(0))
#define sg_local(axis) ((u32)get_local_id(axis))
#define sg_locals(axis) ((u32)get_local_size(axis))
#define sg_group(axis) ((u32)get_group_id(axis))
#define sg_groups(axis) ((u32)get_num_groups(axis))
#define sg_all_items() ((i64)get_global_size(0))
#define sg_takes_4(p) 1
#define sg_load_4(p) vload4(0, p)
#define sg_store_4(p, v) vstore4(v, 0, p)
#define sg_store_words_4(p, v) vstore4(v, 0, p)
#define sg_make_4(a, b, c, d) ((float4)(a, b, c, d))
#else
#include "lib/cuda/cuda.cuh"
#include "lib/cuda/ptx.cuh"
#define SG_ENTRY extern "C" __global__ void
#define SG_KERNEL(LIMIT) extern "C" __global__ void __launch_bounds__(LIMIT)
#define SG_KERNEL_OF(LIMIT, GROUPS) extern "C" __global__ void __launch_bounds__(LIMIT, GROUPS)
#define SG_LOCAL
#define SG_SHARED(T, name, n) __shared__ T name[n]
#define SG_SHARED_FOURS(name, n) __shared__ __align__(16) f32 name[n]
#define sg_shared_4(p) sg_load4(p)
#define sg_put_shared_4(p, v) (*reinterpret_cast<float4 *>(p) = (v))
#define SG_BARRIER() __syncthreads()
#define SG_BARRIER_GLOBAL() __syncthreads()
#define sg_item() ((i64)blockIdx.x * blockDim.x + threadIdx.x)
/* axis is a constant: what is left is one register */
SG_FN u32 sg_local(int axis) { return axis == 0 ? threadIdx.x : axis == 1 ? threadIdx.y : threadIdx.z; }
SG_FN u32 sg_locals(int axis) { return axis == 0 ? blockDim.x : axis == 1 ? blockDim.y : blockDim.z; }
SG_FN u32 sg_group(int axis) { return axis == 0 ? blockIdx.x : axis == 1 ? blockIdx.y : blockIdx.z; }
SG_FN u32 sg_groups(int axis) { return axis == 0 ? gridDim.x : axis == 1 ? gridDim.y : gridDim.z; }
#define sg_all_items() ((i64)gridDim.x * blockDim.x)
#define sg_takes_4(p) sg_aligned16(p)
#define sg_load_4(p) ptx_ld_global_f32x4(p)
#define sg_store_4(p, v) ptx_st_global_f32x4(p, v)
#define sg_store_words_4(p, v) (*reinterpret_cast<uint4 *>(p) = (v))
#define sg_make_4(a, b, c, d) make_float4(a, b, c, d)
#endif
#endif
