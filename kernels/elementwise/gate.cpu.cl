/* A product of two values, the first under a function, for CPU devices: formulas, arguments and bytes as in elementwise/gate.gpu.cl.

   Work-group: 1. Work-group g takes the g-th piece of [0, n) for all probes, GATE_BLOCK elements at a time: the functions of a block are computed once, stay in
   the first-level cache and meet each probe's tangents there. Curvature: chunk g. */
#include "lib/cpu/vector.h"
#include "lib/cpu/sums.h"

#ifndef GATE_BLOCK
#define GATE_BLOCK 512 /* elements whose functions are kept, a multiple of 128 */
#endif
#ifndef GATE_PROBES
#define GATE_PROBES 8 /* probes whose curvature is summed in one pass over the piece */
#endif

#define GATE_FUNCTIONS(M) M(identity) M(silu) M(gelu) M(gelu_tanh)

#define KEPT(p) (p)[(i - block) / 16]
#define LOAD(p) sg_load_part((p) + i, stop - i, 0.0f)
/* 16 of an array that may be absent. */
#define LOAD_OR_0(p, from) ((p) ? sg_load_part((p) + (from) + i, stop - i, 0.0f) : (float16)(0.0f))

SG_FN void put(float16 v, global f32 *p, i64 count, bool stream) {
    if (count >= 16) {
        sg_store_v16(v, p, stream);
    } else {
        sg_store_part(v, p, count);
    }
}
#define STREAMS(p) ((p) && sg_worth_streaming((p) + k * n, n * probes))

#define GATE(NAME)                                                                                                                                  \
    kernel void NAME##_gate_forward_f32(const global f32 *a, const global f32 *b, global f32 *y, i64 n) {                                           \
        bool stream = a != y && b != y && sg_worth_streaming(y, n);                                                                                 \
        i64 stop = sg_piece_end(n);                                                                                                                 \
        for (i64 i = sg_piece_begin(n); i < stop; i += 16) put(NAME##_f_v16(LOAD(a)) * LOAD(b), y + i, stop - i, stream);                           \
    }                                                                                                                                               \
    kernel void NAME##_gate_backward_f32(const global f32 *a, const global f32 *b, const global f32 *dy, global f32 *da, global f32 *db, i64 n,     \
                                         i64 probes) {                                                                                              \
        float16 f[GATE_BLOCK / 16], d[GATE_BLOCK / 16];                                                                                             \
        i64 from = sg_piece_begin(n), to = sg_piece_end(n);                                                                                         \
        for (i64 block = from; block < to; block += GATE_BLOCK) {                                                                                   \
            i64 stop = min(block + GATE_BLOCK, to);                                                                                                 \
            for (i64 i = block; i < stop; i += 16) {                                                                                                \
                float16 v = LOAD_OR_0(a, 0);                                                                                                        \
                KEPT(f) = NAME##_f_v16(v);                                                                                                          \
                KEPT(d) = NAME##_d1_v16(v) * LOAD_OR_0(b, 0);                                                                                       \
            }                                                                                                                                       \
            for (i64 k = 0; k < probes; k++) {                                                                                                      \
                bool first = da != dy && STREAMS(da), second = db != dy && STREAMS(db);                                                             \
                for (i64 i = block; i < stop; i += 16) {                                                                                            \
                    float16 g = LOAD(dy + k * n);                                                                                                   \
                    if (da) put(g * KEPT(d), da + k * n + i, stop - i, first);                                                                      \
                    if (db) put(g * KEPT(f), db + k * n + i, stop - i, second);                                                                     \
                }                                                                                                                                   \
            }                                                                                                                                       \
        }                                                                                                                                           \
    }                                                                                                                                               \
    kernel void NAME##_gate_tangent_f32(const global f32 *a, const global f32 *b, const global f32 *at, const global f32 *bt, global f32 *yt,       \
                                        i64 n, i64 probes) {                                                                                        \
        float16 f[GATE_BLOCK / 16], d[GATE_BLOCK / 16];                                                                                             \
        i64 from = sg_piece_begin(n), to = sg_piece_end(n);                                                                                         \
        for (i64 block = from; block < to; block += GATE_BLOCK) {                                                                                   \
            i64 stop = min(block + GATE_BLOCK, to);                                                                                                 \
            for (i64 i = block; i < stop; i += 16) {                                                                                                \
                float16 v = LOAD_OR_0(a, 0);                                                                                                        \
                KEPT(f) = NAME##_f_v16(v);                                                                                                          \
                KEPT(d) = NAME##_d1_v16(v) * LOAD_OR_0(b, 0);                                                                                       \
            }                                                                                                                                       \
            for (i64 k = 0; k < probes; k++) {                                                                                                      \
                bool stream = at != yt && bt != yt && STREAMS(yt);                                                                                  \
                for (i64 i = block; i < stop; i += 16) {                                                                                            \
                    put(fma(LOAD_OR_0(at, k * n), KEPT(d), LOAD_OR_0(bt, k * n) * KEPT(f)), yt + k * n + i, stop - i, stream);                      \
                }                                                                                                                                   \
            }                                                                                                                                       \
        }                                                                                                                                           \
    }                                                                                                                                               \
    kernel void NAME##_gate_tangent_backward_f32(const global f32 *a, const global f32 *b, const global f32 *at, const global f32 *bt,              \
                                                 const global f32 *dy, const global f32 *dyt, global f32 *dat, global f32 *dbt, i64 n,              \
                                                 i64 probes) {                                                                                      \
        float16 f[GATE_BLOCK / 16], d[GATE_BLOCK / 16], e[GATE_BLOCK / 16], c[GATE_BLOCK / 16];                                                     \
        i64 from = sg_piece_begin(n), to = sg_piece_end(n);                                                                                         \
        for (i64 block = from; block < to; block += GATE_BLOCK) {                                                                                   \
            i64 stop = min(block + GATE_BLOCK, to);                                                                                                 \
            for (i64 i = block; i < stop; i += 16) {                                                                                                \
                float16 v = LOAD_OR_0(a, 0), w = LOAD_OR_0(b, 0), g = LOAD(dy), d1 = NAME##_d1_v16(v);                                              \
                KEPT(f) = NAME##_f_v16(v);                                                                                                          \
                KEPT(d) = d1 * w;                                                                                                                   \
                KEPT(e) = d1 * g;                                                                                                                   \
                KEPT(c) = NAME##_d2_v16(v) * w * g;                                                                                                 \
            }                                                                                                                                       \
            for (i64 k = 0; k < probes; k++) {                                                                                                      \
                bool first = dat != at && dat != bt && dat != dyt && STREAMS(dat), second = dbt != at && dbt != bt && dbt != dyt && STREAMS(dbt);   \
                for (i64 i = block; i < stop; i += 16) {                                                                                            \
                    float16 p = LOAD_OR_0(at, k * n), q = LOAD_OR_0(bt, k * n), r = LOAD(dyt + k * n);                                              \
                    if (dat) put(fma(r, KEPT(d), fma(p, KEPT(c), q * KEPT(e))), dat + k * n + i, stop - i, first);                                  \
                    if (dbt) put(fma(r, KEPT(f), p * KEPT(e)), dbt + k * n + i, stop - i, second);                                                  \
                }                                                                                                                                   \
            }                                                                                                                                       \
        }                                                                                                                                           \
    }                                                                                                                                               \
    kernel void NAME##_gate_curvature_f32(const global f32 *a, const global f32 *b, const global f32 *at, const global f32 *bt,                     \
                                          const global f32 *dy, global f32 *partials, i64 n, i64 probes, i64 chunk) {                               \
        float16 e[GATE_BLOCK / 16], c[GATE_BLOCK / 16], hi[GATE_PROBES], lo[GATE_PROBES];                                                           \
        i64 chunks = (i64)get_num_groups(0), part = (i64)get_group_id(0), from = part * chunk, to = min(from + chunk, n);                           \
        for (i64 first = 0; first < probes; first += GATE_PROBES) {                                                                                 \
            i64 last = min(first + GATE_PROBES, probes);                                                                                            \
            for (i32 k = 0; k < GATE_PROBES; k++) hi[k] = lo[k] = (float16)(0.0f);                                                                  \
            for (i64 block = from; block < to; block += GATE_BLOCK) {                                                                               \
                i64 stop = min(block + GATE_BLOCK, to);                                                                                             \
                for (i64 i = block; i < stop; i += 16) {                                                                                            \
                    float16 v = LOAD_OR_0(a, 0), g = LOAD(dy);                                                                                      \
                    KEPT(e) = 2.0f * NAME##_d1_v16(v) * g;                                                                                          \
                    KEPT(c) = NAME##_d2_v16(v) * LOAD_OR_0(b, 0) * g;                                                                               \
                }                                                                                                                                   \
                for (i64 k = first; k < last; k++) {                                                                                                \
                    float16 h = hi[k - first], l = lo[k - first];                                                                                   \
                    for (i64 i = block; i < stop; i += 16) {                                                                                        \
                        float16 p = LOAD_OR_0(at, k * n), q = LOAD_OR_0(bt, k * n);                                                                 \
                        SG_TWO_SUM(float16, h, l, p * fma(p, KEPT(c), q * KEPT(e)));                                                                \
                    }                                                                                                                               \
                    hi[k - first] = h;                                                                                                              \
                    lo[k - first] = l;                                                                                                              \
                }                                                                                                                                   \
            }                                                                                                                                       \
            for (i64 k = first; k < last; k++) vstore2(sg_sum_lanes(hi[k - first], lo[k - first]), k * chunks + part, partials);                    \
        }                                                                                                                                           \
    }

GATE_FUNCTIONS(GATE)
