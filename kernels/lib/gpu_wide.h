/* Four neighbouring elements of every array at a time, for kernels of one text: SG_EACH_FOUR, SG_MAP and what they say (lib/cuda/wide.cuh). */
#ifndef SG_LIB_GPU_WIDE_H
#define SG_LIB_GPU_WIDE_H
#include "lib/gpu.h"
#if defined(__OPENCL_VERSION__)
#include "lib/opencl/wide.h"
#else
#include "lib/cuda/wide.cuh"
#endif
#endif
