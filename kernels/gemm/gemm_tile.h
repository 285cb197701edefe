/* The inner loop of gemm/gemm.cpu.cl, which defines GEMM_KC, GEMM_MR, GEMM_NR and GEMM_LDP before it includes this file.

   Register tile: acc[r][j] = sum over t < kc, in order, of a(r, t) * b[t * sb + j], r < 12, j < 32.
     a(r, t) = a[r * GEMM_LDP + t], or a[t * 12 + r] where A is transposed.
   It is the tile of lib/cpu/tile.h with strides of A that are constants, so that one address serves all rows. */
#ifndef SG_GEMM_GEMM_TILE_H
#define SG_GEMM_GEMM_TILE_H
#include "lib/dialect.h"
#include "lib/cpu/tile.h"
#include "lib/cpu/vector16.h"

#ifdef V16_AVX512
#define GEMM_TEXT_(x) #x
#define GEMM_TEXT(x) GEMM_TEXT_(x)
/* Addresses of A by rows and by columns. */
#define GEMM_AT_N(r, O) #r "*4*(" GEMM_TEXT(GEMM_KC) "+16)+" O "*4(%[a])"
#define GEMM_AT_T(r, O) #r "*4+" O "*48(%[a])"
#define GEMM_PUT_1(r, x, y, AT, O) "vmovups %%zmm" #x ",128*" #r "(%[c])\n\t"
#define GEMM_PUT_2(r, x, y, AT, O) GEMM_PUT_1(r, x, y, AT, O) "vmovups %%zmm" #y ",128*" #r "+64(%[c])\n\t"
#define GEMM_TILE(R, W, AT, AK) \
    __asm__ volatile( \
        TILE_ROWS_##R(TILE_ZERO, , ) \
        "mov %[t],%%r8\n\tshr $2,%%r8\n\tjz 2f\n\t" \
        ".p2align 5\n1:\n\t" \
        TILE_STEP(R, W, AT, "0") TILE_STEP(R, W, AT, "1") TILE_STEP(R, W, AT, "2") TILE_STEP(R, W, AT, "3") \
        "add $4*" AK ",%[a]\n\tdec %%r8\n\tjnz 1b\n" \
        "2:\tand $3,%[t]\n\tjz 4f\n3:\n\t" \
        TILE_STEP(R, W, AT, "0") \
        "add $" AK ",%[a]\n\tdec %[t]\n\tjnz 3b\n4:\n\t" \
        TILE_ROWS_##R(GEMM_PUT_##W, , ) \
        : [a] "+r"(pa), [b] "+r"(pb), [t] "+r"(t) : [c] "r"(acc), [sb] "r"(sb) : "r8", "cc", "memory", TILE_REGISTERS)
#define GEMM_TILES(AT, AK) \
    if (rows > 8) { if (wide) GEMM_TILE(12, 2, AT, AK); else GEMM_TILE(12, 1, AT, AK); } \
    else if (rows > 4) { if (wide) GEMM_TILE(8, 2, AT, AK); else GEMM_TILE(8, 1, AT, AK); } \
    else { if (wide) GEMM_TILE(4, 2, AT, AK); else GEMM_TILE(4, 1, AT, AK); }

SG_FN void gemm_tile(const int trans_a, const local f32 *a, ulong pb, ulong sb, i32 kc, i32 rows, i32 wide, local f32 *acc) {
    const local f32 *pa = a;
    ulong t = (ulong)kc;
    if (trans_a) { GEMM_TILES(GEMM_AT_T, "48") }
    else { GEMM_TILES(GEMM_AT_N, "4") }
}
#else
TILE_FUNCTION(gemm_tile_ll, local, local, local)
TILE_FUNCTION(gemm_tile_lg, local, global, local)
#define GEMM_PORTABLE_TILE(NAME, TILE, SPACE) \
    SG_FN void NAME(const int trans_a, const local f32 *a, const SPACE f32 *b, i64 sb, i32 kc, i32 rows, i32 wide, local f32 *acc) { \
        TILE(a, trans_a ? 1 : GEMM_LDP, trans_a ? GEMM_MR : 1, b, sb, kc, rows, wide, false, acc, GEMM_NR); \
    }
GEMM_PORTABLE_TILE(gemm_tile_local, gemm_tile_ll, local)
GEMM_PORTABLE_TILE(gemm_tile_global, gemm_tile_lg, global)
#endif

/* Of 16 rows in memory, or of 16 staged ones. */
TILE_TRANSPOSE(gemm_transpose_global, global, local)
TILE_TRANSPOSE(gemm_transpose, private, local)

#endif
