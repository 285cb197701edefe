/* Sums over the rows of each channel, and the affine maps per channel that follow from them, for CPU devices: formulas, arguments and bytes as in
   norm/channel_norm.gpu.cl.

   Work-group: one work-item; grid x: copies, y: pieces of the rows of a segment, z: segments: pieces of all copies follow each other, so that what copies share stays
   in the cache. Channels 64 at a time, rows inside; CHANNEL_BLOCK rows are added before the compensated sum takes them. */
#ifndef CHANNEL_BLOCK
#define CHANNEL_BLOCK 64 /* rows of a plain sum */
#endif
#include "lib/sums.h"
#include "lib/cpu/pieces.h"
#include "lib/cpu/vector16.h"
#include "norm/channel_norm.h"

#define CHANNEL_LOAD(p, row, c, count) v16_load_tail(V16_F32, p, (i64)(row) * channels + (c), count)

/* Lanes whose bit of the mask is set; channels are a multiple of 16 where there is a mask. */
SG_FN float16 channel_masked(const global u32 *mask, i64 at, float16 v) {
    const u32 bits = mask[at >> 5] >> (at & 31);
    const uint16 lanes = (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return as_float16(as_uint16(v) & (0u - (((uint16)(bits) >> lanes) & 1u)));
}

SG_FN void channel_sums(const int kind, const int masked, const global f32 *u, const global f32 *v, const global f32 *z, const global f32 *x, const global f32 *mean,
                        const global f32 *r, const global u32 *mask, global f32 *out, i64 first, i64 begin, i64 end, i64 channels) {
    for (i64 c = 0; c < channels; c += 16) {
        const i32 count = (i32)min((i64)16, channels - c);
        float16 hi0 = (float16)(0.0f), hi1 = hi0, hi2 = hi0, hi3 = hi0, lo0 = hi0, lo1 = hi0, lo2 = hi0, lo3 = hi0;
        const float16 shift = kind == CHANNEL_SPREAD ? CHANNEL_LOAD(u, 0, c, count) : hi0;
        const float16 centre = kind == CHANNEL_BOTH || kind == CHANNEL_PAIRS ? v16_load_tail(V16_F32, mean, c, count) : hi0;
        const float16 inverse = kind == CHANNEL_BOTH || kind == CHANNEL_PAIRS ? v16_load_tail(V16_F32, r, c, count) : hi0;
        for (i64 block = begin; block < end; block += CHANNEL_BLOCK) {
            float16 s0 = (float16)(0.0f), s1 = s0, s2 = s0, s3 = s0;
            for (i64 row = block; row < min(end, block + CHANNEL_BLOCK); row++) {
                const i64 at = (first + row) * channels + c;                /* within the tensor, for masks */
                if (kind == CHANNEL_SPREAD) {
                    const float16 a = CHANNEL_LOAD(u, row, c, count) - shift;
                    s0 += a;
                    s3 += a * a;
                }
                if (kind == CHANNEL_BOTH || kind == CHANNEL_PAIRS) {
                    float16 a = CHANNEL_LOAD(u, row, c, count);
                    if (masked) a = channel_masked(mask, at, a);
                    s0 += a;
                    s1 += a * ((CHANNEL_LOAD(x, row, c, count) - centre) * inverse);
                }
                if (kind == CHANNEL_PAIRS || kind == CHANNEL_SQUARES) {
                    float16 a = CHANNEL_LOAD(z, row, c, count);
                    const float16 b = CHANNEL_LOAD(v, row, c, count);
                    if (masked) a = channel_masked(mask, at, a);
                    s2 += a * b;
                    if (kind == CHANNEL_SQUARES) s3 += b * b;
                }
            }
            SG_TWO_SUM(float16, hi0, lo0, s0);
            SG_TWO_SUM(float16, hi1, lo1, s1);
            SG_TWO_SUM(float16, hi2, lo2, s2);
            SG_TWO_SUM(float16, hi3, lo3, s3);
        }
        v16_store_tail(V16_F32, out, c, hi0 + lo0, count);
        v16_store_tail(V16_F32, out, channels + c, hi1 + lo1, count);
        v16_store_tail(V16_F32, out, 2 * channels + c, hi2 + lo2, count);
        v16_store_tail(V16_F32, out, 3 * channels + c, hi3 + lo3, count);
    }
}

#define CHANNEL_SUMS(KIND, MASKED) channel_sums(KIND, MASKED, u, v, z, x, mean, r, mask, out, segment * rows, begin, end, channels)

kernel void channel_sums_f32(const global f32 *u, const global f32 *v, const global f32 *z, const global f32 *x, const global f32 *mean, const global f32 *r,
                             const global u32 *mask, global f32 *partials, i64 segments, i64 rows, i64 channels, i32 kind) {
    const i64 copy = get_group_id(0), piece = get_group_id(1), segment = get_group_id(2), pieces = get_num_groups(1), copies = get_num_groups(0);
    const i64 begin = rows * piece / pieces, end = rows * (piece + 1) / pieces, of_segment = segment * rows * channels;
    u += (copy * segments * rows) * channels + of_segment;
    v += (copy * segments * rows) * channels + of_segment;
    z += of_segment;
    x += of_segment;
    mean += segment * channels;
    r += segment * channels;
    global f32 *out = partials + ((piece * copies + copy) * segments + segment) * CHANNEL_SUMS_OF * channels;
    switch (kind) {
        case CHANNEL_SPREAD: CHANNEL_SUMS(CHANNEL_SPREAD, 0); break;
        case CHANNEL_BOTH: if (mask) CHANNEL_SUMS(CHANNEL_BOTH, 1); else CHANNEL_SUMS(CHANNEL_BOTH, 0); break;
        case CHANNEL_PAIRS: if (mask) CHANNEL_SUMS(CHANNEL_PAIRS, 1); else CHANNEL_SUMS(CHANNEL_PAIRS, 0); break;
        default: if (mask) CHANNEL_SUMS(CHANNEL_SQUARES, 1); else CHANNEL_SUMS(CHANNEL_SQUARES, 0);
    }
}

SG_FN void channel_apply(const int of_v, const int of_z, const int of_x, const int masks, const global f32 *u, const global f32 *v, const global f32 *z,
                         const global f32 *x, const global f32 *mean, const global f32 *terms, global u32 *mask, global f32 *y, i64 first, i64 begin, i64 end, i64 channels) {
    for (i64 block = begin; block < end; block += CHANNEL_BLOCK)
        for (i64 c = 0; c < channels; c += 16) {
            const i32 count = (i32)min((i64)16, channels - c);
            const float16 zero = (float16)(0.0f), on_u = v16_load_tail(V16_F32, terms, c, count), centre = of_x ? v16_load_tail(V16_F32, mean, c, count) : zero;
            const float16 on_v = of_v ? v16_load_tail(V16_F32, terms, channels + c, count) : zero;
            const float16 on_z = of_z ? v16_load_tail(V16_F32, terms, 2 * channels + c, count) : zero;
            const float16 on_x = of_x ? v16_load_tail(V16_F32, terms, 3 * channels + c, count) : zero;
            const float16 rest = v16_load_tail(V16_F32, terms, 4 * channels + c, count);
            for (i64 row = block; row < min(end, block + CHANNEL_BLOCK); row++) {
                const i64 at = (first + row) * channels + c;
                float16 sum = rest;
                if (u) {
                    float16 a = CHANNEL_LOAD(u, row, c, count);
                    if (masks & CHANNEL_MASK_COTANGENTS) a = channel_masked(mask, at, a);
                    sum += on_u * a;
                }
                if (of_v) sum += on_v * CHANNEL_LOAD(v, row, c, count);
                if (of_z) {
                    float16 a = CHANNEL_LOAD(z, row, c, count);
                    if (masks & CHANNEL_MASK_COTANGENTS) a = channel_masked(mask, at, a);
                    sum += on_z * a;
                }
                if (of_x) sum += on_x * (CHANNEL_LOAD(x, row, c, count) - centre);
                if (masks & CHANNEL_MASK_RESULT) sum = channel_masked(mask, at, sum);
                if (masks & CHANNEL_WRITE_MASK) {
                    ((global u16 *)mask)[at >> 4] = (u16)sg_bits16(as_uint16(sum > 0.0f) & 1u);
                    sum = select(sum, zero, sum < 0.0f);
                }
                v16_store_tail(V16_F32, y, (i64)row * channels + c, sum, count);
            }
        }
}

#define CHANNEL_APPLY(V, Z, X, MASKS) \
    channel_apply(V, Z, X, MASKS, u, v, z, x, mean, terms, mask, y, segment * rows, rows * piece / pieces, rows * (piece + 1) / pieces, channels)
#define CHANNEL_APPLY_MASKS(V, Z, X) \
    switch (masks) { \
        case 0: CHANNEL_APPLY(V, Z, X, 0); break; \
        case CHANNEL_WRITE_MASK: CHANNEL_APPLY(V, Z, X, CHANNEL_WRITE_MASK); break; \
        case CHANNEL_MASK_COTANGENTS: CHANNEL_APPLY(V, Z, X, CHANNEL_MASK_COTANGENTS); break; \
        default: CHANNEL_APPLY(V, Z, X, CHANNEL_MASK_RESULT); \
    }

kernel void channel_apply_f32(const global f32 *u, const global f32 *v, const global f32 *z, const global f32 *x, const global f32 *mean, const global f32 *terms,
                              global u32 *mask, global f32 *y, i64 segments, i64 rows, i64 channels, i32 masks) {
    const i64 copy = get_group_id(0), piece = get_group_id(1), segment = get_group_id(2), pieces = get_num_groups(1);
    const i64 of_segment = segment * rows * channels, of_copy = copy * segments * rows * channels + of_segment;
    const int has_v = v != 0, has_z = z != 0, has_x = x != 0;
    if (u) u += of_copy;
    v += of_copy;
    y += of_copy;
    z += of_segment;
    x += of_segment;
    mean += segment * channels;
    terms += (copy * segments + segment) * CHANNEL_TERMS * channels;
    if (has_v) {
        if (has_z) CHANNEL_APPLY_MASKS(1, 1, 1) else CHANNEL_APPLY_MASKS(1, 0, 1)
    } else if (has_z) {
        if (has_x) CHANNEL_APPLY_MASKS(0, 1, 1) else CHANNEL_APPLY_MASKS(0, 1, 0)
    } else if (has_x) CHANNEL_APPLY_MASKS(0, 0, 1)
    else CHANNEL_APPLY_MASKS(0, 0, 0)
}
