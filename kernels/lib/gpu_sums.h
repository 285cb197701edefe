/* Compensated sums over a chunk by a group of T x R work-items, for kernels of one text: sg_row_sum, sg_add_pairs and SG_SUM_TERMS (lib/cuda/sums.cuh). */
#ifndef SG_LIB_GPU_SUMS_H
#define SG_LIB_GPU_SUMS_H
#include "lib/gpu_wide.h"
#if defined(__OPENCL_VERSION__)
#include "lib/opencl/sums.h"
#else
#include "lib/cuda/sums.cuh"
#endif
#endif
