/* Dense matrix product on a CPU device, in fp32 arithmetic:

     C[z] = act( alpha op(A[z]) op(B[z]) + beta C[z] + bias[z] ),   z < batch

   gemm_{f32,bf16,f16}_{nn,nt,tn,tt}         A, B and C of the named type (16-bit floats are stored as u16)
   gemm_{bf16,f16}_f32_{nn,nt,tn,tt}         A and B 16-bit, C fp32
   The two letters say whether A and B are transposed. Row-major; z is added as z * stride_x elements:

     op(A): M x K   n: a[i * lda + t]   t: a[t * lda + i]        C: M x N   c[i * ldc + j]
     op(B): K x N   n: b[t * ldb + j]   t: b[j * ldb + t]        bias: fp32, bias[j], stride_bias 0 to share it

   flags: bit 0 add bias; bit 1 read C and add beta C (else C may hold anything, and beta is ignored);
          bits 8..11 activation: 0 none, else the code of lib/functions.h (SG_ALL_FUNCTIONS).
   M, N, K >= 1. Addresses need only be aligned to their element. Nothing outside the matrices is read or written, row padding included.

   Work-group: one work-item. Global size (TN, TM, batch), any TN, TM >= 1: the columns are cut into TN, the rows into TM nearly equal ranges
   (whole multiples of 32 and 4), and each work-item computes one tile of C. The bits of the result do not depend on TN and TM.
   Choice: the pair with the least (ceil(TM TN batch / cores) + 1/4) * (mt nt + 8 nt + 4 mt ceil(nt / NC) + 200), mt = 4 ceil(ceil(M / 4) / TM),
   nt = 32 ceil(ceil(N / 32) / TN): work of a tile, packing B, packing A, in units of K / 16 FMA cycles; 1/4 favours several tiles per core.

               N, NC columns to a panel
             +----+----+----+----+            for each panel of B (KC x NC, packed in local memory, stays in L2)
        K    | B  | B  | B  | B  | KC           for each MC rows of A (MC x KC, packed in local memory)
             +----+----+----+----+                for each 12 rows (12 x KC, stays in L1)
      +---+  +----+----+----+----+                  for each 32 columns of the panel
   12 | A |  |acc |    |    |    |                    acc = 12 x 32 registers, summed over KC; then C += alpha acc
      +---+  +----+----+----+----+
        KC   packed: panel_b[j / 32][t][j % 32], panel_a[r][t] (n) or [r / 12][t][r % 12] (t)

   K is cut into ceil(K / KC) parts of nearly equal depth, summed in order. Where C is 16-bit and there are several parts, sums wait in local
   memory in fp32, MC rows at a time. With M <= 4 nothing is packed: dot products along K (nt), or one pass over the rows of B (nn, tn).

   Local memory: 4 (KC NC + MC (KC + 16) + 528) bytes, 360 KiB as set here; 4 MC NC more where C is 16-bit (456 KiB). A device with less:
   KC 128, NC 192, MC 96 (224 KiB), or KC 32, NC 64, MC 48 (31.1 KiB). Flops 2 M N K; bytes at least 4 (MK + KN + MN).
   Source: Goto & van de Geijn, Anatomy of High-Performance Matrix Multiplication (2008); Van Zee & van de Geijn, BLIS (2015). */
#ifndef GEMM_KC
#define GEMM_KC 256 /* depth of a panel of B, a multiple of 16 */
#endif
#ifndef GEMM_NC
#define GEMM_NC 256 /* width of a panel of B, a multiple of 32: 4 KC NC bytes should be at most half of the L2 cache */
#endif
#ifndef GEMM_MC
#define GEMM_MC 96 /* rows of A packed at once, a multiple of 12 */
#endif
#define GEMM_MR 12    /* rows of the register tile */
#define GEMM_NR 32    /* its columns */
#define GEMM_LDP (GEMM_KC + 16)
#define GEMM_STAGE 64 /* columns of B that are staged for the transpose */
#define GEMM_FEW 4    /* up to so many rows nothing is packed */

#include "lib/dialect.h"
#include "gemm/gemm_tile.h"
#include "lib/cpu/vector16.h"

#define GEMM_HAS_BIAS 1
#define GEMM_ACCUMULATE 2
#define GEMM_ACTIVATION(flags) (((flags) >> 8) & 15)

/* ---- Packing ---- */

/* panel_b[p][t][32]: rows k0.. of op(B), columns j0 + 32 p ..; what stands beyond n is not read back. */
SG_FN void gemm_pack_b(const int format, const int trans, const global void *b, i64 base, i32 ldb, i32 kc, i32 nc, local f32 *panel) {
    if (!trans) {
        for (i32 t = 0; t < kc; t++) {
            i64 row = base + (i64)t * ldb;
            local f32 *out = panel + t * GEMM_NR;
            i32 j = 0;
            for (; j + GEMM_NR <= nc; j += GEMM_NR, out += kc * GEMM_NR) {
                V16_PUT(local, out, v16_load(format, b, row + j));
                V16_PUT(local, out + 16, v16_load(format, b, row + j + 16));
            }
            if (j < nc) {
                V16_PUT(local, out, v16_load_tail(format, b, row + j, nc - j));
                if (j + 16 < nc) V16_PUT(local, out + 16, v16_load_tail(format, b, row + j + 16, nc - j - 16));
            }
        }
        return;
    }
    for (i32 j = 0; j < nc; j += 16) {                                  /* 16 columns of op(B) are 16 rows of B */
        local f32 *out = panel + (j / GEMM_NR) * (kc * GEMM_NR) + (j & 16);
        const i64 corner = base + (i64)j * ldb;
        const i32 end = nc - j - 1;                                     /* columns beyond n repeat the last one: they are never stored */
        i32 t = 0;
#ifdef V16_AVX512
        if (format == V16_F32 && end >= 15) {
            t = kc & ~3;
            gemm_transpose_global((const global f32 *)b + corner, ldb, out, GEMM_NR, t / 4);
        }
#endif
        for (; t < kc; t += GEMM_STAGE) {
            f32 rows[16 * GEMM_STAGE];
            const i32 deep = min(GEMM_STAGE, kc - t);
            for (i32 i = 0; i < 16; i++)
                for (i32 u = 0; u < deep; u += 16)
                    V16_PUT(private, rows + i * GEMM_STAGE + u, v16_load_tail(format, b, corner + (i64)min(i, end) * ldb + t + u, deep - u));
            gemm_transpose(rows, GEMM_STAGE, out + t * GEMM_NR, GEMM_NR, (deep + 3) / 4);
        }
    }
}

/* Up to GEMM_MC rows of op(A) in groups of 12: [r][t] of stride GEMM_LDP, or [t][12] from a transposed A; rows beyond m are 0. */
SG_FN void gemm_pack_a(const int format, const int trans, const global void *a, i64 base, i32 lda, i32 kc, i32 rows, local f32 *panel) {
    if (trans) {
        for (i32 t = 0; t < kc; t++) {
            i64 row = base + (i64)t * lda;
            local f32 *out = panel + t * GEMM_MR;   /* 16 lanes are stored, the last 4 are overwritten by the next t */
            i32 i = 0;
            for (; i + 16 <= rows; i += GEMM_MR, out += GEMM_MR * GEMM_LDP) V16_PUT(local, out, v16_load(format, a, row + i));
            for (; i < rows; i += GEMM_MR, out += GEMM_MR * GEMM_LDP) V16_PUT(local, out, v16_load_tail(format, a, row + i, rows - i));
        }
        return;
    }
    for (i32 r = 0; r < (rows + GEMM_MR - 1) / GEMM_MR * GEMM_MR; r++) {
        local f32 *out = panel + r * GEMM_LDP;
        i32 t = 0;
        if (r >= rows) {
            for (; t < kc; t += 16) V16_PUT(local, out + t, (float16)(0.0f));
            continue;
        }
        i64 row = base + (i64)r * lda;
        for (; t + 16 <= kc; t += 16) V16_PUT(local, out + t, v16_load(format, a, row + t));
        if (t < kc) V16_PUT(local, out + t, v16_load_tail(format, a, row + t, kc - t));
    }
}

/* Asks for elements of op(A) that the next block will pack: 12 rows, 32 deep. Done between tiles, it hides the latency of packing. */
SG_FN void gemm_ask_a(const int format, const int trans, const global void *a, i64 base, i32 lda) {
#ifdef V16_AVX512
    const i64 size = format == V16_F32 ? 4 : 2;
    const ulong from = (ulong)a + base * size;
    for (i32 i = 0; i < (trans ? 32 : GEMM_MR); i++) __asm__ volatile("prefetcht1 (%0)\n\tprefetcht1 60(%0)" : : "r"(from + i * (i64)lda * size));
#endif
}

/* ---- From the register tile to C: alpha, beta, sums of earlier panels, bias, activation ---- */

SG_FN __attribute__((always_inline)) void gemm_finish(const int out, int first, int last, const local f32 *acc, local f32 *sums, global void *c, i64 corner, i32 ldc,
                       const global f32 *bias, i32 col, i32 rows, i32 cols, f32 alpha, f32 beta, i32 flags) {
    const int keep = out != V16_F32;
    const i32 act = GEMM_ACTIVATION(flags);
    for (i32 r = 0; r < rows; r++) {
        for (i32 h = 0; h < cols; h += 16) {
            const i32 w = cols - h;
            const i64 at = corner + (i64)r * ldc + h;
            float16 v = V16_GET(local, acc + r * GEMM_NR + h);
            if (keep) {
                if (!first) v += V16_GET(local, sums + r * GEMM_NC + h);
                if (!last) {
                    V16_PUT(local, sums + r * GEMM_NC + h, v);
                    continue;
                }
            }
            v *= alpha;
            if (!keep && !first) v += v16_load_tail(out, c, at, w);
            else if (flags & GEMM_ACCUMULATE) v += beta * v16_load_tail(out, c, at, w);
            if (last) {
                if (flags & GEMM_HAS_BIAS) v += v16_load_tail(V16_F32, bias, col + h, w);
                if (act) v = v16_activate(v, act);
            }
            v16_store_tail(out, c, at, v, w);
        }
    }
}

/* ---- A few rows times a B that is stored by columns: dot products along K, nothing packed ---- */

#define GEMM_DOT_STEP(ROWS, A, B) \
    { \
        float16 x[ROWS]; \
        _Pragma("unroll") for (i32 r = 0; r < ROWS; r++) x[r] = A; \
        _Pragma("unroll") for (i32 e = 0; e < 4; e++) { \
            float16 y = B; \
            _Pragma("unroll") for (i32 r = 0; r < ROWS; r++) s[r][e] += x[r] * y; \
        } \
    }
#define GEMM_DOT(NAME, ROWS) \
    SG_FN void NAME(const int in, const global void *a, i64 from_a, i32 lda, const global void *b, i64 from_b, i32 ldb, i32 k, i32 rows, \
                    i32 cols, local f32 *acc) { \
        for (i32 j = 0; j < cols; j += 4) { \
            float16 s[ROWS][4]; \
            _Pragma("unroll") for (i32 e = 0; e < ROWS * 4; e++) s[e / 4][e % 4] = (float16)(0.0f); \
            for (i32 t = 0; t < (k & ~15); t += 16) GEMM_DOT_STEP(ROWS, v16_load(in, a, from_a + (i64)min(r, rows - 1) * lda + t), \
                                                                  v16_load(in, b, from_b + (i64)min(j + e, cols - 1) * ldb + t)) \
            for (i32 t = k & ~15; t < k; t += 16) \
                GEMM_DOT_STEP(ROWS, v16_load_tail(in, a, from_a + (i64)min(r, rows - 1) * lda + t, k - t), \
                              v16_load_tail(in, b, from_b + (i64)min(j + e, cols - 1) * ldb + t, k - t)) \
            _Pragma("unroll") for (i32 e = 0; e < ROWS * 4; e++) { \
                float8 s8 = s[e / 4][e % 4].lo + s[e / 4][e % 4].hi; \
                float4 s4 = s8.lo + s8.hi; \
                acc[(e / 4) * GEMM_NR + j + e % 4] = (s4.x + s4.z) + (s4.y + s4.w); \
            } \
        } \
    }
GEMM_DOT(gemm_dot_1, 1)
GEMM_DOT(gemm_dot_4, 4)

/* ---- A few rows times a B that is stored by rows: one pass over B, 16 accumulators, nothing packed ---- */

#define GEMM_STREAM_LOOP(ROWS, LOAD) \
    for (i32 t = 0; t < k; t++) { \
        f32 x[ROWS]; \
        _Pragma("unroll") for (i32 r = 0; r < ROWS; r++) x[r] = v16_load_1(in, a, from_a + min(r, rows - 1) * row_a + t * step_a); \
        _Pragma("unroll") for (i32 e = 0; e < 16 / ROWS; e++) { \
            float16 y = LOAD; \
            _Pragma("unroll") for (i32 r = 0; r < ROWS; r++) s[r][e] += x[r] * y; \
        } \
    }
#define GEMM_STREAM(NAME, ROWS) \
    SG_FN void NAME(const int in, const global void *a, i64 from_a, i64 row_a, i64 step_a, const global void *b, i64 from_b, i32 ldb, i32 k, \
                    i32 rows, i32 cols, local f32 *acc) { \
        float16 s[ROWS][16 / ROWS]; \
        _Pragma("unroll") for (i32 e = 0; e < 16; e++) s[e % ROWS][e / ROWS] = (float16)(0.0f); \
        if (cols == 256 / ROWS) GEMM_STREAM_LOOP(ROWS, v16_load(in, b, from_b + (i64)t * ldb + 16 * e)) \
        else GEMM_STREAM_LOOP(ROWS, v16_load_tail(in, b, from_b + (i64)t * ldb + 16 * e, cols - 16 * e)) \
        _Pragma("unroll") for (i32 e = 0; e < 16; e++) \
            V16_PUT(local, acc + (e / ROWS / 2 * ROWS + e % ROWS) * GEMM_NR + (e / ROWS & 1) * 16, s[e % ROWS][e / ROWS]); \
    }
GEMM_STREAM(gemm_stream_1, 1)
GEMM_STREAM(gemm_stream_4, 4)

/* ---- One work-item, one tile of C ---- */

SG_FN void gemm_work(const int in, const int out, const int trans_a, const int trans_b, const global void *a, const global void *b,
                     global void *c, const global f32 *bias, i32 m, i32 n, i32 k, i32 lda, i32 ldb, i32 ldc, f32 alpha, f32 beta, i32 flags,
                     i64 base_a, i64 base_b, i64 base_c, local f32 *panel_a, local f32 *panel_b, local f32 *acc, local f32 *sums) {
    const i64 units_m = (m + 3) / 4, units_n = (n + GEMM_NR - 1) / GEMM_NR;
    const i32 row_from = 4 * (i32)(units_m * get_group_id(1) / get_num_groups(1));
    const i32 row_to = min(m, 4 * (i32)(units_m * (get_group_id(1) + 1) / get_num_groups(1)));
    const i32 col_from = GEMM_NR * (i32)(units_n * get_group_id(0) / get_num_groups(0));
    const i32 col_to = min(n, GEMM_NR * (i32)(units_n * (get_group_id(0) + 1) / get_num_groups(0)));
    const i32 parts = (k + GEMM_KC - 1) / GEMM_KC;
    const i32 depth = ((k + parts - 1) / parts + 15) & ~15;
    const int keep = out != V16_F32;                                   /* partial sums are kept in fp32, beside C */
    const i32 block = keep && parts > 1 ? GEMM_MC : row_to - row_from;

    const i32 few = row_to - row_from;
    if (m <= GEMM_FEW && few > 0 && !(trans_a && trans_b)) {
        const i64 from_a = base_a + (i64)row_from * (trans_a ? 1 : lda);
        const i32 width = trans_b ? GEMM_NR : few == 1 ? 256 : 64;
        for (i32 j0 = col_from; j0 < col_to; j0 += width) {
            const i32 all = min(width, col_to - j0);
            if (trans_b) {
                const i64 from_b = base_b + (i64)j0 * ldb;
                if (few == 1) gemm_dot_1(in, a, from_a, lda, b, from_b, ldb, k, few, all, acc);
                else gemm_dot_4(in, a, from_a, lda, b, from_b, ldb, k, few, all, acc);
            } else {
                if (few == 1) gemm_stream_1(in, a, from_a, 0, trans_a ? lda : 1, b, base_b + j0, ldb, k, few, all, acc);
                else gemm_stream_4(in, a, from_a, trans_a ? 1 : lda, trans_a ? lda : 1, b, base_b + j0, ldb, k, few, all, acc);
            }
            for (i32 j = 0; j < all; j += GEMM_NR)
                gemm_finish(out, 1, 1, acc + j * (few == 1 ? 1 : 4), acc, c, base_c + (i64)row_from * ldc + j0 + j, ldc, bias, j0 + j, few,
                            min(GEMM_NR, all - j), alpha, beta, flags);
        }
        return;
    }
    for (i32 j0 = col_from; j0 < col_to; j0 += GEMM_NC)
    for (i32 ib = row_from; ib < row_to; ib += block)
    for (i32 k0 = 0; k0 < k; k0 += depth) {
        const i32 nc = min(GEMM_NC, col_to - j0), kc = min(depth, k - k0), i_to = min(row_to, ib + block);
        const int first = k0 == 0, last = k0 + kc >= k;
        const int direct = in == V16_F32 && !trans_b && i_to - ib <= GEMM_MR;
        const i32 packed_from = direct ? nc & ~(GEMM_NR - 1) : 0;
        if (packed_from < nc)
            gemm_pack_b(in, trans_b, b, base_b + (trans_b ? (i64)(j0 + packed_from) * ldb + k0 : (i64)k0 * ldb + j0 + packed_from), ldb, kc,
                        nc - packed_from, panel_b);
        for (i32 i0 = ib; i0 < i_to; i0 += GEMM_MR) {
            const i32 rows = min(GEMM_MR, i_to - i0), in_block = (i0 - ib) % GEMM_MC;
            const local f32 *pa = panel_a + in_block * GEMM_LDP;
            if (in_block == 0)
                gemm_pack_a(in, trans_a, a, base_a + (trans_a ? (i64)k0 * lda + i0 : (i64)i0 * lda + k0), lda, kc, min(GEMM_MC, i_to - i0),
                            panel_a);
            for (i32 j = 0; j < nc; j += GEMM_NR) {
                const i32 cols = min(GEMM_NR, nc - j);
                const int in_place = direct && cols == GEMM_NR;
                const global f32 *far = (const global f32 *)b + base_b + (i64)k0 * ldb + j0 + j;
                const local f32 *near = panel_b + (j - packed_from) * kc;
                if (i0 + GEMM_MC < i_to && j < kc)
                    gemm_ask_a(in, trans_a, a, base_a + (trans_a ? (i64)(k0 + j) * lda + i0 + GEMM_MC : (i64)(i0 + GEMM_MC) * lda + k0 + j), lda);
#ifdef V16_AVX512
                if (!keep)
                    for (i32 r = 0; r < rows; r++) {
                        global f32 *line = (global f32 *)c + base_c + (i64)(i0 + r) * ldc + j0 + j;
                        __asm__ volatile("prefetchw (%0)\n\tprefetchw 64(%0)" : : "r"(line));
                    }
                gemm_tile(trans_a, pa, in_place ? (ulong)far : (ulong)near, in_place ? 4 * (ulong)ldb : 4 * GEMM_NR, kc, rows, cols > 16, acc);
#else
                if (in_place) gemm_tile_global(trans_a, pa, far, ldb, kc, rows, cols > 16, acc);
                else gemm_tile_local(trans_a, pa, near, GEMM_NR, kc, rows, cols > 16, acc);
#endif
                gemm_finish(out, first, last, acc, keep ? sums + (i0 - ib) * GEMM_NC + j : acc, c, base_c + (i64)i0 * ldc + j0 + j, ldc, bias,
                            j0 + j, rows, cols, alpha, beta, flags);
            }
        }
    }
}

#define GEMM_ENTRY(NAME, IN, OUT, T_IN, T_OUT, TRANS_A, TRANS_B) \
    kernel void NAME(const global T_IN *a, const global T_IN *b, global T_OUT *c, const global f32 *bias, i32 m, i32 n, i32 k, i32 lda, \
                     i32 ldb, i32 ldc, i64 stride_a, i64 stride_b, i64 stride_c, i64 stride_bias, f32 alpha, f32 beta, i32 flags) { \
        local float16 panel_a[GEMM_MC * GEMM_LDP / 16]; \
        local float16 panel_b[GEMM_KC * GEMM_NC / 16 + 8]; \
        local float16 acc[GEMM_MR * GEMM_NR / 16]; \
        local float16 sums[(OUT) == V16_F32 ? 1 : GEMM_MC * GEMM_NC / 16]; \
        const i64 batch = get_group_id(2); \
        gemm_work(IN, OUT, TRANS_A, TRANS_B, a, b, c, bias + batch * stride_bias, m, n, k, lda, ldb, ldc, alpha, beta, flags, \
                  batch * stride_a, batch * stride_b, batch * stride_c, (local f32 *)panel_a, (local f32 *)panel_b, (local f32 *)acc, \
                  (local f32 *)sums); \
    }

#define GEMM_DTYPES(SUFFIX, TRANS_A, TRANS_B) \
    GEMM_ENTRY(gemm_f32_##SUFFIX, V16_F32, V16_F32, f32, f32, TRANS_A, TRANS_B) \
    GEMM_ENTRY(gemm_bf16_##SUFFIX, V16_BF16, V16_BF16, u16, u16, TRANS_A, TRANS_B) \
    GEMM_ENTRY(gemm_f16_##SUFFIX, V16_F16, V16_F16, u16, u16, TRANS_A, TRANS_B) \
    GEMM_ENTRY(gemm_bf16_f32_##SUFFIX, V16_BF16, V16_F32, u16, f32, TRANS_A, TRANS_B) \
    GEMM_ENTRY(gemm_f16_f32_##SUFFIX, V16_F16, V16_F32, u16, f32, TRANS_A, TRANS_B)

GEMM_DTYPES(nn, 0, 0)
GEMM_DTYPES(nt, 0, 1)
GEMM_DTYPES(tn, 1, 0)
GEMM_DTYPES(tt, 1, 1)
