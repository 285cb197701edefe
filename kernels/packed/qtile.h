/* The register tile of the low-bit products on CPU devices:

     total[r][32] = s[32] * (sum over t < depth of a[r][t] * b[t][32]) + c[32] * extra[r] + total[r][32]

   The sum is one chain of fused multiply-adds per element, from zero, so a result does not depend on how many rows share the tile. a has a
   row stride of QT_LDA, which keeps its rows out of each other's cache sets. R x 2 registers accumulate; R = 12 leaves eight of AVX-512's
   32 for operands. PLAIN: total += sum. Without centres c is absent. */
#ifndef SG_PACKED_QTILE_H
#define SG_PACKED_QTILE_H
#include "lib/dialect.h"

#define QT_ROWS 12
#define QT_COLS 32
#define QT_LDA (QM_DEPTH + 16)

#define QT_PLAIN 0
#define QT_STEPS 1
#define QT_CENTRES 2

#define QT_FN(NAME, R)                                                                                                             \
    SG_FN void NAME(const int mode, const local f32 *a, const local f32 *b, i32 depth, const float16 *sc, const local f32 *extra,  \
                    local f32 *total) {                                                                                            \
        float16 s[R][2];                                                                                                           \
        _Pragma("unroll") for (i32 r = 0; r < R; r++) s[r][0] = s[r][1] = (float16)(0.0f);                                         \
        for (i32 t = 0; t < depth; t++) {                                                                                          \
            const float16 b0 = vload16(2 * t, b), b1 = vload16(2 * t + 1, b);                                                      \
            _Pragma("unroll") for (i32 r = 0; r < R; r++) {                                                                        \
                const float16 x = (float16)(a[r * QT_LDA + t]);                                                                    \
                s[r][0] = fma(x, b0, s[r][0]);                                                                                     \
                s[r][1] = fma(x, b1, s[r][1]);                                                                                     \
            }                                                                                                                      \
        }                                                                                                                          \
        _Pragma("unroll") for (i32 r = 0; r < R; r++)                                                                              \
            _Pragma("unroll") for (i32 h = 0; h < 2; h++) {                                                                        \
                float16 v = vload16(2 * r + h, total);                                                                             \
                v = mode == QT_PLAIN ? v + s[r][h] : fma(sc[h], s[r][h], v);                                                       \
                if (mode == QT_CENTRES) v = fma(sc[2 + h], (float16)(extra[r]), v);                                                \
                vstore16(v, 2 * r + h, total);                                                                                     \
            }                                                                                                                      \
    }
QT_FN(qt_tile_1, 1)
QT_FN(qt_tile_4, 4)
QT_FN(qt_tile_8, 8)
QT_FN(qt_tile_12, 12)

SG_FN void qt_tile(const int mode, const local f32 *a, const local f32 *b, i32 depth, i32 rows, const float16 *sc, const local f32 *extra,
                   local f32 *total) {
    if (rows > 8) qt_tile_12(mode, a, b, depth, sc, extra, total);
    else if (rows > 4) qt_tile_8(mode, a, b, depth, sc, extra, total);
    else if (rows > 1) qt_tile_4(mode, a, b, depth, sc, extra, total);
    else qt_tile_1(mode, a, b, depth, sc, extra, total);
}

#endif
