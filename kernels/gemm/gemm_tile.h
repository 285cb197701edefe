/* The two inner loops of gemm/gemm.cpu.cl, which defines GEMM_KC, GEMM_MR, GEMM_NR and GEMM_LDP before it includes this file.

   Register tile: acc[r][j] = sum over t < kc, in order, of a(r, t) * b[t * sb + j], r < 12, j < 32.
     a(r, t) = a[r * GEMM_LDP + t], or a[t * 12 + r] where A is transposed.
     With AVX-512: 24 accumulators, 2 registers of B, 1 broadcast of A; 12 + 2 loads for 24 FMAs, so the FMA ports are the limit with one or two
     of them. 8- and 4-row versions serve the last rows, one-register-wide versions the last 16 columns. Elsewhere: 6 x 16 in plain OpenCL C.
   Transpose: 16 rows of a B that is stored by columns become 16 columns of the panel. */
#ifndef SG_GEMM_GEMM_TILE_H
#define SG_GEMM_GEMM_TILE_H
#include "lib/dialect.h"
#include "lib/cpu/vector16.h"


#ifdef V16_AVX512
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
/* 6 x 16 registers: twelve accumulators of 8 lanes, which AVX2 holds. */
typedef float8 __attribute__((aligned(4))) gemm_f32x8_at;
#define GEMM_PORTABLE_TILE(NAME, SPACE) \
    SG_FN void NAME(const int trans_a, const local f32 *a, const SPACE f32 *b, i64 sb, i32 kc, i32 rows, i32 wide, local f32 *acc) { \
        const i32 ar = trans_a ? 1 : GEMM_LDP, ak = trans_a ? GEMM_MR : 1; \
        for (i32 j = 0; j < (wide ? 32 : 16); j += 16) \
            for (i32 i = 0; i < rows; i += 6) { \
                float8 c[6][2]; \
                _Pragma("unroll") for (i32 r = 0; r < 6; r++) c[r][0] = c[r][1] = (float8)(0.0f); \
                for (i32 t = 0; t < kc; t++) { \
                    float8 b0 = *(const SPACE gemm_f32x8_at *)(b + t * sb + j), b1 = *(const SPACE gemm_f32x8_at *)(b + t * sb + j + 8); \
                    _Pragma("unroll") for (i32 r = 0; r < 6; r++) { \
                        float8 x = (float8)(a[(i + r) * ar + t * ak]); \
                        c[r][0] += x * b0; \
                        c[r][1] += x * b1; \
                    } \
                } \
                _Pragma("unroll") for (i32 r = 0; r < 6; r++) { \
                    *(local gemm_f32x8_at *)(acc + (i + r) * GEMM_NR + j) = c[r][0]; \
                    *(local gemm_f32x8_at *)(acc + (i + r) * GEMM_NR + j + 8) = c[r][1]; \
                } \
            } \
    }
GEMM_PORTABLE_TILE(gemm_tile_local, local)
GEMM_PORTABLE_TILE(gemm_tile_global, global)
#endif

/* out[t][i] = rows[i * stride + t] for 16 rows and t < 4 * fours, out of row stride 32: 4 x 4 blocks, one per 128-bit lane. */
#ifdef V16_AVX512
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

#endif
