/* GEMM for CPU devices (header to come). */
#include "common/dialect.h"
#include "common/numbers.h"

#ifndef GEMM_KC
#define GEMM_KC 256 /* depth of a panel of B, a multiple of 16 */
#endif
#ifndef GEMM_NC
#define GEMM_NC 256 /* width of a panel of B, a multiple of 32; the panel should fill at most 2/3 of the L2 cache */
#endif
#ifndef GEMM_MC
#define GEMM_MC 96 /* rows of the fp32 tile that holds sums between panels when C is 16-bit, a multiple of 12 */
#endif

#define GEMM_MR 12
#define GEMM_NR 32
#define GEMM_LDP (GEMM_KC + 16)
#define GEMM_STAGE 64
#define GEMM_FEW 4

#define GEMM_F32 0
#define GEMM_BF16 1
#define GEMM_F16 2

#define GEMM_HAS_BIAS 1
#define GEMM_ACCUMULATE 2
#define GEMM_ACTIVATION(flags) (((flags) >> 8) & 15)

#if defined(__AVX512F__) && !defined(SG_PORTABLE)
#define GEMM_AVX512
#endif

/* Replaceable by common/functions.h. */
SG_FN f32 gemm_activate(f32 x, i32 code) {
    switch (code) {
        case 1: return x > 0.0f || x != x ? x : 0.0f;
        case 2: return 0.5f * x * (1.0f + sg_erf(x * 0.70710678f));
        case 3: return 0.5f * x * (1.0f + sg_tanh(0.79788456f * (x + 0.044715f * x * x * x)));
        case 4: return x / (1.0f + sg_exp(-x));
        case 5: return sg_tanh(x);
        case 6: return 1.0f / (1.0f + sg_exp(-x));
        default: return x;
    }
}

SG_FN float16 gemm_activate_16(float16 v, i32 code) {
    f32 t[16];
    vstore16(v, 0, t);
    for (i32 e = 0; e < 16; e++) t[e] = gemm_activate(t[e], code);
    return vload16(0, t);
}

/* ---- Loads and stores of 16 elements, in fp32, from any of the three formats ---- */

SG_FN float16 gemm_widen(const int format, ushort16 stored) {
    uint16 h = convert_uint16(stored);
    if (format == GEMM_BF16) return as_float16(h << 16);
    uint16 shifted = (h & 0x7fffu) << 13;                            /* sg_f16_to_f32, 16 at a time */
    uint16 exponent = h & 0x7c00u;
    uint16 bits = shifted + 0x38000000u + select((uint16)0, (uint16)0x38000000u, exponent == 0x7c00u);
    float16 tiny = as_float16(shifted + 0x38800000u) - as_float16((uint16)0x38800000u);
    bits = select(bits, as_uint16(tiny), exponent == 0u);
    return as_float16(bits | ((h & 0x8000u) << 16));
}

SG_FN float16 gemm_load(const int format, const global void *p, i64 i) {
    if (format == GEMM_F32) return vload16(0, (const global f32 *)p + i);
    return gemm_widen(format, vload16(0, (const global u16 *)p + i));
}

SG_FN f32 gemm_load_1(const int format, const global void *p, i64 i) {
    if (format == GEMM_F32) return ((const global f32 *)p)[i];
    u16 h = ((const global u16 *)p)[i];
    return format == GEMM_BF16 ? sg_bf16_to_f32(h) : sg_f16_to_f32(h);
}

/* The first n of 16 elements, the rest 0; reads no byte beyond them. */
SG_FN float16 gemm_load_tail(const int format, const global void *p, i64 i, i32 n) {
    if (n >= 16) return gemm_load(format, p, i);
    if (n <= 0) return (float16)(0.0f);
#ifdef GEMM_AVX512
    if (format == GEMM_F32) {
        float16 v;
        __asm__ volatile("kmovw %2, %%k1\n\tvmovups (%1), %0%{%%k1%}%{z%}"
                         : "=v"(v) : "r"((const global f32 *)p + i), "r"((1u << n) - 1u) : "k1", "memory");
        return v;
    }
#endif
    f32 t[16];
#pragma unroll
    for (i32 e = 0; e < 16; e++) t[e] = 0.0f;
    for (i32 e = 0; e < n; e++) t[e] = gemm_load_1(format, p, i + e);
    return vload16(0, t);
}

SG_FN void gemm_store_1(const int format, global void *p, i64 i, f32 x) {
    if (format == GEMM_F32) ((global f32 *)p)[i] = x;
    else ((global u16 *)p)[i] = format == GEMM_BF16 ? sg_f32_to_bf16(x) : sg_f32_to_f16(x);
}

SG_FN void gemm_store_tail(const int format, global void *p, i64 i, float16 v, i32 n) {
    if (format == GEMM_F32 && n >= 16) {
        vstore16(v, 0, (global f32 *)p + i);
        return;
    }
#ifdef GEMM_AVX512
    if (format == GEMM_F32) {
        __asm__ volatile("kmovw %2, %%k1\n\tvmovups %0, (%1)%{%%k1%}"
                         : : "v"(v), "r"((global f32 *)p + i), "r"((1u << n) - 1u) : "k1", "memory");
        return;
    }
#endif
    f32 t[16];
    vstore16(v, 0, t);
    for (i32 e = 0; e < n && e < 16; e++) gemm_store_1(format, p, i + e, t[e]);
}

/* ---- The register tile: acc[r][j] = sum over t < kc of a[r * ar + t * ak] * b[t * 32 + j] ---- */

#ifdef GEMM_AVX512
#define GEMM_TEXT_(x) #x
#define GEMM_TEXT(x) GEMM_TEXT_(x)
#define GEMM_ROWS_4(F, AR, O) F(0, 8, 9, AR, O) F(1, 10, 11, AR, O) F(2, 12, 13, AR, O) F(3, 14, 15, AR, O)
#define GEMM_ROWS_8(F, AR, O) \
    GEMM_ROWS_4(F, AR, O) F(4, 16, 17, AR, O) F(5, 18, 19, AR, O) F(6, 20, 21, AR, O) F(7, 22, 23, AR, O)
#define GEMM_ROWS_12(F, AR, O) \
    GEMM_ROWS_8(F, AR, O) F(8, 24, 25, AR, O) F(9, 26, 27, AR, O) F(10, 28, 29, AR, O) F(11, 30, 31, AR, O)
#define GEMM_ZERO(r, x, y, AR, O) "vpxord %%zmm" #x ",%%zmm" #x ",%%zmm" #x "\n\tvpxord %%zmm" #y ",%%zmm" #y ",%%zmm" #y "\n\t"
#define GEMM_BCAST(r, AR, O) "vbroadcastss " #r "*" AR "+" O "(%[a]),%%zmm2\n\t"
#define GEMM_FMA_1(r, x, y, AR, O) GEMM_BCAST(r, AR, O) "vfmadd231ps %%zmm0,%%zmm2,%%zmm" #x "\n\t"
#define GEMM_FMA_2(r, x, y, AR, O) GEMM_FMA_1(r, x, y, AR, O) "vfmadd231ps %%zmm1,%%zmm2,%%zmm" #y "\n\t"
#define GEMM_PUT_1(r, x, y, AR, O) "vmovups %%zmm" #x ",128*" #r "(%[c])\n\t"
#define GEMM_PUT_2(r, x, y, AR, O) GEMM_PUT_1(r, x, y, AR, O) "vmovups %%zmm" #y ",128*" #r "+64(%[c])\n\t"
#define GEMM_LOAD_1 "vmovups (%[b]),%%zmm0\n\tadd %[sb],%[b]\n\t"
#define GEMM_LOAD_2 "vmovups (%[b]),%%zmm0\n\tvmovups 64(%[b]),%%zmm1\n\tadd %[sb],%[b]\n\t"
#define GEMM_STEP(R, W, AR, AK, t) GEMM_LOAD_##W GEMM_ROWS_##R(GEMM_FMA_##W, AR, #t "*" AK)
#define GEMM_TILE(R, W, AR, AK) \
    __asm__ volatile( \
        GEMM_ROWS_##R(GEMM_ZERO, , ) \
        "mov %[t],%%r8\n\tshr $2,%%r8\n\tjz 2f\n\t" \
        ".p2align 5\n1:\n\t" \
        GEMM_STEP(R, W, AR, AK, 0) GEMM_STEP(R, W, AR, AK, 1) GEMM_STEP(R, W, AR, AK, 2) GEMM_STEP(R, W, AR, AK, 3) \
        "add $4*" AK ",%[a]\n\tdec %%r8\n\tjnz 1b\n" \
        "2:\tand $3,%[t]\n\tjz 4f\n3:\n\t" \
        GEMM_STEP(R, W, AR, AK, 0) \
        "add $" AK ",%[a]\n\tdec %[t]\n\tjnz 3b\n4:\n\t" \
        GEMM_ROWS_##R(GEMM_PUT_##W, , ) \
        : [a] "+r"(pa), [b] "+r"(pb), [t] "+r"(t) : [c] "r"(acc), [sb] "r"(sb) \
        : "r8", "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", \
          "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", \
          "xmm29", "xmm30", "xmm31")
#define GEMM_TILES(AR, AK) \
    if (rows > 8) { if (wide) GEMM_TILE(12, 2, AR, AK); else GEMM_TILE(12, 1, AR, AK); } \
    else if (rows > 4) { if (wide) GEMM_TILE(8, 2, AR, AK); else GEMM_TILE(8, 1, AR, AK); } \
    else { if (wide) GEMM_TILE(4, 2, AR, AK); else GEMM_TILE(4, 1, AR, AK); }

SG_FN void gemm_tile(const int trans_a, const local f32 *a, ulong pb, ulong sb, i32 kc, i32 rows, i32 wide, local f32 *acc) {
    const local f32 *pa = a;
    ulong t = (ulong)kc;
    if (trans_a) { GEMM_TILES("4", "48") }
    else { GEMM_TILES("4*(" GEMM_TEXT(GEMM_KC) "+16)", "4") }
}
#else
/* 6 x 16 registers: twelve accumulators of 8 lanes, which AVX2 and NEON-class machines hold. */
#define GEMM_PORTABLE_TILE(NAME, SPACE) \
    SG_FN void NAME(const int trans_a, const local f32 *a, const SPACE f32 *b, i64 sb, i32 kc, i32 rows, i32 wide, local f32 *acc) { \
        const i32 ar = trans_a ? 1 : GEMM_LDP, ak = trans_a ? GEMM_MR : 1; \
        for (i32 j = 0; j < (wide ? 32 : 16); j += 16) \
            for (i32 i = 0; i < rows; i += 6) { \
                float8 c[6][2]; \
                _Pragma("unroll") for (i32 r = 0; r < 6; r++) c[r][0] = c[r][1] = (float8)(0.0f); \
                for (i32 t = 0; t < kc; t++) { \
                    float8 b0 = vload8(0, b + t * sb + j), b1 = vload8(0, b + t * sb + j + 8); \
                    _Pragma("unroll") for (i32 r = 0; r < 6; r++) { \
                        float8 x = (float8)(a[(i + r) * ar + t * ak]); \
                        c[r][0] += x * b0; \
                        c[r][1] += x * b1; \
                    } \
                } \
                _Pragma("unroll") for (i32 r = 0; r < 6; r++) { \
                    vstore8(c[r][0], 0, acc + (i + r) * GEMM_NR + j); \
                    vstore8(c[r][1], 0, acc + (i + r) * GEMM_NR + j + 8); \
                } \
            } \
    }
GEMM_PORTABLE_TILE(gemm_tile_local, local)
GEMM_PORTABLE_TILE(gemm_tile_global, global)
#endif

/* ---- Packing ---- */

/* out[t][i] = rows[i * stride + t] for 16 rows and t < 4 * fours, out of row stride 32: 4 x 4 blocks, one per 128-bit lane. */
#ifdef GEMM_AVX512
#define GEMM_QUAD(z, at) \
    "vmovups (%[p0]" at "),%%xmm" #z "\n\tvinsertf32x4 $1,(%[p4]" at "),%%zmm" #z ",%%zmm" #z "\n\t" \
    "vinsertf32x4 $2,(%[p8]" at "),%%zmm" #z ",%%zmm" #z "\n\tvinsertf32x4 $3,(%[p12]" at "),%%zmm" #z ",%%zmm" #z "\n\t"
SG_FN void gemm_transpose(ulong p0, ulong stride, local f32 *out, ulong fours) {
    ulong p4 = p0 + 4 * stride, p8 = p0 + 8 * stride, p12 = p0 + 12 * stride;
    if (fours == 0) return;
    __asm__ volatile(
        "1:\n\t" GEMM_QUAD(0, "") GEMM_QUAD(1, ",%[s]") GEMM_QUAD(2, ",%[s],2") GEMM_QUAD(3, ",%[s3]")
        "vunpcklps %%zmm1,%%zmm0,%%zmm4\n\tvunpckhps %%zmm1,%%zmm0,%%zmm5\n\t"
        "vunpcklps %%zmm3,%%zmm2,%%zmm6\n\tvunpckhps %%zmm3,%%zmm2,%%zmm7\n\t"
        "vunpcklpd %%zmm6,%%zmm4,%%zmm0\n\tvunpckhpd %%zmm6,%%zmm4,%%zmm1\n\t"
        "vunpcklpd %%zmm7,%%zmm5,%%zmm2\n\tvunpckhpd %%zmm7,%%zmm5,%%zmm3\n\t"
        "vmovups %%zmm0,(%[o])\n\tvmovups %%zmm1,128(%[o])\n\tvmovups %%zmm2,256(%[o])\n\tvmovups %%zmm3,384(%[o])\n\t"
        "add $16,%[p0]\n\tadd $16,%[p4]\n\tadd $16,%[p8]\n\tadd $16,%[p12]\n\tadd $512,%[o]\n\tdec %[n]\n\tjnz 1b"
        : [p0] "+r"(p0), [p4] "+r"(p4), [p8] "+r"(p8), [p12] "+r"(p12), [o] "+r"(out), [n] "+r"(fours)
        : [s] "r"(stride), [s3] "r"(3 * stride)
        : "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7");
}
#else
SG_FN void gemm_transpose(const f32 *rows, i32 stride, local f32 *out, i32 fours) {
    for (i32 t = 0; t < 4 * fours; t += 4)
        for (i32 i = 0; i < 16; i += 4) {
            float4 a = vload4(0, rows + i * stride + t), b = vload4(0, rows + (i + 1) * stride + t);
            float4 c = vload4(0, rows + (i + 2) * stride + t), d = vload4(0, rows + (i + 3) * stride + t);
            vstore4((float4)(a.x, b.x, c.x, d.x), 0, out + t * GEMM_NR + i);
            vstore4((float4)(a.y, b.y, c.y, d.y), 0, out + (t + 1) * GEMM_NR + i);
            vstore4((float4)(a.z, b.z, c.z, d.z), 0, out + (t + 2) * GEMM_NR + i);
            vstore4((float4)(a.w, b.w, c.w, d.w), 0, out + (t + 3) * GEMM_NR + i);
        }
}
#endif

/* panel_b[p][t][32]: rows k0.. of op(B), columns j0 + 32 p ..; what stands beyond n is not read back. */
SG_FN void gemm_pack_b(const int format, const int trans, const global void *b, i64 base, i32 ldb, i32 kc, i32 nc, local f32 *panel) {
    if (!trans) {
        for (i32 t = 0; t < kc; t++) {
            i64 row = base + (i64)t * ldb;
            local f32 *out = panel + t * GEMM_NR;
            i32 j = 0;
            for (; j + GEMM_NR <= nc; j += GEMM_NR, out += kc * GEMM_NR) {
                vstore16(gemm_load(format, b, row + j), 0, out);
                vstore16(gemm_load(format, b, row + j + 16), 0, out + 16);
            }
            if (j < nc) {
                vstore16(gemm_load_tail(format, b, row + j, nc - j), 0, out);
                if (j + 16 < nc) vstore16(gemm_load_tail(format, b, row + j + 16, nc - j - 16), 0, out + 16);
            }
        }
        return;
    }
    for (i32 j = 0; j < nc; j += 16) {                                  /* 16 columns of op(B) are 16 rows of B */
        local f32 *out = panel + (j / GEMM_NR) * (kc * GEMM_NR) + (j & 16);
        const i64 corner = base + (i64)j * ldb;
        const i32 end = nc - j - 1;                                     /* columns beyond n repeat the last one: they are never stored */
        i32 t = 0;
#ifdef GEMM_AVX512
        if (format == GEMM_F32 && end >= 15) {
            t = kc & ~3;
            gemm_transpose((ulong)((const global f32 *)b + corner), 4 * (ulong)ldb, out, t / 4);
        }
#endif
        for (; t < kc; t += GEMM_STAGE) {
            f32 rows[16 * GEMM_STAGE];
            const i32 deep = min(GEMM_STAGE, kc - t);
            for (i32 i = 0; i < 16; i++)
                for (i32 u = 0; u < deep; u += 16)
                    vstore16(gemm_load_tail(format, b, corner + (i64)min(i, end) * ldb + t + u, deep - u), 0, rows + i * GEMM_STAGE + u);
#ifdef GEMM_AVX512
            gemm_transpose((ulong)rows, 4 * GEMM_STAGE, out + t * GEMM_NR, (deep + 3) / 4);
#else
            gemm_transpose(rows, GEMM_STAGE, out + t * GEMM_NR, (deep + 3) / 4);
#endif
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
            for (; i + 16 <= rows; i += GEMM_MR, out += GEMM_MR * GEMM_LDP) vstore16(gemm_load(format, a, row + i), 0, out);
            for (; i < rows; i += GEMM_MR, out += GEMM_MR * GEMM_LDP) vstore16(gemm_load_tail(format, a, row + i, rows - i), 0, out);
        }
        return;
    }
    for (i32 r = 0; r < (rows + GEMM_MR - 1) / GEMM_MR * GEMM_MR; r++) {
        local f32 *out = panel + r * GEMM_LDP;
        i32 t = 0;
        if (r >= rows) {
            for (; t < kc; t += 16) vstore16((float16)(0.0f), 0, out + t);
            continue;
        }
        i64 row = base + (i64)r * lda;
        for (; t + 16 <= kc; t += 16) vstore16(gemm_load(format, a, row + t), 0, out + t);
        if (t < kc) vstore16(gemm_load_tail(format, a, row + t, kc - t), 0, out + t);
    }
}

/* ---- From the register tile to C: alpha, beta, sums of earlier panels, bias, activation ---- */

SG_FN void gemm_finish(const int out, int first, int last, const local f32 *acc, local f32 *sums, global void *c, i64 corner, i32 ldc,
                       const global f32 *bias, i32 col, i32 rows, i32 cols, f32 alpha, f32 beta, i32 flags) {
    const int keep = out != GEMM_F32;
    const i32 act = GEMM_ACTIVATION(flags);
    for (i32 r = 0; r < rows; r++) {
        for (i32 h = 0; h < cols; h += 16) {
            const i32 w = cols - h;
            const i64 at = corner + (i64)r * ldc + h;
            float16 v = vload16(0, acc + r * GEMM_NR + h);
            if (keep) {
                if (!first) v += vload16(0, sums + r * GEMM_NC + h);
                if (!last) {
                    vstore16(v, 0, sums + r * GEMM_NC + h);
                    continue;
                }
            }
            v *= alpha;
            if (!keep && !first) v += gemm_load_tail(out, c, at, w);
            else if (flags & GEMM_ACCUMULATE) v += beta * gemm_load_tail(out, c, at, w);
            if (last) {
                if (flags & GEMM_HAS_BIAS) v += gemm_load_tail(GEMM_F32, bias, col + h, w);
                if (act) v = gemm_activate_16(v, act);
            }
            gemm_store_tail(out, c, at, v, w);
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
            for (i32 t = 0; t < (k & ~15); t += 16) GEMM_DOT_STEP(ROWS, gemm_load(in, a, from_a + (i64)min(r, rows - 1) * lda + t), \
                                                                  gemm_load(in, b, from_b + (i64)min(j + e, cols - 1) * ldb + t)) \
            for (i32 t = k & ~15; t < k; t += 16) \
                GEMM_DOT_STEP(ROWS, gemm_load_tail(in, a, from_a + (i64)min(r, rows - 1) * lda + t, k - t), \
                              gemm_load_tail(in, b, from_b + (i64)min(j + e, cols - 1) * ldb + t, k - t)) \
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
        _Pragma("unroll") for (i32 r = 0; r < ROWS; r++) x[r] = gemm_load_1(in, a, from_a + min(r, rows - 1) * row_a + t * step_a); \
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
        if (cols == 256 / ROWS) GEMM_STREAM_LOOP(ROWS, gemm_load(in, b, from_b + (i64)t * ldb + 16 * e)) \
        else GEMM_STREAM_LOOP(ROWS, gemm_load_tail(in, b, from_b + (i64)t * ldb + 16 * e, cols - 16 * e)) \
        _Pragma("unroll") for (i32 e = 0; e < 16; e++) \
            vstore16(s[e % ROWS][e / ROWS], 0, acc + (e / ROWS / 2 * ROWS + e % ROWS) * GEMM_NR + (e / ROWS & 1) * 16); \
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
    const int keep = out != GEMM_F32;                                   /* partial sums are kept in fp32, beside C */
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
        const int direct = in == GEMM_F32 && !trans_b && i_to - ib <= GEMM_MR;
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
#ifdef GEMM_AVX512
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
        local float16 sums[(OUT) == GEMM_F32 ? 1 : GEMM_MC * GEMM_NC / 16]; \
        const i64 batch = get_group_id(2); \
        gemm_work(IN, OUT, TRANS_A, TRANS_B, a, b, c, bias + batch * stride_bias, m, n, k, lda, ldb, ldc, alpha, beta, flags, \
                  batch * stride_a, batch * stride_b, batch * stride_c, (local f32 *)panel_a, (local f32 *)panel_b, (local f32 *)acc, \
                  (local f32 *)sums); \
    }

#define GEMM_ENTRIES(SUFFIX, TRANS_A, TRANS_B) \
    GEMM_ENTRY(gemm_f32_##SUFFIX, GEMM_F32, GEMM_F32, f32, f32, TRANS_A, TRANS_B) \
    GEMM_ENTRY(gemm_bf16_##SUFFIX, GEMM_BF16, GEMM_BF16, u16, u16, TRANS_A, TRANS_B) \
    GEMM_ENTRY(gemm_f16_##SUFFIX, GEMM_F16, GEMM_F16, u16, u16, TRANS_A, TRANS_B) \
    GEMM_ENTRY(gemm_bf16_f32_##SUFFIX, GEMM_BF16, GEMM_F32, u16, f32, TRANS_A, TRANS_B) \
    GEMM_ENTRY(gemm_f16_f32_##SUFFIX, GEMM_F16, GEMM_F32, u16, f32, TRANS_A, TRANS_B)

GEMM_ENTRIES(nn, 0, 0)
GEMM_ENTRIES(nt, 0, 1)
GEMM_ENTRIES(tn, 1, 0)
GEMM_ENTRIES(tt, 1, 1)
