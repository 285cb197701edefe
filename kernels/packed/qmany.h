/* Products with packed weights for many rows on CPU devices: weights are decoded into tiles of QM_DEPTH x 32 in local memory (the level-2
   cache), and a register tile of 12 x 32 multiplies them with strips of x or dy. See qmatmul.cl for the order of the sums. */
#ifndef SG_PACKED_QMANY_H
#define SG_PACKED_QMANY_H
#include "packed/packed16.h"
#include "packed/qtile.h"

/* Two panels side by side, elements k0 .. k0 + depth of their rows: out[t][32] holds 2^p (code - 2^(B-1)) (grouped) or the weight. */
SG_FN void qm_unpack(const int bits, const int grouped, const global u32 *words, const global f32 *scales, const global f32 *offsets,
                     i64 panel, i64 panels, i64 k, i32 group, i64 k0, i32 depth, local f32 *out) {
    const i64 width = packed_panel_width(bits, k), groups = packed_groups(k, group);
    for (i32 h = 0; h < 2; h++) {
        const i64 at = min(panel + h, panels - 1);
        const global u32 *w = words + at * width * 16;
        local f32 *o = out + 16 * h;
        if (grouped) {
            for (i32 u = 0; u < depth; u += 32, o += 32 * QT_COLS) {
                uint16 v[8];
#pragma unroll
                for (i32 j = 0; j < bits; j++) v[j] = vload16(((k0 + u) >> 5) * bits + j, w);
#pragma unroll
                for (i32 i = 0; i < 32; i++) vstore16(packed16_decode(bits, v, 0, i), 0, o + i * QT_COLS);
            }
            continue;
        }
        const global f32 *ss = scales + at * groups * 16, *cc = offsets ? offsets + at * groups * 16 : 0;
        for (i64 t = k0; t < k0 + depth; t++, o += QT_COLS) {
            const i64 g = t / group;
            const float16 c = cc ? vload16(g, cc) : (float16)(0.0f);
            vstore16(fma(vload16(g, ss), packed16_centred(bits, packed16_codes(bits, w, t)), c), 0, o);
        }
    }
}

/* Weights k0 .. k0 + 32 of rows n0 .. n0 + depth, 0 beyond K. k0 is a multiple of 32. */
SG_FN void qm_unpack_rows(const int bits, const int grouped, const global u32 *words, const global f32 *scales, const global f32 *offsets,
                          i64 k, i32 group, i64 k0, i64 n0, i32 depth, local f32 *out) {
    const i64 width = packed_panel_width(bits, k), groups = packed_groups(k, group);
    const uint16 lane = PACKED16_LANES;
    for (i32 t = 0; t < depth; t++, out += QT_COLS) {
        const i64 row = n0 + t, meta = (row >> 4) * groups * 16 + (row & 15);
        const global u32 *w = words + (row >> 4) * width * 16 + (row & 15);
        if (!grouped || k0 + 32 > k) {
            for (i32 i = 0; i < 32; i++) {
                const i64 e = k0 + i, g = meta + e / group * 16;
                out[i] = e < k ? packed_value(bits, packed_code(bits, w, 16, e), scales[g], offsets ? offsets[g] : 0.0f) : 0.0f;
            }
            continue;
        }
        const i64 g = meta + k0 / group * 16;
        const float16 s = (float16)(scales[g]), c = (float16)(offsets ? offsets[g] : 0.0f);
        const global u32 *unit = w + (k0 >> 5) * bits * 16;
#pragma unroll
        for (i32 h = 0; h < 2; h++) {
            uint16 v;
            if (bits == 2) v = (uint16)(unit[16 * h]) >> (lane * 2u);
            else if (bits == 4) v = (uint16)((uint8)(unit[32 * h]), (uint8)(unit[32 * h + 16])) >> ((lane & 7u) * 4u);
            else if (bits == 8)
                v = (uint16)((uint4)(unit[64 * h]), (uint4)(unit[64 * h + 16]), (uint4)(unit[64 * h + 32]), (uint4)(unit[64 * h + 48]))
                    >> ((lane & 3u) * 8u);
            else {
                const ulong both = h == 0 ? (ulong)unit[0] | (ulong)unit[16] << 32 : (ulong)(unit[16] >> 16) | (ulong)unit[32] << 16;
                v = select((uint16)((uint)(both >> 16)) >> ((lane * 3u - 16u) & 31u), (uint16)((uint)both) >> ((lane * 3u) & 31u), lane < 8u);
            }
            vstore16(fma(s, packed16_centred(bits, v), c), h, out);
        }
    }
}

/* out [m, cols] = a [m, terms] times the weights: cols = N, terms = K forward; cols = K, terms = N backward. */
SG_FN void qm_many(const int bits, const int backward, const int grouped, const global f32 *a, const global u32 *words,
                   const global f32 *scales, const global f32 *offsets, const global f32 *bias, global f32 *out, i32 m, i64 n, i64 k,
                   i32 group, local f32 *strip, local f32 *tiles, local f32 *total, local f32 *units) {
    const i64 cols = backward ? k : n, terms = backward ? n : k, groups = packed_groups(k, group);
    const i64 pairs = (cols + QT_COLS - 1) / QT_COLS, quads = ((i64)m + 3) / 4, panels = (n + 15) / 16;
    const i64 x = get_group_id(0), y = get_group_id(1), nx = get_num_groups(0), ny = get_num_groups(1);
    const i64 j_from = pairs * x / nx * QT_COLS, j_to = min(cols, pairs * (x + 1) / nx * QT_COLS);
    const i32 i_from = (i32)(quads * y / ny * 4), i_to = (i32)min((i64)m, quads * (y + 1) / ny * 4);
    const i32 strips = (i_to - i_from + QT_ROWS - 1) / QT_ROWS;
    if (strips == 0) return;
    const i32 high = ((i_to - i_from + strips - 1) / strips + 3) & ~3;                 /* 16 rows are 8 + 8, not 12 + 4 */
    const int mode = backward || !grouped ? QT_PLAIN : offsets ? QT_CENTRES : QT_STEPS;
    for (i64 j0 = j_from; j0 < j_to; j0 += QM_WIDE) {
        const i32 wide = (i32)min((i64)QM_WIDE, j_to - j0);
        for (i64 t0 = 0; t0 < terms; t0 += QM_DEPTH) {
            const i32 depth = (i32)min((i64)QM_DEPTH, terms - t0);
            for (i32 j = 0; j < wide; j += QT_COLS) {
                if (backward) qm_unpack_rows(bits, grouped, words, scales, offsets, k, group, j0 + j, t0, depth, tiles + j * QM_DEPTH);
                else qm_unpack(bits, grouped, words, scales, offsets, (j0 + j) / 16, panels, k, group, t0, depth, tiles + j * QM_DEPTH);
            }
            for (i32 i0 = i_from; i0 < i_to; i0 += high) {
                const i32 rows = min(high, i_to - i0);
                for (i32 r = 0; r < high; r++)                                         /* rows beyond the last repeat it */
                    qm_stage(bits, mode != QT_PLAIN, a + (i0 + min(r, rows - 1)) * terms, t0, t0 + depth, strip + r * QT_LDA,
                             units + r * (QM_DEPTH / 32));
                for (i32 j = 0; j < wide; j += QT_COLS) {
                    const i32 right = wide - j;
                    for (i32 r = 0; r < rows; r++)
                        for (i32 h = 0; h < QT_COLS; h += 16)
                            vstore16(t0 > 0 && h < right ? packed16_load(out + (i0 + r) * cols + j0 + j + h, right - h) : (float16)(0.0f), 0,
                                     total + r * QT_COLS + h);
                    for (i32 t = 0; t < depth;) {
                        i32 end = depth;
                        float16 sc[4];
                        f32 local *extra = units + QT_ROWS * (QM_DEPTH / 32);
                        if (mode != QT_PLAIN) {
                            const i64 g = (t0 + t) / group, at = ((j0 + j) / 16) * groups + g;
                            const i64 next = min((j0 + j) / 16 + 1, panels - 1) * groups + g;
                            end = (i32)min((i64)depth, (g + 1) * group - t0);
                            sc[0] = vload16(at, scales);
                            sc[1] = vload16(next, scales);
                            if (mode == QT_CENTRES) {
                                sc[2] = vload16(at, offsets);
                                sc[3] = vload16(next, offsets);
                                for (i32 r = 0; r < high; r++) {
                                    f32 sum = 0.0f;
                                    for (i32 u = t; u < end; u += 32) sum += units[r * (QM_DEPTH / 32) + u / 32];
                                    extra[r] = sum;
                                }
                            }
                        }
                        if (mode == QT_CENTRES) qt_tile(QT_CENTRES, strip + t, tiles + j * QM_DEPTH + t * QT_COLS, end - t, rows, sc, extra, total);
                        else if (mode == QT_STEPS) qt_tile(QT_STEPS, strip + t, tiles + j * QM_DEPTH + t * QT_COLS, end - t, rows, sc, extra, total);
                        else qt_tile(QT_PLAIN, strip + t, tiles + j * QM_DEPTH + t * QT_COLS, end - t, rows, sc, extra, total);
                        t = end;
                    }
                    for (i32 r = 0; r < rows; r++)
                        for (i32 h = 0; h < QT_COLS && h < right; h += 16) {
                            float16 v = vload16(0, total + r * QT_COLS + h);
                            if (bias && t0 + depth >= terms) v += packed16_load(bias + j0 + j + h, right - h);
                            packed16_store(v, out + (i0 + r) * cols + j0 + j + h, right - h);
                        }
                }
            }
        }
    }
}

#endif
