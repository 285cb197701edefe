/* Elementwise arithmetic on n elements. `factor` is alpha, times alpha_at[0] unless alpha_at is null: what changes from step to step stands in memory.

     add_f32       y = a + b
     multiply_f32  y = a b
     fma_f32       y = a b + c, rounded once
     scale_f32     y = factor a
     axpy_f32      y = factor x + y
     axpby_f32     y = factor x + beta y; with beta = 0, y is not read

   All [n]. y may be the memory of any input. Block: 256; four elements per access, two accesses per thread and input.
   Bytes per element: add, multiply, axpy, axpby 12; fma 16; scale 8. Flops: 1 (scale, add, multiply), 2, axpby 3. */
#include "common/dialect.h"
#include "cuda/wide.cuh"

/* y[i] = VALUE(i); both values of a round are read before either is written. */
#define MAP(VALUE) \
    for (i64 i = 4 * ((i64)blockIdx.x * blockDim.x + threadIdx.x), step = 4 * (i64)gridDim.x * blockDim.x; i < n; i += 2 * step) { \
        float4 v = VALUE(i), w = VALUE(i + step); \
        sg_store_up_to_4(y, i, n, wide, v); \
        sg_store_up_to_4(y, i + step, n, wide, w); \
    }
#define LOAD(p, i) sg_load_up_to_4(p, i, n, wide, 0.0f)
#define FACTOR (alpha_at ? alpha * alpha_at[0] : alpha)

extern "C" __global__ void __launch_bounds__(256) add_f32(const f32 *a, const f32 *b, f32 *y, i64 n) {
    bool wide = sg_aligned16(a) && sg_aligned16(b) && sg_aligned16(y);
#define SUM(i) (LOAD(a, i) + LOAD(b, i))
    MAP(SUM)
}

extern "C" __global__ void __launch_bounds__(256) multiply_f32(const f32 *a, const f32 *b, f32 *y, i64 n) {
    bool wide = sg_aligned16(a) && sg_aligned16(b) && sg_aligned16(y);
#define PRODUCT(i) (LOAD(a, i) * LOAD(b, i))
    MAP(PRODUCT)
}

extern "C" __global__ void __launch_bounds__(256) fma_f32(const f32 *a, const f32 *b, const f32 *c, f32 *y, i64 n) {
    bool wide = sg_aligned16(a) && sg_aligned16(b) && sg_aligned16(c) && sg_aligned16(y);
#define FUSED(i) sg_fma4(LOAD(a, i), LOAD(b, i), LOAD(c, i))
    MAP(FUSED)
}

extern "C" __global__ void __launch_bounds__(256) scale_f32(const f32 *a, f32 *y, const f32 *alpha_at, f32 alpha, i64 n) {
    bool wide = sg_aligned16(a) && sg_aligned16(y);
    f32 factor = FACTOR;
#define SCALED(i) (factor * LOAD(a, i))
    MAP(SCALED)
}

extern "C" __global__ void __launch_bounds__(256) axpy_f32(const f32 *x, f32 *y, const f32 *alpha_at, f32 alpha, i64 n) {
    bool wide = sg_aligned16(x) && sg_aligned16(y);
    float4 factor = sg_splat4(FACTOR);
#define AXPY(i) sg_fma4(factor, LOAD(x, i), LOAD(y, i))
    MAP(AXPY)
}

extern "C" __global__ void __launch_bounds__(256) axpby_f32(const f32 *x, f32 *y, const f32 *alpha_at, f32 alpha, f32 beta, i64 n) {
    bool wide = sg_aligned16(x) && sg_aligned16(y);
    f32 factor = FACTOR;
#define SCALED_X(i) (factor * LOAD(x, i))
#define AXPBY(i) sg_fma4(sg_splat4(factor), LOAD(x, i), beta * LOAD(y, i))
    if (beta == 0.0f) {
        MAP(SCALED_X)
    } else {
        MAP(AXPBY)
    }
}
