/* Elementwise arithmetic on n elements, for CPU devices: formulas, arguments and bytes as in elementwise/arithmetic.cl.

   Work-group: 1. Work-group g takes the g-th piece of [0, n). */
#include "lib/cpu/vector.h"

/* y[i] = VALUE, 16 elements at a time; VALUE is read before y is written. Outputs that were just read lie in the cache and are not streamed. */
#define MAP(FRESH, VALUE) \
    do { \
        bool stream = (FRESH) && sg_worth_streaming(y, n); \
        i64 i = sg_piece_begin(n), end = sg_piece_end(n); \
        for (; i + 16 <= end; i += 16) { \
            i64 count = 16; \
            sg_store_v16(VALUE, y + i, stream); \
        } \
        if (i < end) { \
            i64 count = end - i; \
            sg_store_part(VALUE, y + i, count); \
        } \
    } while (0)
#define LOAD(p) (count == 16 ? vload16(0, (p) + i) : sg_load_part((p) + i, count, 0.0f))
#define FACTOR (alpha_at ? alpha * alpha_at[0] : alpha)

kernel void add_f32(const global f32 *a, const global f32 *b, global f32 *y, i64 n) { MAP(a != y && b != y, LOAD(a) + LOAD(b)); }

kernel void multiply_f32(const global f32 *a, const global f32 *b, global f32 *y, i64 n) { MAP(a != y && b != y, LOAD(a) * LOAD(b)); }

kernel void fma_f32(const global f32 *a, const global f32 *b, const global f32 *c, global f32 *y, i64 n) {
    MAP(a != y && b != y && c != y, fma(LOAD(a), LOAD(b), LOAD(c)));
}

kernel void scale_f32(const global f32 *a, global f32 *y, const global f32 *alpha_at, f32 alpha, i64 n) {
    f32 factor = FACTOR;
    MAP(a != y, factor * LOAD(a));
}

kernel void axpy_f32(const global f32 *x, global f32 *y, const global f32 *alpha_at, f32 alpha, i64 n) {
    float16 factor = (float16)(FACTOR);
    MAP(false, fma(factor, LOAD(x), LOAD(y)));
}

kernel void axpby_f32(const global f32 *x, global f32 *y, const global f32 *alpha_at, f32 alpha, f32 beta, i64 n) {
    float16 factor = (float16)(FACTOR);
    if (beta == 0.0f) {
        MAP(x != y, factor * LOAD(x));
    } else {
        MAP(false, fma(factor, LOAD(x), beta * LOAD(y)));
    }
}
