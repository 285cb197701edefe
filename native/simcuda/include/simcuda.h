/* Force-included (-include simcuda.h) before every kernel text X that g++ compiles for the simulated driver: it supplies what nvcc would
   have built in. System headers come first, because some of CUDA's qualifiers (__noinline__) are words that they use themselves. */
#ifndef SIMCUDA_H
#define SIMCUDA_H

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SG_SIMULATED 1
#define __CUDACC__ 1
#define __CUDA_ARCH__ 800

#include "simcuda/vectors.h"
#include "simcuda/runtime.h"
#include "simcuda/qualifiers.h"
#include "simcuda/bits.h"
#include "simcuda/maths.h"
#include "simcuda/sync.h"
#include "simcuda/atomics.h"

#endif
