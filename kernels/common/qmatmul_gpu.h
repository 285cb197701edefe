/* The bodies of the low-bit products for GPUs, shared by kernels/cuda/qmatmul.cu and kernels/opencl/qmatmul.cl, whose headers describe
   arguments, layouts and the order of sums. The dialects supply QG_LOCAL, QG_BARRIER and QG_LOAD_WORDS (16 bytes that are read once). */
#ifndef SG_QMATMUL_GPU_H
#define SG_QMATMUL_GPU_H
#include "common/packed.h"

#if defined(__OPENCL_VERSION__) && defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed" /* loops of one step cannot be unrolled */
#endif

#ifndef QM_DEPTH
#define QM_DEPTH 256 /* terms of the longest chain in qmatmul and qmatmul_backward, a multiple of QG_BK */
#endif
#define QG_THREADS 256
#define QG_FEW 2    /* rows of x that one block of qmatfew takes */
#define QG_SLOTS 64 /* of qmatvec: threads that share four rows of a panel */
#define QG_BM 128   /* rows of a tile of the result */
#define QG_BN 64    /* its columns */
#define QG_BK 32    /* terms per step: a unit of packed codes, or two panels of rows */
#define QG_LDA (QG_BM + 4)
#define QG_LDB (QG_BN + 4)
#define QG_FEW_SHARED (QG_SLOTS * 16)
#define QG_TILE_SHARED (QG_BK * (QG_LDA + QG_LDB))

/* Elements t .. t + 3 of a row of `count`, 0 beyond. */
SG_FN float4 qg_load4(const SG_GLOBAL f32 *row, i64 t, i64 count, int aligned) {
    float4 v;
    if (aligned && t + 4 <= count) return *(const SG_GLOBAL float4 *)(row + t);
    v.x = t < count ? row[t] : 0.0f;
    v.y = t + 1 < count ? row[t + 1] : 0.0f;
    v.z = t + 2 < count ? row[t + 2] : 0.0f;
    v.w = t + 3 < count ? row[t + 3] : 0.0f;
    return v;
}
SG_FN f32 qg_part(float4 v, const int i) { return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w; }
SG_FN u32 qg_word(uint4 v, const int i) { return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w; }

/* A code stays where it is in its word: joined with the exponent of 2^23 it is the float 2^23 + 2^p code, and one subtraction leaves
   2^p (code - 2^(B-1)) exactly. The factor 2^-p goes into the activation. */
#define QG_HIGH 12 /* right shift for codes that do not fit below bit 23 */
SG_FN int qg_position(const int bits, const int i) {
    const int shift = (i * bits) & 31;
    return shift + bits > 32 ? 0 : shift + bits > 23 ? shift - QG_HIGH : shift;
}
SG_FN f32 qg_decode(const int bits, u32 word, u32 next, const int i) {
    const int shift = (i * bits) & 31, p = qg_position(bits, i);
    const u32 mask = ((1u << bits) - 1u) << p;
    u32 v = word;
    if (shift + bits > 32) v = packed_straddle(word, next, (u32)shift);
    else if (shift + bits > 23) v = word >> QG_HIGH;
    return SG_BITS_TO_F32((v & mask) | 0x4b000000u) - (8388608.0f + (f32)(1u << (p + bits - 1)));
}

/* ---- qmatvec, qmatfew: a block is one panel and rows row0 .. of x; thread (slot, quad) takes rows 4 quad .. + 3 of every 64th unit ---- */

SG_FN void qg_few(const int bits, const int rows, const SG_GLOBAL f32 *x, const SG_GLOBAL u32 *words, const SG_GLOBAL f32 *scales,
                  const SG_GLOBAL f32 *offsets, const SG_GLOBAL f32 *bias, SG_GLOBAL f32 *y, i32 m, i32 n, i64 k, i32 group, i64 panel, i32 row0,
                  i32 thread, QG_LOCAL f32 *shared) {
    const i32 quad = thread & 3, slot = thread >> 2;
    const i64 units = (k + 31) >> 5, groups = packed_groups(k, group);
    const SG_GLOBAL u32 *w = words + (panel * units * bits) * 16 + 4 * quad;
    const SG_GLOBAL f32 *ss = scales + panel * groups * 16 + 4 * quad;
    const SG_GLOBAL f32 *cc = offsets ? offsets + panel * groups * 16 + 4 * quad : 0;
    const int aligned = (k & 3) == 0, grouped = (group & 31) == 0;
    f32 total[QG_FEW][4];
#pragma unroll
    for (int r = 0; r < rows; r++) {
#pragma unroll
        for (int e = 0; e < 4; e++) total[r][e] = 0.0f;
    }
    for (i64 u = slot; u < units; u += QG_SLOTS) {
        uint4 v[9];
        f32 sum[QG_FEW][4], extra[QG_FEW];
#pragma unroll
        for (int j = 0; j < bits; j++) v[j] = QG_LOAD_WORDS(w + (u * bits + j) * 16);
        v[bits] = v[bits - 1];                                 /* never decoded: the last code of a unit ends with its last word */
#pragma unroll
        for (int r = 0; r < rows; r++) {
            extra[r] = 0.0f;
#pragma unroll
            for (int e = 0; e < 4; e++) sum[r][e] = 0.0f;
        }
        if (grouped) {
#pragma unroll
            for (int i = 0; i < 32; i += 4) {
                f32 q[4][4];
#pragma unroll
                for (int d = 0; d < 4; d++) {
                    const int j = ((i + d) * bits) >> 5;
#pragma unroll
                    for (int e = 0; e < 4; e++) q[d][e] = qg_decode(bits, qg_word(v[j], e), qg_word(v[j + 1], e), i + d);
                }
#pragma unroll
                for (int r = 0; r < rows; r++) {
                    const float4 a = qg_load4(x + (i64)(row0 + r < m ? row0 + r : m - 1) * k, 32 * u + i, k, aligned);
                    extra[r] += (a.x + a.y) + (a.z + a.w);
#pragma unroll
                    for (int d = 0; d < 4; d++) {
                        const f32 b = qg_part(a, d) * SG_BITS_TO_F32((u32)(127 - qg_position(bits, i + d)) << 23);
#pragma unroll
                        for (int e = 0; e < 4; e++) sum[r][e] = sg_fma(b, q[d][e], sum[r][e]);
                    }
                }
            }
            const i64 g = 32 * u / group;
            const float4 s = *(const SG_GLOBAL float4 *)(ss + 16 * g);
            float4 c;
            c.x = c.y = c.z = c.w = 0.0f;
            if (cc) c = *(const SG_GLOBAL float4 *)(cc + 16 * g);
#pragma unroll
            for (int r = 0; r < rows; r++) {
#pragma unroll
                for (int e = 0; e < 4; e++) {
                    total[r][e] = sg_fma(qg_part(s, e), sum[r][e], total[r][e]);
                    if (cc) total[r][e] = sg_fma(qg_part(c, e), extra[r], total[r][e]);
                }
            }
        } else {
            for (i32 i = 0; i < 32 && 32 * u + i < k; i++) {
                const i64 g = (32 * u + i) / group;
#pragma unroll
                for (int e = 0; e < 4; e++) {
                    const u32 code = packed_code(bits, w + e, 16, 32 * u + i);
                    const f32 weight = packed_value(bits, code, ss[16 * g + e], cc ? cc[16 * g + e] : 0.0f);
#pragma unroll
                    for (int r = 0; r < rows; r++) sum[r][e] = sg_fma(x[(i64)(row0 + r < m ? row0 + r : m - 1) * k + 32 * u + i], weight, sum[r][e]);
                }
            }
#pragma unroll
            for (int r = 0; r < rows; r++) {
#pragma unroll
                for (int e = 0; e < 4; e++) total[r][e] += sum[r][e];
            }
        }
    }
    const i32 row = thread & 15, part = thread >> 4;
    const i64 col = panel * 16 + row;
#pragma unroll
    for (int r = 0; r < rows; r++) {
#pragma unroll
        for (int e = 0; e < 4; e++) shared[slot * 16 + 4 * quad + e] = total[r][e];
        QG_BARRIER();
        f32 sum = shared[(4 * part) * 16 + row];
#pragma unroll
        for (int i = 1; i < 4; i++) sum += shared[(4 * part + i) * 16 + row];
        QG_BARRIER();
        shared[part * 16 + row] = sum;
        QG_BARRIER();
        if (part == 0 && row0 + r < m && col < n) {
            for (int i = 1; i < 16; i++) sum += shared[i * 16 + row];
            y[(i64)(row0 + r) * n + col] = bias ? sum + bias[col] : sum;
        }
        QG_BARRIER();
    }
}

/* ---- Tiles of 128 x 64: thread (tx, ty) of 16 x 16 owns rows 8 ty .. and columns 4 tx .. ---- */

/* Rows m0 .. of a, terms t0 .. t0 + 32, transposed; 0 beyond. */
SG_FN void qg_stage_a(const SG_GLOBAL f32 *a, i64 m0, i64 m, i64 t0, i64 terms, int aligned, i32 thread, QG_LOCAL f32 *sa) {
    const i32 t = (thread & 7) * 4;
#pragma unroll
    for (int pass = 0; pass < QG_BM; pass += 32) {
        const i32 r = pass + (thread >> 3);
        float4 v;
        v.x = v.y = v.z = v.w = 0.0f;
        if (m0 + r < m) v = qg_load4(a + (m0 + r) * terms, t0 + t, terms, aligned);
#pragma unroll
        for (int e = 0; e < 4; e++) sa[(t + e) * QG_LDA + r] = qg_part(v, e);
    }
}

/* Weights of eight consecutive elements from k0 on of one row; k0 is a multiple of 8. */
SG_FN void qg_eight(const int bits, const SG_GLOBAL u32 *words, const SG_GLOBAL f32 *scales, const SG_GLOBAL f32 *offsets, i64 row,
                    i64 k0, i64 n, i64 k, i32 group, f32 *out) {
    const i64 width = packed_panel_width(bits, k), groups = packed_groups(k, group);
    const SG_GLOBAL u32 *w = words + (row >> 4) * width * 16 + (row & 15);
    const i64 meta = (row >> 4) * groups * 16 + (row & 15);
    if (row >= n || k0 >= k) {
#pragma unroll
        for (int i = 0; i < 8; i++) out[i] = 0.0f;
        return;
    }
    const int one = (group & 7) == 0;
    f32 s = 0.0f, c = 0.0f;
    if (one) {
        const i64 g = meta + k0 / group * 16;
        s = scales[g];
        c = offsets ? offsets[g] : 0.0f;
    }
    const i64 bit = k0 * bits;
    u32 low = w[(bit >> 5) * 16] >> ((u32)bit & 31u), high = 0;
    if (bits == 3 && ((u32)bit & 31u) > 8u) low |= w[((bit >> 5) + 1) * 16] << (32u - ((u32)bit & 31u));
    if (bits == 8) high = w[((bit >> 5) + 1) * 16];
#pragma unroll
    for (int i = 0; i < 8; i++) {
        const u32 code = (bits == 8 && i >= 4 ? high >> (8 * (i & 3)) : low >> (bits * (bits == 8 ? i & 3 : i))) & ((1u << bits) - 1u);
        if (!one && k0 + i < k) {
            const i64 g = meta + (k0 + i) / group * 16;
            s = scales[g];
            c = offsets ? offsets[g] : 0.0f;
        }
        out[i] = k0 + i < k ? packed_value(bits, code, s, c) : 0.0f;
    }
}

/* out [m, cols] = a [m, terms] times the weights: cols = N, terms = K forward; cols = K, terms = N backward. */
SG_FN void qg_tiles(const int bits, const int backward, const SG_GLOBAL f32 *a, const SG_GLOBAL u32 *words, const SG_GLOBAL f32 *scales,
                    const SG_GLOBAL f32 *offsets, const SG_GLOBAL f32 *bias, SG_GLOBAL f32 *out, i64 m, i64 n, i64 k, i32 group,
                    i64 tile, i32 thread, QG_LOCAL f32 *shared) {
    const i64 cols = backward ? k : n, terms = backward ? n : k, across = (cols + QG_BN - 1) / QG_BN;
    const i64 m0 = tile / across * QG_BM, j0 = tile % across * QG_BN;
    const i32 tx = thread & 15, ty = thread >> 4;
    const int aligned = (terms & 3) == 0;
    QG_LOCAL f32 *sa = shared, *sb = shared + QG_BK * QG_LDA;
    f32 total[8][4], sum[8][4];
#pragma unroll
    for (int r = 0; r < 8; r++) {
#pragma unroll
        for (int e = 0; e < 4; e++) total[r][e] = sum[r][e] = 0.0f;
    }
    for (i64 t0 = 0; t0 < terms; t0 += QG_BK) {
        f32 weights[8];
        qg_stage_a(a, m0, m, t0, terms, aligned, thread, sa);
        if (backward) {                                        /* lanes are rows n: 64-byte pieces of panels */
            const i32 t = thread & 31, j = (thread >> 5) * 8;
            qg_eight(bits, words, scales, offsets, t0 + t, j0 + j, n, k, group, weights);
#pragma unroll
            for (int i = 0; i < 8; i++) sb[t * QG_LDB + j + i] = weights[i];
        } else {
            const i32 j = thread & 63, t = (thread >> 6) * 8;
            qg_eight(bits, words, scales, offsets, j0 + j, t0 + t, n, k, group, weights);
#pragma unroll
            for (int i = 0; i < 8; i++) sb[(t + i) * QG_LDB + j] = weights[i];
        }
        QG_BARRIER();
#pragma unroll 8
        for (int t = 0; t < QG_BK; t++) {
            const float4 a0 = *(const QG_LOCAL float4 *)(sa + t * QG_LDA + 8 * ty);
            const float4 a1 = *(const QG_LOCAL float4 *)(sa + t * QG_LDA + 8 * ty + 4);
            const float4 b = *(const QG_LOCAL float4 *)(sb + t * QG_LDB + 4 * tx);
#pragma unroll
            for (int r = 0; r < 8; r++) {
                const f32 x = r < 4 ? qg_part(a0, r) : qg_part(a1, r - 4);
#pragma unroll
                for (int e = 0; e < 4; e++) sum[r][e] = sg_fma(x, qg_part(b, e), sum[r][e]);
            }
        }
        QG_BARRIER();
        if ((t0 + QG_BK) % QM_DEPTH == 0 || t0 + QG_BK >= terms) {
#pragma unroll
            for (int r = 0; r < 8; r++) {
#pragma unroll
                for (int e = 0; e < 4; e++) {
                    total[r][e] += sum[r][e];
                    sum[r][e] = 0.0f;
                }
            }
        }
    }
#pragma unroll
    for (int r = 0; r < 8; r++) {
#pragma unroll
        for (int e = 0; e < 4; e++) {
            const i64 row = m0 + 8 * ty + r, col = j0 + 4 * tx + e;
            if (row < m && col < cols) out[row * cols + col] = bias ? total[r][e] + bias[col] : total[r][e];
        }
    }
}

#endif
