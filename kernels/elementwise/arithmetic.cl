/* Elementwise arithmetic on n elements. `factor` is alpha, times alpha_at[0] unless alpha_at is null: what changes from step to step stands in memory.

     add_f32       y = a + b
     multiply_f32  y = a b
     fma_f32       y = a b + c, rounded once
     scale_f32     y = factor a
     axpy_f32      y = factor x + y
     axpby_f32     y = factor x + beta y; with beta = 0, y is not read

   All [n]. y may be the memory of any input. Work-group: 256; four elements per access, two accesses per work-item and input.
   Bytes per element: add, multiply, axpy, axpby 12; fma 16; scale 8. Flops: 1 (scale, add, multiply), 2, axpby 3. */
#include "lib/dialect.h"
#include "lib/opencl/wide.h"

/* y[i] = VALUE(i); both values of a round are read before either is written. */
#define MAP(VALUE) \
    for (i64 i = 4 * (i64)get_global_id(0), step = 4 * (i64)get_global_size(0); i < n; i += 2 * step) { \
        float4 v = VALUE(i), w = VALUE(i + step); \
        sg_store_up_to_4(y, i, n, wide, v); \
        sg_store_up_to_4(y, i + step, n, wide, w); \
    }
#define LOAD(p, i) sg_load_up_to_4(p, i, n, wide, 0.0f)
#define FACTOR (alpha_at ? alpha * alpha_at[0] : alpha)

kernel void add_f32(const global f32 *a, const global f32 *b, global f32 *y, i64 n) {
    bool wide = sg_aligned16(a) && sg_aligned16(b) && sg_aligned16(y);
#define SUM(i) (LOAD(a, i) + LOAD(b, i))
    MAP(SUM)
}

kernel void multiply_f32(const global f32 *a, const global f32 *b, global f32 *y, i64 n) {
    bool wide = sg_aligned16(a) && sg_aligned16(b) && sg_aligned16(y);
#define PRODUCT(i) (LOAD(a, i) * LOAD(b, i))
    MAP(PRODUCT)
}

kernel void fma_f32(const global f32 *a, const global f32 *b, const global f32 *c, global f32 *y, i64 n) {
    bool wide = sg_aligned16(a) && sg_aligned16(b) && sg_aligned16(c) && sg_aligned16(y);
#define FUSED(i) fma(LOAD(a, i), LOAD(b, i), LOAD(c, i))
    MAP(FUSED)
}

kernel void scale_f32(const global f32 *a, global f32 *y, const global f32 *alpha_at, f32 alpha, i64 n) {
    bool wide = sg_aligned16(a) && sg_aligned16(y);
    f32 factor = FACTOR;
#define SCALED(i) (factor * LOAD(a, i))
    MAP(SCALED)
}

kernel void axpy_f32(const global f32 *x, global f32 *y, const global f32 *alpha_at, f32 alpha, i64 n) {
    bool wide = sg_aligned16(x) && sg_aligned16(y);
    float4 factor = (float4)(FACTOR);
#define AXPY(i) fma(factor, LOAD(x, i), LOAD(y, i))
    MAP(AXPY)
}

kernel void axpby_f32(const global f32 *x, global f32 *y, const global f32 *alpha_at, f32 alpha, f32 beta, i64 n) {
    bool wide = sg_aligned16(x) && sg_aligned16(y);
    f32 factor = FACTOR;
#define SCALED_X(i) (factor * LOAD(x, i))
#define AXPBY(i) fma((float4)(factor), LOAD(x, i), beta * LOAD(y, i))
    if (beta == 0.0f) {
        MAP(SCALED_X)
    } else {
        MAP(AXPBY)
    }
}
