/* Groups of lanes x rows work-items and their sums, for kernels of one text: by warps on CUDA, by trees in local memory in OpenCL. */
#ifndef SG_LIB_GPU_ROWS_H
#define SG_LIB_GPU_ROWS_H
#include "lib/gpu.h"
#if defined(__OPENCL_VERSION__)
#include "lib/opencl/row_group.h"
#else
#include "lib/cuda/row_group.cuh"
#endif
#endif
