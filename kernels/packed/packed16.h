/* Packed weights sixteen at a time, for CPU devices: a register holds one 32-bit word of each of a panel's 16 rows, or the codes of 16
   consecutive elements of one row.

   Fast decoding: a code stays where it is in its word. Masked and joined with the exponent of 2^23 it is the float 2^23 + 2^p code (p, its
   bit position, at most 20), and one subtraction leaves exactly 2^p (code - 2^(B-1)). The factor 2^p goes into the activation, which is
   multiplied by 2^-p once per row: it depends on k mod 32 only. Two instructions per 16 weights; codes above bit 22 share one shift. */
#ifndef SG_PACKED_PACKED16_H
#define SG_PACKED_PACKED16_H
#include "packed/packed.h"

#define PACKED16_LANES ((uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#define PACKED16_HIGH 12 /* right shift for codes that do not fit below bit 23 */

/* Bit position of code i of a unit when it is decoded; the two 3-bit codes that straddle words are joined at position 0. */
SG_FN int packed16_position(const int bits, const int i) {
    const int shift = (i * bits) & 31;
    if (shift + bits > 32) return 0;
    return shift + bits > 23 ? shift - PACKED16_HIGH : shift;
}

/* 2^p (code - 2^(B-1)) of code i (a constant) of 16 rows; `words` are the words that hold it, the first of them word `first` of the unit. */
SG_FN float16 packed16_decode(const int bits, const uint16 *words, const int first, const int i) {
    const int bit = i * bits, j = (bit >> 5) - first, shift = bit & 31;
    const int p = packed16_position(bits, i);
    const uint mask = ((1u << bits) - 1u) << (uint)p;
    uint16 v;
    if (shift + bits > 32) v = (words[j] >> (uint)shift) | (words[j + 1] << (uint)(32 - shift));
    else if (shift + bits > 23) v = words[j] >> (uint)PACKED16_HIGH;
    else v = words[j];
    return as_float16((v & mask) | 0x4b000000u) - (8388608.0f + (f32)(1u << (uint)(p + bits - 1)));
}

/* 2^-p for elements k .. k + 15 of a row, k a multiple of 16. */
SG_FN float16 packed16_factors(const int bits, i32 k) {
    const uint16 shift = ((PACKED16_LANES + (uint)(k & 16)) * (uint)bits) & 31u;
    const uint16 p = select(select(shift, shift - PACKED16_HIGH, shift + (uint)bits > 23u), (uint16)(0u), shift + (uint)bits > 32u);
    return as_float16((127u - p) << 23u);
}

/* The code of element k in each row of a panel, in the low bits; other bits are what they are. */
SG_FN uint16 packed16_codes(const int bits, const global u32 *panel, i64 k) {
    const i64 bit = k * bits;
    const u32 shift = (u32)bit & 31u;
    uint16 v = vload16(bit >> 5, panel) >> shift;
    if (bits == 3 && shift > 29u) v |= vload16((bit >> 5) + 1, panel) << (32u - shift);
    return v;
}

SG_FN float16 packed16_centred(const int bits, uint16 codes) {
    return convert_float16(as_int16(codes & ((1u << bits) - 1u)) - (1 << (bits - 1)));
}

/* The first n of 16 elements, the rest 0; reads no byte beyond them. */
SG_FN float16 packed16_load(const global f32 *p, i32 n) {
    if (n >= 16) return vload16(0, p);
    f32 t[16];
#pragma unroll
    for (i32 e = 0; e < 16; e++) t[e] = 0.0f;
    for (i32 e = 0; e < n; e++) t[e] = p[e];
    return vload16(0, t);
}

SG_FN void packed16_store(float16 v, global f32 *p, i32 n) {
    if (n >= 16) {
        vstore16(v, 0, p);
        return;
    }
    f32 t[16];
    vstore16(v, 0, t);
    for (i32 e = 0; e < n; e++) p[e] = t[e];
}

/* In a fixed order: halves on halves. */
SG_FN f32 packed16_sum(float16 v) {
    const float8 a = v.lo + v.hi;
    const float4 b = a.lo + a.hi;
    return (b.x + b.z) + (b.y + b.w);
}

#endif
