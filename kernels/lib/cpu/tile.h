/* The register tile of matrix products on CPU devices, and the transpose that prepares their operands.

   Tile: c[r sc + j] (+)= sum over t < depth, in order, of a[r ar + t ak] * b[t sb + j], r < rows <= 12, j < 32 (wide) or 16. With ak = 1 the rows of A are
   rows in memory, with ar = 1 its columns are; ar, ak, sb and sc count elements. Rows up to the next multiple of 4 (with AVX-512) or 6 are read and written.
     With AVX-512: 24 accumulators, 2 registers of B, 1 broadcast of A; 12 + 2 loads for 24 FMAs, so the FMA ports are the limit with one or two
     of them. 8- and 4-row versions serve the last rows, one-register-wide versions the last 16 columns. Elsewhere: 6 x 16 in plain OpenCL C.
   The pieces of the AVX-512 tile serve gemm/gemm_tile.h too, whose strides are constants. */
#ifndef SG_LIB_CPU_TILE_H
#define SG_LIB_CPU_TILE_H
#include "lib/dialect.h"
#include "lib/cpu/vector16.h"

#ifdef V16_AVX512
/* F(row, its first register, its second, what addresses A). */
#define TILE_ROWS_4(F, AT, O) F(0, 8, 9, AT, O) F(1, 10, 11, AT, O) F(2, 12, 13, AT, O) F(3, 14, 15, AT, O)
#define TILE_ROWS_8(F, AT, O) \
    TILE_ROWS_4(F, AT, O) F(4, 16, 17, AT, O) F(5, 18, 19, AT, O) F(6, 20, 21, AT, O) F(7, 22, 23, AT, O)
#define TILE_ROWS_12(F, AT, O) \
    TILE_ROWS_8(F, AT, O) F(8, 24, 25, AT, O) F(9, 26, 27, AT, O) F(10, 28, 29, AT, O) F(11, 30, 31, AT, O)
#define TILE_ZERO(r, x, y, AT, O) "vpxord %%zmm" #x ",%%zmm" #x ",%%zmm" #x "\n\tvpxord %%zmm" #y ",%%zmm" #y ",%%zmm" #y "\n\t"
#define TILE_FMA_1(r, x, y, AT, O) "vbroadcastss " AT(r, O) ",%%zmm2\n\tvfmadd231ps %%zmm0,%%zmm2,%%zmm" #x "\n\t"
#define TILE_FMA_2(r, x, y, AT, O) TILE_FMA_1(r, x, y, AT, O) "vfmadd231ps %%zmm1,%%zmm2,%%zmm" #y "\n\t"
#define TILE_LOAD_1 "vmovups (%[b]),%%zmm0\n\tadd %[sb],%[b]\n\t"
#define TILE_LOAD_2 "vmovups (%[b]),%%zmm0\n\tvmovups 64(%[b]),%%zmm1\n\tadd %[sb],%[b]\n\t"
#define TILE_STEP(R, W, AT, O) TILE_LOAD_##W TILE_ROWS_##R(TILE_FMA_##W, AT, O)
#define TILE_REGISTERS \
    "xmm0", "xmm1", "xmm2", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", \
    "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31"

#define TILE_AT(r, O) TILE_AT_##r
#define TILE_AT_0 "(%[a])"
#define TILE_AT_1 "(%[a],%[ar])"
#define TILE_AT_2 "(%[a],%[ar],2)"
#define TILE_AT_3 "(%[a],%[x3])"
#define TILE_AT_4 "(%[x4])"
#define TILE_AT_5 "(%[x4],%[ar])"
#define TILE_AT_6 "(%[x4],%[ar],2)"
#define TILE_AT_7 "(%[x4],%[x3])"
#define TILE_AT_8 "(%[x8])"
#define TILE_AT_9 "(%[x8],%[ar])"
#define TILE_AT_10 "(%[x8],%[ar],2)"
#define TILE_AT_11 "(%[x8],%[x3])"
#define TILE_NEXT_4 "add %[ak],%[a]\n\t"
#define TILE_NEXT_8 TILE_NEXT_4 "add %[ak],%[x4]\n\t"
#define TILE_NEXT_12 TILE_NEXT_8 "add %[ak],%[x8]\n\t"
#define TILE_GET_1(r, x, y, AT, O) "vmovups (%[x4]),%%zmm" #x "\n\tadd %[sc],%[x4]\n\t"
#define TILE_GET_2(r, x, y, AT, O) "vmovups (%[x4]),%%zmm" #x "\n\tvmovups 64(%[x4]),%%zmm" #y "\n\tadd %[sc],%[x4]\n\t"
#define TILE_PUT_1(r, x, y, AT, O) "vmovups %%zmm" #x ",(%[c])\n\tadd %[sc],%[c]\n\t"
#define TILE_PUT_2(r, x, y, AT, O) "vmovups %%zmm" #x ",(%[c])\n\tvmovups %%zmm" #y ",64(%[c])\n\tadd %[sc],%[c]\n\t"
#define TILE_ANY(R, W) \
    __asm__ volatile( \
        "shr $1,%[t]\n\tjc 6f\n\t" TILE_ROWS_##R(TILE_ZERO, , ) "jmp 7f\n6:\n\tmov %[c],%[x4]\n\t" TILE_ROWS_##R(TILE_GET_##W, , ) "7:\n\t" \
        "lea (%[ar],%[ar],2),%[x3]\n\tlea (%[a],%[ar],4),%[x4]\n\tlea (%[x4],%[ar],4),%[x8]\n\t" \
        "shr $1,%[t]\n\tjnc 2f\n\t" TILE_STEP(R, W, TILE_AT, ) TILE_NEXT_##R "2:\n\ttest %[t],%[t]\n\tjz 4f\n\t" \
        ".p2align 5\n1:\n\t" TILE_STEP(R, W, TILE_AT, ) TILE_NEXT_##R TILE_STEP(R, W, TILE_AT, ) TILE_NEXT_##R "dec %[t]\n\tjnz 1b\n4:\n\t" \
        TILE_ROWS_##R(TILE_PUT_##W, , ) \
        : [a] "+&r"(pa), [b] "+&r"(pb), [t] "+&r"(t), [c] "+&r"(pc), [x3] "=&r"(x3), [x4] "=&r"(x4), [x8] "=&r"(x8) \
        : [ar] "r"(4 * (ulong)ar), [ak] "r"(4 * (ulong)ak), [sb] "r"(4 * (ulong)sb), [sc] "r"(4 * (ulong)sc) \
        : "cc", "memory", TILE_REGISTERS)

/* The addresses of a, b and c. */
SG_FN void tile_any(ulong pa, i64 ar, i64 ak, ulong pb, i64 sb, i32 depth, i32 rows, bool wide, bool add, ulong pc, i64 sc) {
    ulong t = (ulong)depth * 2 + (add ? 1 : 0), x3, x4, x8;
    if (rows > 8) { if (wide) TILE_ANY(12, 2); else TILE_ANY(12, 1); }
    else if (rows > 4) { if (wide) TILE_ANY(8, 2); else TILE_ANY(8, 1); }
    else { if (wide) TILE_ANY(4, 2); else TILE_ANY(4, 1); }
}
#define TILE_FUNCTION(NAME, A, B, C) \
    SG_FN void NAME(const A f32 *a, i64 ar, i64 ak, const B f32 *b, i64 sb, i32 depth, i32 rows, bool wide, bool add, C f32 *c, i64 sc) { \
        tile_any((ulong)a, ar, ak, (ulong)b, sb, depth, rows, wide, add, (ulong)c, sc); \
    }
#else
/* 6 x 16 registers: twelve accumulators of 8 lanes, which AVX2 holds. */
typedef float8 __attribute__((aligned(4))) tile_f32x8_at;
#define TILE_FUNCTION(NAME, A, B, C) \
    SG_FN void NAME(const A f32 *a, i64 ar, i64 ak, const B f32 *b, i64 sb, i32 depth, i32 rows, bool wide, bool add, C f32 *c, i64 sc) { \
        for (i32 j = 0; j < (wide ? 32 : 16); j += 16) \
            for (i32 i = 0; i < rows; i += 6) { \
                float8 s[6][2]; \
                _Pragma("unroll") for (i32 r = 0; r < 6; r++) s[r][0] = s[r][1] = (float8)(0.0f); \
                if (add) { \
                    _Pragma("unroll") for (i32 r = 0; r < 6; r++) { \
                        s[r][0] = *(C tile_f32x8_at *)(c + (i + r) * sc + j); \
                        s[r][1] = *(C tile_f32x8_at *)(c + (i + r) * sc + j + 8); \
                    } \
                } \
                for (i32 t = 0; t < depth; t++) { \
                    float8 b0 = *(const B tile_f32x8_at *)(b + t * sb + j), b1 = *(const B tile_f32x8_at *)(b + t * sb + j + 8); \
                    _Pragma("unroll") for (i32 r = 0; r < 6; r++) { \
                        float8 x = (float8)(a[(i + r) * ar + t * ak]); \
                        s[r][0] += x * b0; \
                        s[r][1] += x * b1; \
                    } \
                } \
                _Pragma("unroll") for (i32 r = 0; r < 6; r++) { \
                    *(C tile_f32x8_at *)(c + (i + r) * sc + j) = s[r][0]; \
                    *(C tile_f32x8_at *)(c + (i + r) * sc + j + 8) = s[r][1]; \
                } \
            } \
    }
#endif

/* out[t * so + i] = rows[i * stride + t] for 16 rows and t < 4 * fours: 4 x 4 blocks, one per 128-bit lane. */
#ifdef V16_AVX512
#define TILE_QUAD(z, at) \
    "vmovups (%[p0]" at "),%%xmm" #z "\n\tvinsertf32x4 $1,(%[p4]" at "),%%zmm" #z ",%%zmm" #z "\n\t" \
    "vinsertf32x4 $2,(%[p8]" at "),%%zmm" #z ",%%zmm" #z "\n\tvinsertf32x4 $3,(%[p12]" at "),%%zmm" #z ",%%zmm" #z "\n\t"
SG_FN void tile_transpose_at(ulong p0, ulong stride, ulong out, ulong so, ulong fours) {
    ulong p4 = p0 + 4 * stride, p8 = p0 + 8 * stride, p12 = p0 + 12 * stride;
    if (fours == 0) return;
    __asm__ volatile(
        "1:\n\t" TILE_QUAD(0, "") TILE_QUAD(1, ",%[s]") TILE_QUAD(2, ",%[s],2") TILE_QUAD(3, ",%[s3]")
        "vunpcklps %%zmm1,%%zmm0,%%zmm4\n\tvunpckhps %%zmm1,%%zmm0,%%zmm5\n\t"
        "vunpcklps %%zmm3,%%zmm2,%%zmm6\n\tvunpckhps %%zmm3,%%zmm2,%%zmm7\n\t"
        "vunpcklpd %%zmm6,%%zmm4,%%zmm0\n\tvunpckhpd %%zmm6,%%zmm4,%%zmm1\n\t"
        "vunpcklpd %%zmm7,%%zmm5,%%zmm2\n\tvunpckhpd %%zmm7,%%zmm5,%%zmm3\n\t"
        "vmovups %%zmm0,(%[o])\n\tadd %[so],%[o]\n\tvmovups %%zmm1,(%[o])\n\tadd %[so],%[o]\n\t"
        "vmovups %%zmm2,(%[o])\n\tadd %[so],%[o]\n\tvmovups %%zmm3,(%[o])\n\tadd %[so],%[o]\n\t"
        "add $16,%[p0]\n\tadd $16,%[p4]\n\tadd $16,%[p8]\n\tadd $16,%[p12]\n\tdec %[n]\n\tjnz 1b"
        : [p0] "+r"(p0), [p4] "+r"(p4), [p8] "+r"(p8), [p12] "+r"(p12), [o] "+r"(out), [n] "+r"(fours)
        : [s] "r"(stride), [s3] "r"(3 * stride), [so] "r"(so)
        : "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7");
}
#define TILE_TRANSPOSE(NAME, FROM, TO) \
    SG_FN void NAME(const FROM f32 *rows, i64 stride, TO f32 *out, i64 so, i32 fours) { \
        tile_transpose_at((ulong)rows, 4 * (ulong)stride, (ulong)out, 4 * (ulong)so, (ulong)fours); \
    }
#else
#define TILE_TRANSPOSE(NAME, FROM, TO) \
    SG_FN void NAME(const FROM f32 *rows, i64 stride, TO f32 *out, i64 so, i32 fours) { \
        for (i32 t = 0; t < 4 * fours; t += 4) \
            for (i32 i = 0; i < 16; i += 4) { \
                float4 a = vload4(0, rows + i * stride + t), b = vload4(0, rows + (i + 1) * stride + t); \
                float4 c = vload4(0, rows + (i + 2) * stride + t), d = vload4(0, rows + (i + 3) * stride + t); \
                vstore4((float4)(a.x, b.x, c.x, d.x), 0, out + t * so + i); \
                vstore4((float4)(a.y, b.y, c.y, d.y), 0, out + (t + 1) * so + i); \
                vstore4((float4)(a.z, b.z, c.z, d.z), 0, out + (t + 2) * so + i); \
                vstore4((float4)(a.w, b.w, c.w, d.w), 0, out + (t + 3) * so + i); \
            } \
    }
#endif

#endif
