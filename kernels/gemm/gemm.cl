/* Dense matrix product, in fp32 arithmetic:

     C[z] = act( alpha op(A[z]) op(B[z]) + beta C[z] + bias[z] ),   z < batch

   gemm_{f32,bf16,f16}_{nn,nt,tn,tt}         A, B and C of the named type (16-bit floats are stored as u16)
   gemm_{bf16,f16}_f32_{nn,nt,tn,tt}         A and B 16-bit, C fp32
   The two letters say whether A and B are transposed. Row-major; z is added as z * stride_x elements:

     op(A): M x K   n: a[i * lda + t]   t: a[t * lda + i]        C: M x N   c[i * ldc + j]
     op(B): K x N   n: b[t * ldb + j]   t: b[j * ldb + t]        bias: fp32, bias[j], stride_bias 0 to share it

   flags: bit 0 add bias; bit 1 read C and add beta C (else C may hold anything, and beta is ignored);
          bits 8..11 activation: 0 none, else the code of lib/functions.h (SG_ALL_FUNCTIONS).
   M, N, K >= 1. Addresses need only be aligned to their element. Nothing outside the matrices is read or written, row padding included.

   Work-group 16 x 16, one block of BM x BN of C; global size (16 ceil(M / BM) ceil(N / BN), 16, batch), blocks of a row one after another.

                 BN                Each step brings BK columns of A and BK rows of B to local memory, as fp32, zeros outside the matrices.
               +-----+             Work-item (x, y) holds rows y + 16 p and columns x + 16 q of the block: neighbours read neighbouring
            BK |  B  |             words of B and the same word of A. Sums run over k in order, in registers: any K, no second pass.
       BK      +-----+
     +----+    +-----+             Local memory: 4 BK (BM + BN + 2) bytes, 8.1 KiB as set here. Flops 2 M N K; A is read N / BN times, B M / BM times.
  BM |  A |    |  C  | BM          Source: Volkov & Demmel, Benchmarking GPUs to Tune Dense Linear Algebra (2008).
     +----+    +-----+                                                                                                                     */
#ifndef GEMM_BM
#define GEMM_BM 64 /* rows of a block of C, a multiple of 16 */
#endif
#ifndef GEMM_BN
#define GEMM_BN 64 /* its columns, a multiple of 16 */
#endif
#ifndef GEMM_BK
#define GEMM_BK 16 /* depth of a step; BK * BM and BK * BN are multiples of 256 */
#endif

#include "lib/dialect.h"
#include "lib/functions.h"
#include "lib/numbers.h"

#define GEMM_F32 0
#define GEMM_BF16 1
#define GEMM_F16 2
#define GEMM_HAS_BIAS 1
#define GEMM_ACCUMULATE 2
#define GEMM_ACTIVATION(flags) (((flags) >> 8) & 15)

SG_FN f32 gemm_load(const int format, const global void *p, i64 i) {
    if (format == GEMM_F32) return ((const global f32 *)p)[i];
    u16 h = ((const global u16 *)p)[i];
    return format == GEMM_BF16 ? sg_bf16_to_f32(h) : sg_f16_to_f32(h);
}

SG_FN void gemm_store(const int format, global void *p, i64 i, f32 x) {
    if (format == GEMM_F32) ((global f32 *)p)[i] = x;
    else ((global u16 *)p)[i] = format == GEMM_BF16 ? sg_f32_to_bf16(x) : sg_f32_to_f16(x);
}

#define GEMM_CASE(CODE, NAME) case CODE: return NAME##_f(x);
SG_FN f32 gemm_activate(f32 x, i32 code) {
    switch (code) {
        SG_ALL_FUNCTIONS(GEMM_CASE)
        default: return x;
    }
}

/* tile[t][i], t < BK, i < rows, from rows of a stored matrix: element (i, t) at i * ld + t, or at t * ld + i where `along` is set.
   Neighbouring work-items read neighbouring addresses in both cases. */
SG_FN void gemm_fetch(const int format, const int along, const int rows, const global void *p, i64 base, i32 ld, i32 i0, i32 i_end, i32 t0,
                      i32 t_end, i32 lane, local f32 *tile) {
    for (i32 e = lane; e < rows * GEMM_BK; e += 256) {
        const i32 i = along ? e % rows : e / GEMM_BK, t = along ? e / rows : e % GEMM_BK;
        f32 x = 0.0f;
        if (i0 + i < i_end && t0 + t < t_end) x = gemm_load(format, p, base + (along ? (i64)(t0 + t) * ld + i0 + i : (i64)(i0 + i) * ld + t0 + t));
        tile[t * (rows + 1) + i] = x;
    }
}

SG_FN void gemm_block(const int in, const int out, const int trans_a, const int trans_b, const global void *a, const global void *b,
                      global void *c, const global f32 *bias, i32 m, i32 n, i32 k, i32 lda, i32 ldb, i32 ldc, i64 base_a, i64 base_b,
                      i64 base_c, f32 alpha, f32 beta, i32 flags, local f32 *tile_a, local f32 *tile_b) {
    const i32 x = get_local_id(0), y = get_local_id(1), lane = y * 16 + x;
    const i32 block = get_group_id(0), across = (n - 1) / GEMM_BN + 1;
    const i32 i0 = block / across * GEMM_BM, j0 = block % across * GEMM_BN;
    f32 sum[GEMM_BM / 16][GEMM_BN / 16];
#pragma unroll
    for (i32 p = 0; p < GEMM_BM / 16; p++)
#pragma unroll
        for (i32 q = 0; q < GEMM_BN / 16; q++) sum[p][q] = 0.0f;

    for (i32 t0 = 0; t0 < k; t0 += GEMM_BK) {
        gemm_fetch(in, trans_a, GEMM_BM, a, base_a, lda, i0, m, t0, k, lane, tile_a);
        gemm_fetch(in, !trans_b, GEMM_BN, b, base_b, ldb, j0, n, t0, k, lane, tile_b);
        barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll 4
        for (i32 t = 0; t < GEMM_BK; t++) {
            f32 row[GEMM_BM / 16], col[GEMM_BN / 16];
#pragma unroll
            for (i32 p = 0; p < GEMM_BM / 16; p++) row[p] = tile_a[t * (GEMM_BM + 1) + y + 16 * p];
#pragma unroll
            for (i32 q = 0; q < GEMM_BN / 16; q++) col[q] = tile_b[t * (GEMM_BN + 1) + x + 16 * q];
#pragma unroll
            for (i32 p = 0; p < GEMM_BM / 16; p++)
#pragma unroll
                for (i32 q = 0; q < GEMM_BN / 16; q++) sum[p][q] = sg_fma(row[p], col[q], sum[p][q]);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

#pragma unroll
    for (i32 p = 0; p < GEMM_BM / 16; p++) {
#pragma unroll
        for (i32 q = 0; q < GEMM_BN / 16; q++) {
            const i32 i = i0 + y + 16 * p, j = j0 + x + 16 * q;
            if (i < m && j < n) {
                const i64 at = base_c + (i64)i * ldc + j;
                f32 v = alpha * sum[p][q];
                if (flags & GEMM_ACCUMULATE) v += beta * gemm_load(out, c, at);
                if (flags & GEMM_HAS_BIAS) v += bias[j];
                gemm_store(out, c, at, gemm_activate(v, GEMM_ACTIVATION(flags)));
            }
        }
    }
}

#define GEMM_ENTRY(NAME, IN, OUT, T_IN, T_OUT, TRANS_A, TRANS_B) \
    kernel __attribute__((reqd_work_group_size(16, 16, 1))) void NAME( \
        const global T_IN *a, const global T_IN *b, global T_OUT *c, const global f32 *bias, i32 m, i32 n, i32 k, i32 lda, i32 ldb, i32 ldc, \
        i64 stride_a, i64 stride_b, i64 stride_c, i64 stride_bias, f32 alpha, f32 beta, i32 flags) { \
        local f32 tile_a[GEMM_BK * (GEMM_BM + 1)]; \
        local f32 tile_b[GEMM_BK * (GEMM_BN + 1)]; \
        const i64 batch = get_group_id(2); \
        gemm_block(IN, OUT, TRANS_A, TRANS_B, a, b, c, bias + batch * stride_bias, m, n, k, lda, ldb, ldc, batch * stride_a, \
                   batch * stride_b, batch * stride_c, alpha, beta, flags, tile_a, tile_b); \
    }

#define GEMM_DTYPES(SUFFIX, TRANS_A, TRANS_B) \
    GEMM_ENTRY(gemm_f32_##SUFFIX, GEMM_F32, GEMM_F32, f32, f32, TRANS_A, TRANS_B) \
    GEMM_ENTRY(gemm_bf16_##SUFFIX, GEMM_BF16, GEMM_BF16, u16, u16, TRANS_A, TRANS_B) \
    GEMM_ENTRY(gemm_f16_##SUFFIX, GEMM_F16, GEMM_F16, u16, u16, TRANS_A, TRANS_B) \
    GEMM_ENTRY(gemm_bf16_f32_##SUFFIX, GEMM_BF16, GEMM_F32, u16, f32, TRANS_A, TRANS_B) \
    GEMM_ENTRY(gemm_f16_f32_##SUFFIX, GEMM_F16, GEMM_F32, u16, f32, TRANS_A, TRANS_B)

GEMM_DTYPES(nn, 0, 0)
GEMM_DTYPES(nt, 0, 1)
GEMM_DTYPES(tn, 1, 0)
GEMM_DTYPES(tt, 1, 1)
