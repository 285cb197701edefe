/* The bodies of qmatmul and qmatmul_backward for GPUs, shared by kernels/packed/qmatmul.cu and kernels/packed/qmatmul.cl, whose headers describe
   arguments, layouts and the order of sums. The dialects supply what packed/qmatfew_gpu.h asks for. */
#ifndef SG_PACKED_QMATMUL_GPU_H
#define SG_PACKED_QMATMUL_GPU_H
#include "packed/qmatfew_gpu.h"

#ifndef QM_DEPTH
#define QM_DEPTH 256 /* terms of the longest chain, a multiple of QG_BK */
#endif
#define QG_BM 128   /* rows of a tile of the result */
#define QG_BN 64    /* its columns */
#define QG_BK 32    /* terms per step: a unit of packed codes, or two panels of rows */
#define QG_LDA (QG_BM + 4)
#define QG_LDB (QG_BN + 4)
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

/* A tile is 128 x 64: thread (tx, ty) of 16 x 16 owns rows 8 ty .. and columns 4 tx .. */

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
    const int aligned = (terms & 3) == 0 && qg_aligned16(a);
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
