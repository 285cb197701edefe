/* 16-bit floats, stored as u16. Every conversion is integer arithmetic or an exact fp32 operation on normal numbers, so a device that
   flushes subnormals, and both dialects, give the same bits.
     bf16: s eeeeeeee mmmmmmm     (fp32 without its low 16 bits)
     f16:  s eeeee mmmmmmmmmm     (bias 15, subnormals below 2^-14)
   To 16 bits: round to nearest, ties to even; overflow gives infinity; NaN stays NaN (made quiet, upper payload kept). */
#ifndef SG_LIB_NUMBERS_H
#define SG_LIB_NUMBERS_H
#include "lib/dialect.h"

SG_FN f32 sg_bf16_to_f32(u16 h) { return SG_BITS_TO_F32((u32)h << 16); }

SG_FN u16 sg_f32_to_bf16(f32 x) {
    u32 bits = SG_F32_TO_BITS(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (u16)((bits >> 16) | 0x0040u);
    return (u16)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

SG_FN f32 sg_f16_to_f32(u16 h) {
    u32 sign = (u32)(h & 0x8000u) << 16;
    u32 shifted = (u32)(h & 0x7fffu) << 13;
    u32 exponent = h & 0x7c00u;
    u32 bits = shifted + 0x38000000u;                                 /* exponent bias 15 to 127 */
    if (exponent == 0x7c00u) bits += 0x38000000u;                     /* infinity, NaN */
    if (exponent == 0u)                                               /* m * 2^-24, as (2^-14 + m * 2^-24) - 2^-14 */
        bits = SG_F32_TO_BITS(SG_BITS_TO_F32(shifted + 0x38800000u) - SG_BITS_TO_F32(0x38800000u));
    return SG_BITS_TO_F32(bits | sign);
}

SG_FN u16 sg_f32_to_f16(f32 x) {
    u32 bits = SG_F32_TO_BITS(x);
    u32 sign = (bits >> 16) & 0x8000u;
    u32 magnitude = bits & 0x7fffffffu;
    u32 half_bits;
    if (magnitude > 0x7f800000u) {
        half_bits = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
    } else if (magnitude >= 0x47800000u) {                            /* 65536 and above; 65520..65536 round up below */
        half_bits = 0x7c00u;
    } else if (magnitude >= 0x38800000u) {                            /* normal: 2^-14 and above */
        half_bits = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
    } else if (magnitude >= 0x33000000u) {                            /* subnormal: 2^-25 and above */
        u32 shift = 126u - (magnitude >> 23);
        u32 mantissa = (magnitude & 0x7fffffu) | 0x800000u;
        u32 rest = mantissa & ((1u << shift) - 1u);
        u32 tie = 1u << (shift - 1u);
        half_bits = mantissa >> shift;
        if (rest > tie || (rest == tie && (half_bits & 1u) != 0u)) half_bits += 1u;
    } else {
        half_bits = 0u;
    }
    return (u16)(sign | half_bits);
}

#endif
