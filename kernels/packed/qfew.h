/* y = x W' for up to 8 rows of x on CPU devices: 16 output channels per register, weights decoded in registers and met by every row at
   once. See qmatmul.cl for the order of the sums. */
#ifndef SG_PACKED_QFEW_H
#define SG_PACKED_QFEW_H
#include "packed/packed16.h"

#if defined(__OPENCL_VERSION__) && defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed" /* loops of one step cannot be unrolled */
#endif

#define QF_ROWS 8
#define QF_LD (QM_SPAN + 32)
#define QF_UNITS (QM_SPAN / 32)

/* Words that hold whole codes, and how many codes they hold: nothing straddles such a piece. */
#define QF_PIECE_WORDS(bits) ((bits) == 3 ? 3 : 1)
#define QF_PIECE_CODES(bits) ((bits) == 3 ? 32 : 32 / (bits))

/* Elements from .. to of a row of x, times the factors of their codes (grouped) or as they are, and 0 up to whole units; sums of each
   unit of 32, which the centres multiply. */
SG_FN void qm_stage(const int bits, const int grouped, const global f32 *x, i64 from, i64 to, local f32 *xs, local f32 *units) {
    for (i64 t = from; t < to; t += 32, xs += 32) {
        const float16 a = packed16_load(x + t, (i32)min((i64)16, to - t));
        const float16 b = t + 16 < to ? packed16_load(x + t + 16, (i32)min((i64)16, to - t - 16)) : (float16)(0.0f);
        *units++ = packed16_sum(a + b);
        vstore16(grouped ? a * packed16_factors(bits, 0) : a, 0, xs);
        vstore16(grouped ? b * packed16_factors(bits, 16) : b, 1, xs);
    }
}

/* PANELS panels against ROWS rows, elements k0 .. k1 (k0 a multiple of QM_SPAN, k1 of 32), added to total. */
#define QF_FN(NAME, ROWS, PANELS)                                                                                                      \
    SG_FN void NAME(const int bits, const int grouped, const local f32 *xs, const local f32 *units, const global u32 *const *w,        \
                    const global f32 *const *steps, const global f32 *const *centres, i64 k0, i64 k1, i64 k, i32 group,                \
                    float16 (*total)[PANELS]) {                                                                                        \
        for (i64 t0 = k0; t0 < k1;) {                                                                                                  \
            i64 t1 = min(k1, (t0 / QM_DEPTH + 1) * QM_DEPTH);                                                                          \
            const i64 g = t0 / group;                                                                                                  \
            float16 sum[ROWS][PANELS];                                                                                                 \
            f32 extra[ROWS];                                                                                                           \
            _Pragma("unroll") for (i32 r = 0; r < ROWS; r++) {                                                                         \
                extra[r] = 0.0f;                                                                                                       \
                _Pragma("unroll") for (i32 p = 0; p < PANELS; p++) sum[r][p] = (float16)(0.0f);                                        \
            }                                                                                                                          \
            if (grouped) {                                                                                                             \
                t1 = min(t1, (g + 1) * group);                                                                                         \
                for (i64 u = t0; u < t1; u += 32) {                                                                                    \
                    const local f32 *xu = xs + (u - k0);                                                                               \
                    if (centres[0])                                                                                                    \
                        _Pragma("unroll") for (i32 r = 0; r < ROWS; r++) extra[r] += units[r * QF_UNITS + ((u - k0) >> 5)];            \
                    _Pragma("unroll") for (i32 piece = 0; piece < 32 / QF_PIECE_CODES(bits); piece++) {                                \
                        const i64 at = (u >> 5) * bits + piece * QF_PIECE_WORDS(bits);                                                 \
                        uint16 v[PANELS][3];                                                                                           \
                        _Pragma("unroll") for (i32 p = 0; p < PANELS; p++)                                                             \
                            _Pragma("unroll") for (i32 j = 0; j < QF_PIECE_WORDS(bits); j++) {                                         \
                                v[p][j] = ((const global uint16 *)w[p])[at + j];                                                                       \
                                QM_FETCH(w[p] + (at + j + QM_PREFETCH) * 16);                                                          \
                            }                                                                                                          \
                        _Pragma("unroll") for (i32 i = 0; i < QF_PIECE_CODES(bits); i++) {                                             \
                            const int e = piece * QF_PIECE_CODES(bits) + i;                                                            \
                            _Pragma("unroll") for (i32 p = 0; p < PANELS; p++) {                                                       \
                                const float16 q = packed16_decode(bits, v[p], piece * QF_PIECE_WORDS(bits), e);                        \
                                _Pragma("unroll") for (i32 r = 0; r < ROWS; r++)                                                       \
                                    sum[r][p] = fma((float16)(xu[r * QF_LD + e]), q, sum[r][p]);                                       \
                            }                                                                                                          \
                        }                                                                                                              \
                    }                                                                                                                  \
                }                                                                                                                      \
                _Pragma("unroll") for (i32 p = 0; p < PANELS; p++) {                                                                   \
                    const float16 s = vload16(g, steps[p]);                                                                            \
                    _Pragma("unroll") for (i32 r = 0; r < ROWS; r++) total[r][p] = fma(s, sum[r][p], total[r][p]);                     \
                    if (centres[0]) {                                                                                                  \
                        const float16 c = vload16(g, centres[p]);                                                                      \
                        _Pragma("unroll") for (i32 r = 0; r < ROWS; r++) total[r][p] = fma(c, (float16)(extra[r]), total[r][p]);       \
                    }                                                                                                                  \
                }                                                                                                                      \
            } else {                                                                                                                   \
                for (i64 t = t0; t < min(t1, k); t++) {                                                                                \
                    const i64 gt = t / group;                                                                                          \
                    _Pragma("unroll") for (i32 p = 0; p < PANELS; p++) {                                                               \
                        const float16 q = packed16_centred(bits, packed16_codes(bits, w[p], t));                                       \
                        const float16 c = centres[0] ? vload16(gt, centres[p]) : (float16)(0.0f);                                      \
                        const float16 weight = fma(vload16(gt, steps[p]), q, c);                                                       \
                        _Pragma("unroll") for (i32 r = 0; r < ROWS; r++)                                                               \
                            sum[r][p] = fma((float16)(xs[r * QF_LD + t - k0]), weight, sum[r][p]);                                     \
                    }                                                                                                                  \
                }                                                                                                                      \
                _Pragma("unroll") for (i32 e = 0; e < ROWS * PANELS; e++) total[e / PANELS][e % PANELS] += sum[e / PANELS][e % PANELS]; \
            }                                                                                                                          \
            t0 = t1;                                                                                                                   \
        }                                                                                                                              \
    }                                                                                                                                  \
    SG_FN void NAME##_panels(const int bits, const int grouped, const local f32 *xs, const local f32 *units, const global u32 *words,  \
                             const global f32 *scales, const global f32 *offsets, const global f32 *bias, global f32 *y, i32 m, i32 n, \
                             i64 k, i32 group, i64 k0, i64 k1, i64 from, i64 to) {                                                     \
        const i64 width = packed_panel_width(bits, k), groups = packed_groups(k, group);                                               \
        for (i64 first = from; first < to; first += PANELS) {                                                                          \
            const global u32 *w[PANELS];                                                                                               \
            const global f32 *steps[PANELS], *centres[PANELS];                                                                         \
            float16 total[ROWS][PANELS];                                                                                               \
            _Pragma("unroll") for (i32 p = 0; p < PANELS; p++) {                                                                       \
                const i64 panel = min(first + p, to - 1);                 /* where panels run out the last one is repeated */          \
                w[p] = words + panel * width * 16;                                                                                     \
                steps[p] = scales + panel * groups * 16;                                                                               \
                centres[p] = offsets ? offsets + panel * groups * 16 : 0;                                                              \
                _Pragma("unroll") for (i32 r = 0; r < ROWS; r++)                                                                       \
                    total[r][p] = k0 == 0 ? (float16)(0.0f)                                                                            \
                                          : packed16_load(y + (i64)min(r, m - 1) * n + panel * 16, (i32)min((i64)16, n - panel * 16)); \
            }                                                                                                                          \
            NAME(bits, grouped, xs, units, w, steps, centres, k0, k1, k, group, total);                                                \
            _Pragma("unroll") for (i32 p = 0; p < PANELS; p++) {                                                                       \
                const i64 col = (first + p) * 16;                                                                                      \
                const i32 cols = (i32)min((i64)16, n - col);                                                                           \
                if (first + p < to)                                                                                                    \
                    _Pragma("unroll") for (i32 r = 0; r < ROWS; r++)                                                                   \
                        if (r < m) {                                                                                                   \
                            float16 v = total[r][p];                                                                                   \
                            if (bias && k1 >= k) v += packed16_load(bias + col, cols);                                                 \
                            packed16_store(v, y + (i64)r * n + col, cols);                                                             \
                        }                                                                                                              \
            }                                                                                                                          \
        }                                                                                                                              \
    }
QF_FN(qf_1, 1, 4)
QF_FN(qf_2, 2, 4)
QF_FN(qf_4, 4, 2)
QF_FN(qf_8, 8, 2)

#define QF_PANELS(ROWS) \
    qf_##ROWS##_panels(bits, grouped, xs, units, words, scales, offsets, bias, y, m, n, k, group, k0, k1, from, to)

/* single: M = 1, else M = 2 .. 8. A constant, so that each entry is compiled with the loops that it runs: they are long. */
SG_FN void qm_few(const int bits, const int grouped, const int single, const global f32 *x, const global u32 *words,
                  const global f32 *scales, const global f32 *offsets, const global f32 *bias, global f32 *y, i32 m, i32 n, i64 k,
                  i32 group, local f32 *xs, local f32 *units) {
    const i64 panels = ((i64)n + 15) / 16;
    const i64 from = panels * get_group_id(0) / get_num_groups(0), to = panels * (get_group_id(0) + 1) / get_num_groups(0);
    for (i64 k0 = 0; k0 < k; k0 += QM_SPAN) {
        const i64 end = min(k, k0 + QM_SPAN), k1 = (end + 31) & ~(i64)31;
        for (i32 r = 0; r < (single ? 1 : m > 4 ? 8 : m > 2 ? 4 : 2); r++)
            qm_stage(bits, grouped, x + (i64)min(r, m - 1) * k, k0, end, xs + r * QF_LD, units + r * QF_UNITS);
        if (single) QF_PANELS(1);
        else if (m > 4) QF_PANELS(8);
        else if (m > 2) QF_PANELS(4);
        else QF_PANELS(2);
    }
}

#endif
