/* Elementwise functions in the five modes of an op, for CPU devices: formulas, arguments and bytes as in elementwise/pointwise.cl.

   Work-group: 1. Work-group g takes the g-th piece of [0, n) for all probes, POINTWISE_BLOCK elements at a time: the derivatives of a block are
   computed once, stay in the first-level cache and meet each probe's tangents there. */
#include "lib/cpu/vector.h"
#include "lib/cpu/sums.h"

#ifndef POINTWISE_BLOCK
#define POINTWISE_BLOCK 1024 /* elements whose derivatives are kept, a multiple of 128: 4 KiB, a page of each tangent */
#endif
#ifndef POINTWISE_PROBES
#define POINTWISE_PROBES 8 /* probes whose curvature is summed in one pass over the piece */
#endif

/* What the five modes have in common: y = F(a, b, c) element by element, inputs read before the output is written, so they may be one memory. */
#define POINTWISE_MAP(begin, end, y, stream, VALUE)                                             \
    do {                                                                                        \
        i64 i = (begin);                                                                        \
        for (; i + 16 <= (end); i += 16) {                                                      \
            i64 count = 16;                                                                     \
            sg_store_v16(VALUE, (y) + i, stream);                                               \
        }                                                                                       \
        for (; i < (end); i += 16) {                                                            \
            i64 count = (end) - i;                                                              \
            sg_store_part(VALUE, (y) + i, count);                                               \
        }                                                                                       \
    } while (0)
#define LOAD(p) (count == 16 ? vload16(0, (p) + i) : sg_load_part((p) + i, count, 0.0f))
#define KEPT(p) (p)[(i - block) / 16]

#define POINTWISE(CODE, NAME)                                                                                                          \
    kernel void NAME##_forward_f32(const global f32 *x, global f32 *y, i64 n) {                                                  \
        bool stream = x != y && sg_worth_streaming(y, n);                                                                        \
        POINTWISE_MAP(sg_piece_begin(n), sg_piece_end(n), y, stream, NAME##_f_v16(LOAD(x)));                                     \
    }                                                                                                                            \
    kernel void NAME##_backward_f32(const global f32 *x, const global f32 *dy, global f32 *dx, i64 n) {                          \
        bool stream = x != dx && dy != dx && sg_worth_streaming(dx, n);                                                          \
        POINTWISE_MAP(sg_piece_begin(n), sg_piece_end(n), dx, stream, LOAD(dy) * NAME##_d1_v16(LOAD(x)));                        \
    }                                                                                                                            \
    kernel void NAME##_tangent_f32(const global f32 *x, const global f32 *xt, global f32 *yt, i64 n, i64 probes) {               \
        float16 d1[POINTWISE_BLOCK / 16];                                                                                        \
        i64 from = sg_piece_begin(n), to = sg_piece_end(n);                                                                      \
        for (i64 block = from; block < to; block += POINTWISE_BLOCK) {                                                           \
            i64 stop = min(block + POINTWISE_BLOCK, to);                                                                         \
            for (i64 i = block; i < stop; i += 16) KEPT(d1) = NAME##_d1_v16(sg_load_part(x + i, stop - i, 0.0f));                \
            for (i64 k = 0; k < probes; k++) {                                                                                   \
                const global f32 *in = xt + k * n;                                                                               \
                global f32 *out = yt + k * n;                                                                                    \
                bool stream = in != out && x != out && sg_worth_streaming(out, n * probes);                                      \
                POINTWISE_MAP(block, stop, out, stream, LOAD(in) * KEPT(d1));                                                    \
            }                                                                                                                    \
        }                                                                                                                        \
    }                                                                                                                            \
    kernel void NAME##_tangent_backward_f32(const global f32 *x, const global f32 *xt, const global f32 *dy,                     \
                                            const global f32 *dyt, global f32 *dxt, i64 n, i64 probes) {                         \
        float16 d1[POINTWISE_BLOCK / 16], dyd2[POINTWISE_BLOCK / 16];                                                            \
        i64 from = sg_piece_begin(n), to = sg_piece_end(n);                                                                      \
        for (i64 block = from; block < to; block += POINTWISE_BLOCK) {                                                           \
            i64 stop = min(block + POINTWISE_BLOCK, to);                                                                         \
            for (i64 i = block; i < stop; i += 16) {                                                                             \
                float16 v = sg_load_part(x + i, stop - i, 0.0f);                                                                 \
                KEPT(d1) = NAME##_d1_v16(v);                                                                                     \
                KEPT(dyd2) = NAME##_d2_v16(v) * sg_load_part(dy + i, stop - i, 0.0f);                                            \
            }                                                                                                                    \
            for (i64 k = 0; k < probes; k++) {                                                                                   \
                const global f32 *in = xt + k * n, *cotangent = dyt + k * n;                                                     \
                global f32 *out = dxt + k * n;                                                                                   \
                bool stream = in != out && cotangent != out && dy != out && x != out && sg_worth_streaming(out, n * probes);     \
                POINTWISE_MAP(block, stop, out, stream, fma(LOAD(cotangent), KEPT(d1), LOAD(in) * KEPT(dyd2)));                  \
            }                                                                                                                    \
        }                                                                                                                        \
    }                                                                                                                            \
    kernel void NAME##_curvature_f32(const global f32 *x, const global f32 *xt, const global f32 *dy, global f32 *partials,      \
                                     i64 n, i64 probes, i64 chunk) {                                                             \
        float16 dyd2[POINTWISE_BLOCK / 16], hi[POINTWISE_PROBES], lo[POINTWISE_PROBES];                                          \
        i64 chunks = (i64)get_num_groups(0), c = (i64)get_group_id(0), from = c * chunk, to = min(from + chunk, n);              \
        for (i64 first = 0; first < probes; first += POINTWISE_PROBES) {                                                         \
            i64 last = min(first + POINTWISE_PROBES, probes);                                                                    \
            for (i32 k = 0; k < POINTWISE_PROBES; k++) hi[k] = lo[k] = (float16)(0.0f);                                          \
            for (i64 block = from; block < to; block += POINTWISE_BLOCK) {                                                       \
                i64 stop = min(block + POINTWISE_BLOCK, to);                                                                     \
                for (i64 i = block; i < stop; i += 16) {                                                                         \
                    KEPT(dyd2) = NAME##_d2_v16(sg_load_part(x + i, stop - i, 0.0f)) * sg_load_part(dy + i, stop - i, 0.0f);      \
                }                                                                                                                \
                for (i64 k = first; k < last; k++) {                                                                             \
                    const global f32 *in = xt + k * n;                                                                           \
                    float16 h = hi[k - first], l = lo[k - first];                                                                \
                    SG_SUM_TERMS(block, stop, h, l, CURVATURE_TERM, CURVATURE_PART);                                             \
                    hi[k - first] = h;                                                                                           \
                    lo[k - first] = l;                                                                                           \
                }                                                                                                                \
            }                                                                                                                    \
            for (i64 k = first; k < last; k++) {                                                                                 \
                vstore2(sg_sum_lanes(hi[k - first], lo[k - first]), k * chunks + c, partials);                                   \
            }                                                                                                                    \
        }                                                                                                                        \
    }
#define SQUARE_BY(v, w) ((v) * (v) * (w))
#define CURVATURE_TERM(j) SQUARE_BY(vload16(0, in + (j)), dyd2[((j)-block) / 16])
#define CURVATURE_PART(j, count) SQUARE_BY(sg_load_part(in + (j), count, 0.0f), dyd2[((j)-block) / 16])

SG_ALL_FUNCTIONS(POINTWISE)
