/* The activation codec: n values in 1, 2, 4 or 8 bits, by stochastic rounding on a grid per group (codec/codec.h), in one pass.

     codec_packB_M            codes[i] = ((x[i] - minimum) scale in 16-bit fixed point + r[i]) >> 16, B bits, metadata M = f32 or bf16
     codec_unpackB_M          x[i] = minimum + step codes[i], one rounding
     codec_row_variance_f32   variance[row] = sum of step^2 p (1 - p) over the row, exact: what the rounding adds to each x[i] in the mean square

   A group is G consecutive elements, the last one may be short. G = `group`: 64, 128, 256, 512 or 1024.
   x: [n]. codes: u32[ceil(n B / 32)], element i in bits i B % 32 .. of word i B / 32, lowest first, unused bits 0; so each group starts a word.
   metadata: (minimum, step) per group: two f32, or one u32 with the bf16 minimum in its low half. state (null if nearest), stream: lib/philox.h; element i takes 16 bits,
   half i % 2 (low first) of word i / 2 % 4 of block i / 8. nearest != 0: r = 2^15 instead.
   A group with an infinity or a NaN, of a range above 2^126 or a grid that leaves fp32, decodes to NaN throughout, its codes are 0, and bit 0 of flags[0] is set.
   segments: null, or f32[groups + rows] for rows of rowLength elements: [group + row] = the sum of step^2 p (1 - p) over their common elements, where
   they have some; other entries are left alone; NaN where the group is. It is summed in integers; row_variance adds entries l, l + 32, ... into lane l and the lanes by halves.

   Work-group: 1, with a run of groups, 64 elements at a time from 8 Philox blocks; a group is read twice, the second time from L1. Bytes per element, B = 4, G = 256, f32 metadata: 4.53 either
   way. About 13 operations per element to pack, 2 to unpack. Source: ActNN and GACT for groups and rounding; the grid is our own. */
#include "codec/codec.h"
#include "codec/codec_cpu.h"
#include "lib/cpu/philox.h"

#ifndef AHEAD
#define AHEAD 768 /* elements by which memory is asked for before it is read: a group's first pass is over too soon for the hardware to notice */
#endif

SG_FN f32 codec_min(f32 a, f32 b) { return b < a ? b : a; }
SG_FN f32 codec_max(f32 a, f32 b) { return b > a ? b : a; }

SG_FN void codec_put_metadata(sg_grid grid, const i32 bf16, global u32 *metadata, global u32 *flags, i64 g) {
    if (bf16) {
        metadata[g] = SG_F32_TO_BITS(grid.minimum) >> 16 | (SG_F32_TO_BITS(grid.step) & 0xFFFF0000u);
    } else {
        metadata[2 * g] = SG_F32_TO_BITS(grid.minimum);
        metadata[2 * g + 1] = SG_F32_TO_BITS(grid.step);
    }
    if (grid.scale == 0.0f) atomic_or((volatile global u32 *)flags, SG_FLAG_NON_FINITE);
}

/* The last group when it is short: element by element. */
SG_FN void codec_pack_short(const i32 bits, const i32 bf16, sg_random_key key, i32 nearest, const global f32 *x, global u32 *codes, i64 begin, i64 n,
                            sg_grid *result) {
    f32 low = INFINITY, high = -INFINITY, defect = 0.0f, levels = (f32)((1 << bits) - 1);
    for (i64 i = begin; i < n; i++) {
        low = codec_min(low, x[i]);
        high = codec_max(high, x[i]);
        defect = sg_fma(x[i], 0.0f, defect);
    }
    sg_grid grid;
    sg_grid_of(low, defect == 0.0f ? high : SG_BITS_TO_F32(SG_CODEC_NAN), levels, bf16, &grid);
    *result = grid;
    sg_philox_words noise = (uint4)(0x80008000u);
    u32 word = 0;
    for (i64 i = begin; i < n; i++) {
        if (i % 8 == 0 && nearest == 0) noise = sg_philox(key, i / 8);
        u32 pair = i % 8 < 2 ? noise.x : i % 8 < 4 ? noise.y : i % 8 < 6 ? noise.z : noise.w;
        u32 code = grid.scale == 0.0f ? 0u : (sg_fixed_point(x[i], grid, levels * 65536.0f) + (i % 2 == 0 ? pair & 0xFFFFu : pair >> 16)) >> 16;
        word |= code << (u32)(i * bits % 32);
        if ((i + 1) * bits % 32 == 0 || i + 1 == n) {
            codes[i * bits / 32] = word;
            word = 0;
        }
    }
}

SG_SPECIAL void codec_grid(const i32 bits, const i32 bf16, const global f32 *x, i32 group, sg_grid *grid) {
    float16 low0 = vload16(0, x), high0 = low0, defect0 = (float16)(0.0f), low1 = low0, high1 = low0, defect1 = defect0;
    for (i32 j = 0; j < group; j += 32) {
        float16 a = vload16(0, x + j), b = vload16(1, x + j);
        low0 = a < low0 ? a : low0;
        high0 = a > high0 ? a : high0;
        defect0 = fma(a, (float16)(0.0f), defect0); /* NaN from infinities and NaN */
        low1 = b < low1 ? b : low1;
        high1 = b > high1 ? b : high1;
        defect1 = fma(b, (float16)(0.0f), defect1);
    }
    low0 = low1 < low0 ? low1 : low0;
    high0 = high1 > high0 ? high1 : high0;
    defect0 += defect1;
    float8 low8 = low0.lo < low0.hi ? low0.lo : low0.hi, high8 = high0.lo > high0.hi ? high0.lo : high0.hi, defect8 = defect0.lo + defect0.hi;
    float4 low4 = low8.lo < low8.hi ? low8.lo : low8.hi, high4 = high8.lo > high8.hi ? high8.lo : high8.hi, defect4 = defect8.lo + defect8.hi;
    float2 low2 = low4.lo < low4.hi ? low4.lo : low4.hi, high2 = high4.lo > high4.hi ? high4.lo : high4.hi, defect2 = defect4.lo + defect4.hi;
    f32 high = codec_max(high2.s0, high2.s1);
    if (defect2.s0 + defect2.s1 != 0.0f) high = SG_BITS_TO_F32(SG_CODEC_NAN);
    sg_grid_of(codec_min(low2.s0, low2.s1), high, (f32)((1 << bits) - 1), bf16, grid);
}

/* Sixteen codes to 2 bits bytes. */
SG_SPECIAL void codec_put16(const i32 bits, uint16 code, global u8 *at) {
    ulong8 pairs = as_ulong8(code);
    if (bits == 8) {
        vstore16(sg_convert(code, uchar16), 0, at);
    } else if (bits == 4) {
        vstore8(sg_convert(pairs | pairs >> 28, uchar8), 0, at);
    } else if (bits == 2) {
        u64 nibbles = as_ulong(sg_convert(pairs | pairs >> 30, uchar8)); /* one to a byte */
        nibbles = (nibbles | nibbles >> 4) & 0x00FF00FF00FF00FFul;
        nibbles = (nibbles | nibbles >> 8) & 0x0000FFFF0000FFFFul;
        *(global u32 *)at = (u32)(nibbles | nibbles >> 16);
    } else {
        *(global u16 *)at = (u16)sg_bits16(code);
    }
}

/* Thirty-two elements: codes to 4 bits bytes; the terms of the variance are added to *sum. */
SG_SPECIAL void codec_pack32(const i32 bits, const i32 variance, sg_grid grid, uint16 noise, const global f32 *x, global u8 *codes, uint16 *sum) {
    const float16 top = (float16)((f32)((1 << bits) - 1) * 65536.0f), half_unit = (float16)(0.5f);
    float16 minimum = (float16)(grid.minimum), scale = (float16)(grid.scale);
    sg_prefetch(x + AHEAD);
    sg_prefetch(x + AHEAD + 16);
    float16 a = fma(vload16(0, x) - minimum, scale, half_unit), b = fma(vload16(1, x) - minimum, scale, half_unit);
    if (bits == 8) { /* with fewer bits the excess of a rounded product is below 1/2 */
        a = a < top ? a : top;
        b = b < top ? b : top;
    }
    uint16 fixed_a = as_uint16(sg_convert(a, int16)), fixed_b = as_uint16(sg_convert(b, int16));
    codec_put16(bits, (fixed_a + sg_convert(as_ushort16(noise.lo), uint16)) >> 16, codes);
    codec_put16(bits, (fixed_b + sg_convert(as_ushort16(noise.hi), uint16)) >> 16, codes + 2 * bits);
    if (variance) {
        uint16 p = fixed_a & 0xFFFFu, q = fixed_b & 0xFFFFu;
        *sum += (p * (65536u - p) >> 10) + (q * (65536u - q) >> 10);
    }
}

/* A whole group. Returns the sum of p (1 - p) where `variance` asks for it. */
SG_SPECIAL u32 codec_pack_group(const i32 bits, const i32 variance, sg_grid grid, sg_random_key key, i32 nearest, i64 block, const global f32 *x,
                           global u8 *codes, i32 group) {
    uint16 sum = (uint16)(0u), noise[4];
    noise[0] = noise[1] = noise[2] = noise[3] = (uint16)(0x80008000u);
    i32 j = 0;
    for (; j + 128 <= group; j += 128) {
        if (nearest == 0) sg_philox_words_v16(key, block + j / 8, noise);
#pragma unroll
        for (i32 q = 0; q < 4; q++) codec_pack32(bits, variance, grid, noise[q], x + j + 32 * q, codes + (j / 8 + 4 * q) * bits, &sum);
    }
    if (j < group) {
        if (nearest == 0) sg_philox_words_v8(key, block + j / 8, &noise[0], &noise[1]);
#pragma unroll
        for (i32 q = 0; q < 2; q++) codec_pack32(bits, variance, grid, noise[q], x + j + 32 * q, codes + (j / 8 + 4 * q) * bits, &sum);
    }
    uint8 sum8 = sum.lo + sum.hi;
    uint4 sum4 = sum8.lo + sum8.hi;
    uint2 sum2 = sum4.lo + sum4.hi;
    return sum2.s0 + sum2.s1;
}

/* A group that several rows share. */
SG_FN void codec_put_segments(const i32 bits, sg_grid grid, const global f32 *x, global f32 *segments, i64 rowLength, i64 g, i64 begin, i64 end) {
    f32 top = (f32)((1 << bits) - 1) * 65536.0f;
    for (i64 i = begin; i < end;) {
        i64 row = i / rowLength, to = (row + 1) * rowLength < end ? (row + 1) * rowLength : end;
        u32 sum = 0;
        for (; i < to; i++) sum += grid.scale == 0.0f ? 0u : sg_fraction_variance(sg_fixed_point(x[i], grid, top));
        segments[g + row] = grid.scale == 0.0f ? SG_BITS_TO_F32(SG_CODEC_NAN) : sg_group_variance(grid.step, sum);
    }
}

SG_SPECIAL void codec_pack(const i32 bits, const i32 bf16, const global u32 *state, u32 stream, i32 nearest, const global f32 *x, global u32 *codes,
                      global u32 *metadata, global u32 *flags, global f32 *segments, i64 rowLength, i32 group, i64 n) {
    sg_random_key key = {0, 0, 0, 0, 0};
    if (nearest == 0) sg_random_key_of(state, stream, &key); /* else null */
    i64 groups = (n + group - 1) / group, g = sg_unit_begin(groups), last = sg_unit_end(groups);
    sg_grid next = {0.0f, 0.0f, 0.0f};
    if (g < last && (g + 1) * group <= n) codec_grid(bits, bf16, x + g * group, group, &next);
    for (; g < last; g++) {
        i64 begin = g * group, end = begin + group;
        if (end > n) {
            sg_grid grid;
            codec_pack_short(bits, bf16, key, nearest, x, codes, begin, n, &grid);
            codec_put_metadata(grid, bf16, metadata, flags, g);
            if (segments != 0) codec_put_segments(bits, grid, x, segments, rowLength, g, begin, n);
            continue;
        }
        /* a group ahead: the two divisions of a grid and what leads to them are long in coming, and meanwhile the codes are made */
        sg_grid grid = next;
        if (g + 1 < last && end + group <= n) codec_grid(bits, bf16, x + end, group, &next);
        codec_put_metadata(grid, bf16, metadata, flags, g);
        global u8 *at = (global u8 *)codes + begin / 8 * bits;
        if (grid.scale == 0.0f) {
            for (i32 w = 0; w < group * bits / 32; w++) ((global u32 *)at)[w] = 0u;
            if (segments != 0) codec_put_segments(bits, grid, x, segments, rowLength, g, begin, end);
        } else if (segments == 0) {
            codec_pack_group(bits, 0, grid, key, nearest, begin / 8, x + begin, at, group);
        } else {
            u32 sum = codec_pack_group(bits, 1, grid, key, nearest, begin / 8, x + begin, at, group);
            i64 row = begin / rowLength;
            if (end <= (row + 1) * rowLength) {
                segments[g + row] = sg_group_variance(grid.step, sum);
            } else {
                codec_put_segments(bits, grid, x, segments, rowLength, g, begin, end);
            }
        }
    }
}

SG_SPECIAL void codec_unpack(const i32 bits, const i32 bf16, const global u32 *codes, const global u32 *metadata, global f32 *x, i32 group, i64 n) {
    i64 groups = (n + group - 1) / group, last = sg_unit_end(groups);
    i32 streams = sg_streams(x, n);
    for (i64 g = sg_unit_begin(groups); g < last; g++) {
        f32 minimum = SG_BITS_TO_F32(bf16 ? metadata[g] << 16 : metadata[2 * g]);
        f32 step = SG_BITS_TO_F32(bf16 ? metadata[g] & 0xFFFF0000u : metadata[2 * g + 1]);
        i64 begin = g * group, end = begin + group < n ? begin + group : n, i = begin;
        if (minimum != minimum) {
            /* a NaN of one pattern: devices differ in what they make of it */
            for (; i < end; i++) x[i] = SG_BITS_TO_F32(SG_CODEC_NAN);
        }
        for (; i + 64 <= end; i += 64) {
#pragma unroll
            for (i32 q = 0; q < 4; q++) {
                uint16 code = codec_get16(bits, (const global u8 *)codes + (i / 8 + 2 * q) * bits);
                sg_put16(fma(sg_convert(as_int16(code), float16), (float16)(step), (float16)(minimum)), x + i + 16 * q, streams);
            }
        }
        for (; i < end; i++) x[i] = sg_fma((f32)(codes[i * bits / 32] >> (u32)(i * bits % 32) & ((1u << bits) - 1u)), step, minimum);
    }
}
#define CODEC(BITS, META, BF16)                                                                                                            \
    kernel void codec_pack##BITS##_##META(const global u32 *state, u32 stream, i32 nearest, const global f32 *x, global u32 *codes,         \
                                          global u32 *metadata, global u32 *flags, global f32 *segments, i64 rowLength, i32 group, i64 n) { \
        codec_pack(BITS, BF16, state, stream, nearest, x, codes, metadata, flags, segments, rowLength, group, n);                              \
    }                                                                                                                                      \
    kernel void codec_unpack##BITS##_##META(const global u32 *codes, const global u32 *metadata, global f32 *x, i32 group, i64 n) {         \
        codec_unpack(BITS, BF16, codes, metadata, x, group, n);                                                                            \
    }

CODEC(1, f32, 0)
CODEC(2, f32, 0)
CODEC(4, f32, 0)
CODEC(8, f32, 0)
CODEC(1, bf16, 1)
CODEC(2, bf16, 1)
CODEC(4, bf16, 1)
CODEC(8, bf16, 1)

kernel void codec_row_variance_f32(const global f32 *segments, global f32 *variance, i64 rows, i64 rowLength, i32 group) {
    i64 end = sg_unit_end(rows);
    for (i64 row = sg_unit_begin(rows); row < end; row++) {
        f32 lane[32];
        for (i32 l = 0; l < 32; l++) lane[l] = 0.0f;
        i64 first = row * rowLength / group, last = ((row + 1) * rowLength - 1) / group;
        for (i64 g = first; g <= last; g++) lane[(g - first) % 32] += segments[g + row];
        for (i32 d = 16; d > 0; d /= 2) {
            for (i32 l = 0; l < d; l++) lane[l] += lane[l + d];
        }
        variance[row] = lane[0];
    }
}
