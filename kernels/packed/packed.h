/* Weights packed at 2, 3, 4 or 8 bits: how a code is found and what it stands for. docs/packed-weights.md has the format.

   A row of W [N, K] is a bit stream, least significant bit first: code k occupies bits [k B, (k + 1) B) of the row's 32-bit words.
   Groups of `group` consecutive elements of a row share a step s and a centre c (0 when symmetric), so that

     w[n, k] = fma(s[n, k / group], code - 2^(B-1), c[n, k / group])      rounded once, to fp32

   Rows (the layout on disk): ceil(K B / 32) words per row, one row after the other; steps and centres [N, ceil(K / group)].
   Panels (what the products read): 16 rows interleaved, word j of row n at ((n / 16) * width + j) * 16 + n % 16, likewise steps and
   centres. width = B * ceil(K / 32): units of 32 elements are whole, whatever K; what lies beyond N or K is zeros. */
#ifndef SG_PACKED_PACKED_H
#define SG_PACKED_PACKED_H
#include "lib/dialect.h"

#define PACKED_ROWS 16 /* rows of a panel: the lanes of a CPU's vector, four 16-byte loads of a GPU */
#define PACKED_UNIT 32 /* elements whose codes fill whole words at every width */

SG_FN i64 packed_row_width(const int bits, i64 k) { return (k * bits + 31) >> 5; }
SG_FN i64 packed_panel_width(const int bits, i64 k) { return ((k + 31) >> 5) * bits; }
SG_FN i64 packed_groups(i64 k, i32 group) { return (k + group - 1) / group; }

/* The bits of `low` from `shift` on, and above them those of `high` that are in `kept`; further bits are undefined. shift > 8, kept < 2^24. */
SG_FN u32 packed_straddle(u32 low, u32 high, u32 shift, u32 kept) {
#ifdef SG_PORTABLE /* Oclgrind has no funnel shift, which LLVM makes of the other form: a call stands in its way */
    return mad24(high & kept, 1u << ((32u - shift) & 31u), low >> shift);
#else
    return low >> shift | high << ((32u - shift) & 31u);
#endif
}

/* Code k of a row whose words are `stride` apart. */
SG_FN u32 packed_code(const int bits, const SG_GLOBAL u32 *row, i64 stride, i64 k) {
    const i64 bit = k * bits;
    const u32 shift = (u32)bit & 31u;
    u32 word = row[(bit >> 5) * stride] >> shift;
    if (bits == 3 && shift > 29u) word |= row[((bit >> 5) + 1) * stride] << (32u - shift); /* only 3-bit codes straddle words */
    return word & ((1u << bits) - 1u);
}

SG_FN f32 packed_centred(const int bits, u32 code) { return (f32)((i32)code - (1 << (bits - 1))); }

SG_FN f32 packed_value(const int bits, u32 code, f32 step, f32 centre) { return sg_fma(step, packed_centred(bits, code), centre); }

#endif
