/* Elementwise arithmetic on n elements. `factor` is alpha, times alpha_at[0] unless alpha_at is null: what changes from step to step stands in memory.

     add_f32       y = a + b
     multiply_f32  y = a b
     fma_f32       y = a b + c, rounded once
     scale_f32     y = factor a
     axpy_f32      y = factor x + y
     axpby_f32     y = factor x + beta y; with beta = 0, y is not read

   All [n]. y may be the memory of any input. Work-group: 256; four elements per access, two accesses per work-item and input, the loads before the stores.
   Bytes per element: add, multiply, axpy, axpby 12; fma 16; scale 8. Flops: 1 (scale, add, multiply), 2, axpby 3.
   WIDE add_f32 multiply_f32 axpy_f32: 6 loads, 3 stores
   WIDE fma_f32: 9 loads, 3 stores
   WIDE scale_f32: 3 loads, 3 stores
   WIDE axpby_f32: 9 loads, 6 stores */
#include "lib/gpu_wide.h"

#define FACTOR (alpha_at ? alpha * alpha_at[0] : alpha)

SG_KERNEL(256) add_f32(const SG_GLOBAL f32 *a, const SG_GLOBAL f32 *b, SG_GLOBAL f32 *y, i64 n) {
    const SG_GLOBAL f32 *const in[] = {a, b};
    SG_MAP(y, in, n, SG_IN(0) + SG_IN(1))
}

SG_KERNEL(256) multiply_f32(const SG_GLOBAL f32 *a, const SG_GLOBAL f32 *b, SG_GLOBAL f32 *y, i64 n) {
    const SG_GLOBAL f32 *const in[] = {a, b};
    SG_MAP(y, in, n, SG_IN(0) * SG_IN(1))
}

SG_KERNEL(256) fma_f32(const SG_GLOBAL f32 *a, const SG_GLOBAL f32 *b, const SG_GLOBAL f32 *c, SG_GLOBAL f32 *y, i64 n) {
    const SG_GLOBAL f32 *const in[] = {a, b, c};
    SG_MAP(y, in, n, sg_fma4(SG_IN(0), SG_IN(1), SG_IN(2)))
}

SG_KERNEL(256) scale_f32(const SG_GLOBAL f32 *a, SG_GLOBAL f32 *y, const SG_GLOBAL f32 *alpha_at, f32 alpha, i64 n) {
    f32 factor = FACTOR;
    const SG_GLOBAL f32 *const in[] = {a};
    SG_MAP(y, in, n, factor * SG_IN(0))
}

SG_KERNEL(256) axpy_f32(const SG_GLOBAL f32 *x, SG_GLOBAL f32 *y, const SG_GLOBAL f32 *alpha_at, f32 alpha, i64 n) {
    float4 factor = sg_splat4(FACTOR);
    const SG_GLOBAL f32 *const in[] = {x, y};
    SG_MAP(y, in, n, sg_fma4(factor, SG_IN(0), SG_IN(1)))
}

SG_KERNEL(256) axpby_f32(const SG_GLOBAL f32 *x, SG_GLOBAL f32 *y, const SG_GLOBAL f32 *alpha_at, f32 alpha, f32 beta, i64 n) {
    f32 factor = FACTOR;
    if (beta == 0.0f) {
        const SG_GLOBAL f32 *const in[] = {x};
        SG_MAP(y, in, n, factor * SG_IN(0))
    } else {
        const SG_GLOBAL f32 *const in[] = {x, y};
        SG_MAP(y, in, n, sg_fma4(sg_splat4(factor), SG_IN(0), beta * SG_IN(1)))
    }
}
