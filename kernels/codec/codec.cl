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

   Work-group: 256; min(G / 8, 32) lanes per group, 8 elements of a lane from one Philox block. Bytes per element, B = 4, G = 256, f32 metadata: 4.53 either
   way. About 13 operations per element to pack, 2 to unpack. Source: ActNN and GACT for groups and rounding; the grid is our own. */
#include "codec/codec.h"
#include "lib/philox.h"

#define CODEC_BLOCK 256 /* work-items of a group */

SG_FN float8 codec_load8(const global f32 *x, i64 i, i64 n) {
    if (i + 8 <= n) return vload8(0, x + i);
    f32 v[8];
    for (i32 e = 0; e < 8; e++) v[e] = i + e < n ? x[i + e] : 0.0f;
    return vload8(0, v);
}

SG_FN f32 codec_min(f32 a, f32 b) { return b < a ? b : a; }
SG_FN f32 codec_max(f32 a, f32 b) { return b > a ? b : a; }

/* Two lanes of 16 random bits per word. */
SG_FN u32 codec_noise(uint4 noise, i32 e) {
    u32 word = e / 2 == 0 ? noise.x : e / 2 == 1 ? noise.y : e / 2 == 2 ? noise.z : noise.w;
    return e % 2 == 0 ? word & 0xFFFFu : word >> 16;
}

/* Eight codes, lowest first, to their bytes; of a short last word the rest is 0. */
SG_FN void codec_store8(global u32 *codes, i32 bits, i64 i, i64 n, u64 word) {
    global u8 *at = (global u8 *)codes + i / 8 * bits;
    if (i + 8 <= n) {
        if (bits == 8) {
            ((global u32 *)at)[0] = (u32)word;
            ((global u32 *)at)[1] = (u32)(word >> 32);
        } else if (bits == 4) {
            *(global u32 *)at = (u32)word;
        } else if (bits == 2) {
            *(global u16 *)at = (u16)word;
        } else {
            *at = (u8)word;
        }
    } else {
        i64 bytes = (n * bits + 31) / 32 * 4;
        for (i32 b = 0; b < bits; b++) {
            if (i / 8 * bits + b < bytes) at[b] = (u8)(word >> 8 * b);
        }
    }
}

SG_FN void codec_pack(i32 bits, i32 bf16, const global u32 *state, u32 stream, i32 nearest, const global f32 *x, global u32 *codes,
                      global u32 *metadata, global u32 *flags, global f32 *segments, i64 rowLength, i32 group, i64 n, local f32 *lows,
                      local f32 *highs, local f32 *defects) {
    const f32 levels = (f32)((1 << bits) - 1), top = levels * 65536.0f;
    i32 shift = 28 - (i32)clz(group) < 5 ? 28 - (i32)clz(group) : 5, lanes = 1 << shift, octets = group / 8 >> shift; /* log2 of min(group / 8, 32) */
    i32 self = (i32)get_local_id(0), lane = self & (lanes - 1);
    i64 g = (i64)get_global_id(0) >> shift, begin = g * group;
    i64 end = begin + group < n ? begin + group : n;
    i64 i0 = begin + 8 * lane, stride = 8 * lanes;
    /* lanes of groups beyond the last go along for the barriers */
    bool exists = begin < n;

    /* eight elements stay in registers; a group of more than 256 is read again, from the cache */
    float8 v = (float8)(0.0f);
    f32 low = INFINITY, high = -INFINITY, defect = 0.0f;
    for (i32 o = octets - 1; o >= 0; o--) {
        i64 i = i0 + o * stride;
        v = codec_load8(x, i, end);
        f32 element[8];
        vstore8(v, 0, element);
        for (i32 e = 0; e < 8; e++) {
            if (i + e < end) {
                low = codec_min(low, element[e]);
                high = codec_max(high, element[e]);
                defect = sg_fma(element[e], 0.0f, defect); /* NaN from infinities and NaN */
            }
        }
    }
    lows[self] = low;
    highs[self] = high;
    defects[self] = defect;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (i32 d = lanes / 2; d > 0; d /= 2) {
        if (lane < d) {
            lows[self] = codec_min(lows[self], lows[self + d]);
            highs[self] = codec_max(highs[self], highs[self + d]);
            defects[self] += defects[self + d];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    f32 all = defects[self - lane];
    sg_grid grid;
    sg_grid_of(lows[self - lane], all == 0.0f ? highs[self - lane] : SG_BITS_TO_F32(SG_CODEC_NAN), levels, bf16, &grid);
    bool bad = grid.scale == 0.0f;
    if (exists && lane == 0) {
        if (bf16) {
            metadata[g] = SG_F32_TO_BITS(grid.minimum) >> 16 | (SG_F32_TO_BITS(grid.step) & 0xFFFF0000u);
        } else {
            metadata[2 * g] = SG_F32_TO_BITS(grid.minimum);
            metadata[2 * g + 1] = SG_F32_TO_BITS(grid.step);
        }
        if (bad) atomic_or((volatile global u32 *)flags, SG_FLAG_NON_FINITE);
    }

    sg_random_key key = {0, 0, 0, 0, 0};
    if (nearest == 0) sg_random_key_of(state, stream, &key); /* else null */
    for (i32 o = 0; o < octets; o++) {
        i64 i = i0 + o * stride;
        if (o > 0) v = codec_load8(x, i, end);
        u64 word = 0;
        if (!bad) {
            sg_philox_words noise = (uint4)(0x80008000u);
            if (nearest == 0) noise = sg_philox(key, i / 8);
            f32 element[8];
            vstore8(v, 0, element);
            for (i32 e = 0; e < 8; e++) {
                u64 code = i + e < end ? (sg_fixed_point(element[e], grid, top) + codec_noise(noise, e)) >> 16 : 0u;
                word |= code << bits * e;
            }
        }
        if (exists) codec_store8(codes, bits, i, n, word);
    }
    if (segments == 0) return;

    /* all go through as many rows as any group can touch */
    local u32 *sums = (local u32 *)lows;
    i64 row = exists ? begin / rowLength : 0, rows = exists ? (end - 1) / rowLength + 1 - row : 0;
    i64 most = (group - 1 + rowLength - 1) / rowLength + 1;
    for (i64 s = 0; s < most; s++) {
        i64 from = (row + s) * rowLength, to = from + rowLength < end ? from + rowLength : end;
        u32 sum = 0;
        for (i32 o = 0; o < octets && !bad; o++) {
            i64 i = i0 + o * stride;
            if (octets > 1) v = codec_load8(x, i, end);
            f32 element[8];
            vstore8(v, 0, element);
            for (i32 e = 0; e < 8; e++) {
                if (i + e >= from && i + e < to) sum += sg_fraction_variance(sg_fixed_point(element[e], grid, top));
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        sums[self] = sum;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (i32 d = lanes / 2; d > 0; d /= 2) {
            if (lane < d) sums[self] += sums[self + d];
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        if (lane == 0 && s < rows) segments[g + row + s] = bad ? SG_BITS_TO_F32(SG_CODEC_NAN) : sg_group_variance(grid.step, sums[self]);
    }
}

SG_FN void codec_unpack(i32 bits, i32 bf16, const global u32 *codes, const global u32 *metadata, global f32 *x, i32 group, i64 n) {
    i64 i = 8 * (i64)get_global_id(0), g = i >> (31 - (i32)clz(group));
    if (i >= n) return;
    f32 minimum, step;
    if (bf16) {
        minimum = SG_BITS_TO_F32(metadata[g] << 16);
        step = SG_BITS_TO_F32(metadata[g] & 0xFFFF0000u);
    } else {
        minimum = SG_BITS_TO_F32(metadata[2 * g]);
        step = SG_BITS_TO_F32(metadata[2 * g + 1]);
    }
    i64 at = i * bits / 32; /* the words of these eight codes: two of 8 bits, else one */
    u64 word = codes[at];
    if (bits == 8 && i + 4 < n) word |= (u64)codes[at + 1] << 32;
    word >>= i * bits % 32;
    f32 v[8];
    for (i32 e = 0; e < 8; e++) {
        f32 code = (f32)(u32)(word >> bits * e & ((1u << bits) - 1u));
        /* a NaN of one pattern: devices differ in what they make of it */
        v[e] = minimum != minimum ? SG_BITS_TO_F32(SG_CODEC_NAN) : sg_fma(code, step, minimum);
    }
    if (i + 8 <= n) {
        vstore8(vload8(0, v), 0, x + i);
    } else {
        for (i32 e = 0; e < 8 && i + e < n; e++) x[i + e] = v[e];
    }
}

#define CODEC(BITS, META, BF16)                                                                                                            \
    kernel void codec_pack##BITS##_##META(const global u32 *state, u32 stream, i32 nearest, const global f32 *x, global u32 *codes,         \
                                          global u32 *metadata, global u32 *flags, global f32 *segments, i64 rowLength, i32 group, i64 n) { \
        local f32 lows[CODEC_BLOCK], highs[CODEC_BLOCK], defects[CODEC_BLOCK];                                                              \
        codec_pack(BITS, BF16, state, stream, nearest, x, codes, metadata, flags, segments, rowLength, group, n, lows, highs, defects);     \
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

/* 32 work-items per row. */
kernel void codec_row_variance_f32(const global f32 *segments, global f32 *variance, i64 rows, i64 rowLength, i32 group) {
    local f32 sums[CODEC_BLOCK];
    i64 row = (i64)get_global_id(0) / 32;
    i32 shift = 31 - (i32)clz(group), self = (i32)get_local_id(0), lane = self % 32;
    i64 last = row < rows ? ((row + 1) * rowLength - 1) >> shift : -1;
    f32 sum = 0.0f;
    for (i64 g = (row * rowLength >> shift) + lane; g <= last; g += 32) sum = sg_add_rn(sum, segments[g + row]);
    sums[self] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (i32 d = 16; d > 0; d /= 2) {
        if (lane < d) sums[self] = sg_add_rn(sums[self], sums[self + d]);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (lane == 0 && row < rows) variance[row] = sums[self];
}
