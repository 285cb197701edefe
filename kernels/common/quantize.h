/* Rounding weights to codes and finding a group's step: the arithmetic that both dialects and the CPU variant share. */
#ifndef SG_QUANTIZE_H
#define SG_QUANTIZE_H
#include "common/packed.h"

#define QUANT_TRIALS 25           /* clips tried: the range times 1, 31/32 ... 8/32 */
#define QUANT_LEAST_STEP 0x1p-100f /* a smaller step counts as 0, so that neither its reciprocal nor its product with 2^-20 leaves fp32 */
#define QUANT_ROUND 12582912.0f   /* 1.5 * 2^23: adding and subtracting it rounds to the nearest integer, ties to even */
#define QUANT_LARGEST 3.402823466e38f

SG_FN int quant_finite(f32 x) { return sg_fabs(x) <= QUANT_LARGEST; }
SG_FN f32 quant_reciprocal(f32 step) { return step == 0.0f ? 0.0f : 1.0f / step; }

/* The centred code nearest to x; 0 for NaN. */
SG_FN f32 quant_centred(const int bits, f32 x, f32 reciprocal, f32 centre) {
    const f32 half_range = (f32)(1 << (bits - 1));
    f32 q = (x - centre) * reciprocal;
    q = q >= -half_range ? q : q < -half_range ? -half_range : 0.0f;
    q = q > half_range - 1.0f ? half_range - 1.0f : q;
    return (q + QUANT_ROUND) - QUANT_ROUND;
}

/* The smallest step that clips nothing. Asymmetric: the levels are centred on the middle of the range. Symmetric: the one code more that
   negative values have goes to the side that `sign` says, by a step of that sign. */
SG_FN f32 quant_base(const int bits, f32 low, f32 high, int symmetric, f32 sign) {
    const f32 half_range = (f32)(1 << (bits - 1));
    if (!symmetric) return (0.5f * high - 0.5f * low) * (2.0f / (2.0f * half_range - 1.0f));
    const f32 up = sign > 0.0f ? high : -low, down = sign > 0.0f ? -low : high;
    return sg_fmax(up / (half_range - 1.0f), down / half_range);
}
SG_FN f32 quant_trial(f32 base, int i) { return base * (1.0f - (f32)i * 0.03125f); }
SG_FN f32 quant_centre(f32 low, f32 high, int symmetric, f32 step) {
    return symmetric ? 0.0f : (0.5f * high + 0.5f * low) + 0.5f * step;
}

#define QUANT_FIT(ERROR)                                                                \
    {                                                                                   \
        f32 best = -1.0f;                                                               \
        *step = 0.0f;                                                                   \
        *centre = quant_centre(low, high, symmetric, 0.0f);                             \
        for (int side = 0; side < (symmetric ? 2 : 1); side++) {                        \
            const f32 sign = side == 0 ? 1.0f : -1.0f;                                  \
            const f32 base = quant_base(bits, low, high, symmetric, sign);              \
            if (!(base >= QUANT_LEAST_STEP)) continue;                                  \
            for (int i = 0; i < QUANT_TRIALS; i++) {                                    \
                const f32 s = sign * quant_trial(base, i);                              \
                const f32 c = quant_centre(low, high, symmetric, s);                    \
                const f32 error = ERROR;                                                \
                if (best < 0.0f || error < best) {                                      \
                    best = error;                                                       \
                    *step = s;                                                          \
                    *centre = c;                                                        \
                }                                                                       \
            }                                                                           \
        }                                                                               \
    }

SG_FN f32 quant_error(const int bits, const SG_GLOBAL f32 *w, i32 count, f32 s, f32 c) {
    const f32 reciprocal = quant_reciprocal(s);
    f32 sum = 0.0f;
    for (i32 i = 0; i < count; i++) {
        const f32 d = w[i] - sg_fma(s, quant_centred(bits, w[i], reciprocal, c), c);
        sum = sg_fma(d, d, sum);
    }
    return sum;
}

/* Step and centre of a group: 0 and 0 if a weight is not finite, step 0 if all are equal (asymmetric) or 0. */
SG_FN void quant_fit(const int bits, const SG_GLOBAL f32 *w, i32 count, int symmetric, f32 *step, f32 *centre) {
    f32 low = w[0], high = w[0];
    i32 finite = 1;
    for (i32 i = 0; i < count; i++) {
        low = sg_fmin(low, w[i]);
        high = sg_fmax(high, w[i]);
        finite &= quant_finite(w[i]);
    }
    if (!finite) low = high = 0.0f;
    QUANT_FIT(quant_error(bits, w, count, s, c))
}

/* One 32-bit word of a row's stream; adds the squared errors of the codes that start in it. */
SG_FN u32 quant_word(const int bits, const SG_GLOBAL f32 *w, const SG_GLOBAL f32 *scales, const SG_GLOBAL f32 *offsets, i64 word, i32 k,
                     i32 group, f32 *error) {
    const i64 first_bit = word * 32;
    i64 e = first_bit / bits;
    u32 out = 0;
    for (; e < k && e * bits < first_bit + 32; e++) {
        const i32 g = (i32)e / group;
        const f32 s = scales[g], c = offsets ? offsets[g] : 0.0f;
        const f32 q = quant_centred(bits, w[e], quant_reciprocal(s), c);
        const u32 code = (u32)((i32)q + (1 << (bits - 1)));
        const i32 at = (i32)(e * bits - first_bit);
        out |= at >= 0 ? code << at : code >> -at;
        if (at >= 0) {
            const f32 d = quant_finite(w[e]) ? w[e] - sg_fma(s, q, c) : SG_BITS_TO_F32(0x7fc00000u);
            *error = sg_fma(d, d, *error);
        }
    }
    return out;
}

/* Word j of row n to or from its place in panels. */
SG_FN i64 repack_place(i64 row, i64 j, i64 panel_width) { return ((row >> 4) * panel_width + j) * 16 + (row & 15); }

#endif
