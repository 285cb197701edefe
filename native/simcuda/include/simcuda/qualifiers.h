/* CUDA's qualifiers and built-in variables. */
#ifndef SIMCUDA_QUALIFIERS_H
#define SIMCUDA_QUALIFIERS_H

#include "runtime.h"

/* The build scans the preprocessed file for these two words to find the kernels (macros may generate them) and their launch bounds. */
#ifdef SIMCUDA_SCAN
#define __global__ SIMCUDA_KERNEL_MARK
#define __launch_bounds__(...) SIMCUDA_BOUNDS_MARK(__VA_ARGS__)
#else
#define __global__
#define __launch_bounds__(...)
#endif

#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(n) __attribute__((aligned(n)))
#define __grid_constant__

/* One copy per OS thread, which runs one block at a time. The driver finds it as the module's thread-local segment. */
#define __shared__ static thread_local

#define threadIdx (simcuda_indices()->thread_idx)
#define blockIdx (simcuda_indices()->block_idx)
#define blockDim (simcuda_indices()->block_dim)
#define gridDim (simcuda_indices()->grid_dim)
#define warpSize 32

#define SG_DYNAMIC_SHARED(type, name) type* const name = static_cast<type*>(simcuda_dynamic_shared())

#endif
