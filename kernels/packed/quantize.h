/* Rounding weights to codes, finding a group's step and unpacking: what both dialects and the CPU variant share. The dialects supply
   QUANT_STORE4(p, v): four floats to p, which is 16-byte aligned, in one access. */
#ifndef SG_PACKED_QUANTIZE_H
#define SG_PACKED_QUANTIZE_H
#include "packed/packed.h"

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

/* One 32-bit word of a row's stream; adds the squared errors of the codes that start in it. Step, centre and reciprocal are found once
   per group: a division each would cost more than the rounding. */
SG_FN u32 quant_word(const int bits, const SG_GLOBAL f32 *w, const SG_GLOBAL f32 *scales, const SG_GLOBAL f32 *offsets, i64 word, i32 k,
                     i32 group, f32 *error) {
    const i64 first_bit = word * 32;
    i32 e = bits == 3 ? (i32)((u32)first_bit / 3u) : (i32)word * (32 / bits);
    u32 g = (u32)e / (u32)group, group_end = (g + 1u) * (u32)group, out = 0;
    f32 s = scales[g], c = offsets ? offsets[g] : 0.0f, reciprocal = quant_reciprocal(s);
    for (i32 at = (i32)((i64)e * bits - first_bit); e < k && at < 32; e++, at += bits) {
        if ((u32)e == group_end) {
            g++;
            group_end += (u32)group;
            s = scales[g];
            c = offsets ? offsets[g] : 0.0f;
            reciprocal = quant_reciprocal(s);
        }
        const f32 x = w[e], q = quant_centred(bits, x, reciprocal, c);
        const u32 code = (u32)((i32)q + (1 << (bits - 1)));
        out |= at >= 0 ? code << at : code >> -at;
        if (at >= 0) {
            const f32 d = quant_finite(x) ? x - sg_fma(s, q, c) : SG_BITS_TO_F32(0x7fc00000u);
            *error = sg_fma(d, d, *error);
        }
    }
    return out;
}

/* ---- Unpacking: a work-item takes DEQUANT_QUADS times four neighbouring weights, a work-group of them apart. It loads for all before it
   decodes any, on a path without branches: the loads are under way together, and one that nobody needs costs less than a test. ---- */
#define DEQUANT_THREADS 256
#define DEQUANT_QUADS 4

/* Four weights e .. e + 3 of `row`, e a multiple of 4: where their words, steps and centres are, and what is there. */
typedef struct {
    i64 row;
    i32 e;
    u32 low, high;
    f32 step, centre;
} DequantQuad;

SG_FN int quant_aligned16(const SG_GLOBAL void *p) { return ((u64)p & 15u) == 0; }

/* Words, steps and centres are those of the quad's row, `stride` apart; beyond k are zeros or the next quad's. */
SG_FN void dequant_load(const int bits, const int centred, const SG_GLOBAL u32 *words, const SG_GLOBAL f32 *scales, const SG_GLOBAL f32 *offsets,
                        i64 stride, i32 k, i32 group, DequantQuad *quad) {
    const i32 e = quad->e < k ? quad->e : k - 1;
    const i64 word = ((i64)e * bits) >> 5, last = ((i64)k * bits - 1) >> 5, g = (i64)((u32)e / (u32)group) * stride;
    quad->low = words[word * stride];
    quad->high = bits == 3 ? words[(word < last ? word + 1 : word) * stride] : 0u;
    quad->step = scales[g];
    quad->centre = centred ? offsets[g] : 0.0f;
}
SG_FN f32 dequant_one(const int bits, const DequantQuad *quad, const int i) {
    const u32 shift = (u32)((i64)quad->e * bits) & 31u;
    u32 codes = quad->low >> shift;
    if (bits == 3 && shift > 20u) codes |= quad->high << (32u - shift);
    return packed_value(bits, codes >> (bits * i) & ((1u << bits) - 1u), quad->step, quad->centre);
}
SG_FN void dequant_store(const int bits, const DequantQuad *quad, SG_GLOBAL f32 *weights, i32 k, int wide) {
    SG_GLOBAL f32 *to = weights + quad->row * k + quad->e;
    float4 v;
    v.x = dequant_one(bits, quad, 0);
    v.y = dequant_one(bits, quad, 1);
    v.z = dequant_one(bits, quad, 2);
    v.w = dequant_one(bits, quad, 3);
    if (wide) {
        QUANT_STORE4(to, v);
        return;
    }
    to[0] = v.x;
    if (quad->e + 1 < k) to[1] = v.y;
    if (quad->e + 2 < k) to[2] = v.z;
    if (quad->e + 3 < k) to[3] = v.w;
}

/* Where quad j of a work-item is. From rows, neighbouring work-items take neighbouring quads of a row. From panels, eight take a unit of 32
   weights and 128 a unit of all 16 rows: whole lines of what is written, and what is read is used up by one work-group. One division by the
   number of quads or units of a row has 64 bits. */
SG_FN void dequant_place(const int panels, i64 block, i32 thread, i64 n, i32 k, DequantQuad *quads) {
    const i64 first = block * (DEQUANT_QUADS * DEQUANT_THREADS) + thread, index = panels ? first >> 7 : first;
    const u32 across = panels ? ((u32)k + 31u) >> 5 : ((u32)k + 3u) >> 2, apart = panels ? DEQUANT_THREADS >> 7 : DEQUANT_THREADS;
    const i64 row = index / across, rows = panels ? (n + 15) >> 4 : n;
    const u32 begin = (u32)(index - row * across);
#pragma unroll
    for (int j = 0; j < DEQUANT_QUADS; j++) {
        const u32 column = begin + (u32)j * apart, down = column / across;
        const i64 at = row + down;
        quads[j].row = panels ? at * 16 + (thread >> 3 & 15) : at;
        quads[j].e = panels ? (i32)(column - down * across) * 32 + 4 * (thread & 7) : (i32)(column - down * across) * 4;
        if (at >= rows) quads[j].row = -1;
    }
}

/* Where row `row` of a matrix of words, steps or centres begins. */
SG_FN i64 dequant_begin(const int panels, i64 row, i64 width) { return panels ? (row >> 4) * width * 16 + (row & 15) : row * width; }

SG_FN void dequant(const int bits, const int panels, const int centred, const SG_GLOBAL u32 *words, const SG_GLOBAL f32 *scales,
                   const SG_GLOBAL f32 *offsets, SG_GLOBAL f32 *weights, i64 n, i32 k, i32 group, i64 block, i32 thread) {
    const i64 width = panels ? packed_panel_width(bits, k) : packed_row_width(bits, k), groups = ((u32)k + (u32)group - 1u) / (u32)group;
    const i64 stride = panels ? 16 : 1;
    const int wide = (k & 3) == 0 && quant_aligned16(weights);
    DequantQuad quads[DEQUANT_QUADS];
    dequant_place(panels, block, thread, n, k, quads);
    if ((group & 3) != 0) {                                           /* a quad's weights are of several groups */
        for (int i = 0; i < 4 * DEQUANT_QUADS; i++) {
            const i64 row = quads[i >> 2].row, g = dequant_begin(panels, row, groups);
            const i32 e = quads[i >> 2].e + (i & 3);
            if (row < 0 || row >= n || e >= k) continue;
            const i64 at = g + (i64)((u32)e / (u32)group) * stride;
            const u32 code = packed_code(bits, words + dequant_begin(panels, row, width), stride, e);
            weights[row * k + e] = packed_value(bits, code, scales[at], centred ? offsets[at] : 0.0f);
        }
        return;
    }
#pragma unroll
    for (int j = 0; j < DEQUANT_QUADS; j++) {
        const i64 row = quads[j].row < 0 ? 0 : quads[j].row, g = dequant_begin(panels, row, groups);
        dequant_load(bits, centred, words + dequant_begin(panels, row, width), scales + g, centred ? offsets + g : 0, stride, k, group, &quads[j]);
    }
#pragma unroll
    for (int j = 0; j < DEQUANT_QUADS; j++) {
        if (quads[j].row >= 0 && quads[j].row < n && quads[j].e < k) dequant_store(bits, &quads[j], weights, k, wide);
    }
}
#define DEQUANTIZE(BITS, PANELS, BLOCK, THREAD)                                                           \
    if (offsets) dequant(BITS, PANELS, 1, words, scales, offsets, weights, n, (i32)k, group, BLOCK, THREAD); \
    else dequant(BITS, PANELS, 0, words, scales, offsets, weights, n, (i32)k, group, BLOCK, THREAD)

/* Word j of row n to or from its place in panels. */
SG_FN i64 repack_place(i64 row, i64 j, i64 panel_width) { return ((row >> 4) * panel_width + j) * 16 + (row & 15); }

#endif
