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

   pack: work-group 256; min(G / 16, 32) lanes per group, which hold 16 elements in registers, in two octets of one Philox block each; groups of 1024 are
   read twice, the second time from the cache. A warp whose groups are all whole, at 16-byte addresses, tests no element.
   unpack: work-group 256; a warp has 256 elements, lane l the elements 4 l .. and 128 + 4 l ..: each of its stores fills whole sectors.
   Bytes per element, B = 4, G = 256, f32 metadata: 4.53 either way. About 13 operations per element to pack, 2 to unpack.
   Source: ActNN and GACT for groups and rounding; the grid is our own.
   DIALECT: a warp packs a group by shuffles and ballots and reads 16 bytes per lane; OpenCL 1.2 has neither. */
#include "codec/codec.h"
#include "lib/philox.h"
#include "lib/cuda/cuda.cuh"
#include "lib/cuda/ptx.cuh"

/* Elements x[0 .. 8), `rest` from `left` on. */
template <bool WHOLE>
SG_FN void codec_load8(const f32 *x, i32 left, f32 rest, f32 *v) {
    if (WHOLE) {
        float4 a = ptx_ld_global_f32x4(x), b = ptx_ld_global_f32x4(x + 4);
        v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w, v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
    } else {
#pragma unroll
        for (i32 e = 0; e < 8; e++) v[e] = e < left ? x[e] : rest;
    }
}

/* The word of elements e and e + 1 of an octet, e even. */
SG_FN u32 codec_noise(uint4 noise, i32 e) { return e / 2 == 0 ? noise.x : e / 2 == 1 ? noise.y : e / 2 == 2 ? noise.z : noise.w; }

/* The codes of an octet, lowest first. */
template <int BITS>
SG_FN u64 codec_codes(const f32 *v, uint4 noise, sg_grid grid) {
    u32 sum[8]; /* the code in byte 2 */
#pragma unroll
    for (i32 e = 0; e < 8; e++) {
        u32 pair = codec_noise(noise, e);
        if (BITS == 8) {
            sum[e] = sg_fixed_point(v[e], grid, 255.0f * 65536.0f) + (e % 2 == 0 ? pair & 0xFFFFu : pair >> 16);
        } else {
            /* 2^23 + r as a float: added with truncation it makes floor(v) + r, whose low 23 bits are those of the float. No clamp: scale is above
               top / range by 2^-23 of itself at most, and 2^20 2^-23 less than the half that truncation drops. */
            f32 r = SG_BITS_TO_F32(ptx_prmt(pair, 0x4B00u, e % 2 == 0 ? 0x5410u : 0x5432u));
            sum[e] = SG_F32_TO_BITS(__fadd_rz(sg_fma(sg_sub_rn(v[e], grid.minimum), grid.scale, 0.5f), r));
        }
    }
    u32 pairs[4];
    if constexpr (BITS == 8) {
#pragma unroll
        for (i32 e = 0; e < 4; e++) pairs[e] = ptx_prmt(sum[2 * e], sum[2 * e + 1], 0x0062u);
        return (u64)ptx_prmt(pairs[2], pairs[3], 0x5410u) << 32 | ptx_prmt(pairs[0], pairs[1], 0x5410u);
    } else {
        /* codes e and e + 4 in halves of a word; byte 3 is 0x4B, so that its sign stands for a zero */
#pragma unroll
        for (i32 e = 0; e < 4; e++) pairs[e] = ptx_prmt(sum[e], sum[e + 4], 0xF6B2u);
        u32 word = (pairs[0] + (pairs[1] << BITS)) + ((pairs[2] + (pairs[3] << BITS)) << 2 * BITS);
        return BITS == 4 ? word : BITS == 2 ? ptx_prmt(word, word, 0xBB20u) : (word | word >> 12) & 0xFFu;
    }
}

/* The codes of an octet, of whose elements `left` exist; the rest of the last word is 0. `bytes`: from `at` to the end of that word. */
template <int BITS, bool WHOLE>
SG_FN void codec_store8(u8 *at, i32 left, i64 bytes, u64 word) {
    if (WHOLE) {
        if (BITS == 8) {
            *reinterpret_cast<uint2 *>(at) = make_uint2((u32)word, (u32)(word >> 32));
        } else if (BITS == 4) {
            *reinterpret_cast<u32 *>(at) = (u32)word;
        } else if (BITS == 2) {
            *reinterpret_cast<u16 *>(at) = (u16)word;
        } else {
            *at = (u8)word;
        }
    } else {
        if (left < 8) word = left <= 0 ? 0 : word & (((u64)1 << BITS * left) - 1);
#pragma unroll
        for (i32 b = 0; b < BITS; b++) {
            if (b < bytes) at[b] = (u8)(word >> 8 * b);
        }
    }
}

/* p (1 - p) of an element, in integers: its fixed point has the fraction in 16 bits. */
template <int BITS>
SG_FN u32 codec_variance(f32 x, sg_grid grid) {
    if (BITS == 8) return sg_fraction_variance(sg_fixed_point(x, grid, 255.0f * 65536.0f));
    /* as in codec_codes, without noise */
    return sg_fraction_variance(SG_F32_TO_BITS(__fadd_rz(sg_fma(sg_sub_rn(x, grid.minimum), grid.scale, 0.5f), 8388608.0f)));
}

/* 64-bit division takes a hundred instructions. */
SG_FN i64 codec_quotient(i64 a, i64 b) { return ((u64)a | (u64)b) >> 32 == 0 ? (i64)((u32)a / (u32)b) : a / b; }

/* What a lane knows of its group. */
struct codec_group {
    i64 number, octet; /* octet: of the lane's first element, counted from x */
    i32 left;          /* the group's elements, 0 beyond the last group; such lanes go along for the shuffles */
    i32 lane, shift;   /* 1 << shift lanes */
    i32 passes;
};

/* Octets lane + lanes 2 p and lane + lanes (2 p + 1) of the group. x: the lane's first element. */
template <bool WHOLE>
SG_FN void codec_load16(const f32 *x, const codec_group &group, i32 p, f32 rest, f32 *v) {
#pragma unroll
    for (i32 o = 0; o < 2; o++) {
        u32 j = (u32)(2 * p + o) << group.shift;
        codec_load8<WHOLE>(x + 8 * j, group.left - 8 * (group.lane + (i32)j), rest, v + 8 * o);
    }
}

template <int BITS, int BF16, bool WHOLE>
SG_FN void codec_pack_group(const u32 *state, u32 stream, i32 nearest, const f32 *x, u32 *codes, u32 *metadata, u32 *flags, f32 *segments, i64 rowLength,
                            i32 size, i64 n, const codec_group &group) {
    const f32 *mine = x + 8 * group.octet;
    f32 rest = WHOLE || group.left == 0 ? 0.0f : mine[-8 * group.lane]; /* leaves the extremes alone */
    f32 v[16];
    f32 low = SG_INFINITY, high = -SG_INFINITY;
    for (i32 p = group.passes - 1; p >= 0; p--) {
        codec_load16<WHOLE>(mine, group, p, rest, v);
#pragma unroll
        for (i32 e = 0; e < 16; e++) {
            low = fminf(low, v[e]);
            high = ptx_max_nan(high, v[e]); /* and so an infinity or a NaN leaves no finite range */
        }
    }
#pragma unroll
    for (i32 k = 0; k < 5; k++) {
        if (k >= 2 && k >= group.shift) break;
        low = fminf(low, __shfl_xor_sync(SG_FULL_MASK, low, 1 << k));
        high = ptx_max_nan(high, __shfl_xor_sync(SG_FULL_MASK, high, 1 << k));
    }
    sg_grid grid;
    sg_grid_of(low, high, (f32)((1 << BITS) - 1), BF16, &grid);
    bool bad = grid.scale == 0.0f;
    if (group.lane == 0 && (WHOLE || group.left > 0)) {
        if (BF16) {
            metadata[group.number] = SG_F32_TO_BITS(grid.minimum) >> 16 | (SG_F32_TO_BITS(grid.step) & 0xFFFF0000u);
        } else {
            metadata[2 * group.number] = SG_F32_TO_BITS(grid.minimum);
            metadata[2 * group.number + 1] = SG_F32_TO_BITS(grid.step);
        }
        if (bad) atomicOr(flags, SG_FLAG_NON_FINITE);
    }

    sg_random_key key = {0, 0, 0, 0, 0};
    if (nearest == 0) sg_random_key_of(state, stream, &key); /* else null */
    for (i32 p = 0; p < group.passes; p++) {
        if (p > 0) codec_load16<WHOLE>(mine, group, p, rest, v);
        sg_philox_words noise[2];
#pragma unroll
        for (i32 o = 0; o < 2; o++) {
            noise[o] = make_uint4(0x80008000u, 0x80008000u, 0x80008000u, 0x80008000u);
            if (nearest == 0) noise[o] = sg_philox(key, group.octet | (u32)(2 * p + o) << group.shift);
        }
#pragma unroll
        for (i32 o = 0; o < 2; o++) {
            u32 j = (u32)(2 * p + o) << group.shift;
            u64 word = codec_codes<BITS>(v + 8 * o, noise[o], grid);
            if (bad) word = 0;
            i64 bytes = WHOLE ? 0 : (n * BITS + 31) / 32 * 4 - (group.octet + j) * BITS;
            codec_store8<BITS, WHOLE>(reinterpret_cast<u8 *>(codes) + (group.octet + j) * BITS, group.left - 8 * (group.lane + (i32)j), bytes, word);
        }
    }
    if (segments == 0) return;

    i64 begin = group.number * size, row = codec_quotient(begin, rowLength), before = begin - row * rowLength, through = before + group.left;
    i64 rows = group.left == 0 ? 0 : through <= rowLength ? 1 : codec_quotient(through - 1, rowLength) + 1;
    bool single = __all_sync(SG_FULL_MASK, rows <= 1);
    for (i64 s = 0; __any_sync(SG_FULL_MASK, s < rows); s++) {
        u32 sum = 0;
        i64 first = s * rowLength - before, last = first + rowLength;
        i32 from = first < 0 ? 0 : first < size ? (i32)first : size, to = last < group.left ? (i32)last : group.left;
        for (i32 p = 0; p < group.passes && !bad; p++) {
            codec_load16<WHOLE>(mine, group, p, rest, v);
            if (WHOLE && single) {
#pragma unroll
                for (i32 e = 0; e < 16; e++) sum += codec_variance<BITS>(v[e], grid);
            } else {
#pragma unroll
                for (i32 e = 0; e < 16; e++) {
                    i32 j = 8 * (group.lane + ((2 * p + e / 8) << group.shift)) + e % 8;
                    if (j >= from && j < to) sum += codec_variance<BITS>(v[e], grid);
                }
            }
        }
        for (i32 d = 1 << group.shift >> 1; d > 0; d /= 2) sum += __shfl_xor_sync(SG_FULL_MASK, sum, d);
        if (group.lane == 0 && s < rows) {
            segments[group.number + row + s] = bad ? SG_BITS_TO_F32(SG_CODEC_NAN) : sg_group_variance(grid.step, sum);
        }
    }
}

template <int BITS, int BF16>
SG_FN void codec_pack(const u32 *state, u32 stream, i32 nearest, const f32 *x, u32 *codes, u32 *metadata, u32 *flags, f32 *segments, i64 rowLength,
                      i32 size, i64 n) {
    i64 thread = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    codec_group group;
    i32 log = 31 - __clz(size);
    group.shift = log < 9 ? log - 4 : 5;
    group.passes = log < 10 ? 1 : 2;
    group.lane = (i32)thread & ((1 << group.shift) - 1);
    group.number = thread >> group.shift;
    group.octet = group.number << (log - 3) | group.lane;
    bool aligned = sg_aligned16(x) && (BITS < 8 || (reinterpret_cast<u64>(codes) & 7) == 0);
    if (aligned && (((thread | (SG_WARP - 1)) + 1) >> group.shift) << log <= n) { /* the same for the whole warp */
        group.left = size;
        codec_pack_group<BITS, BF16, true>(state, stream, nearest, x, codes, metadata, flags, segments, rowLength, size, n, group);
    } else {
        i64 left = n - (group.number << log);
        group.left = left < 0 ? 0 : left < size ? (i32)left : size;
        codec_pack_group<BITS, BF16, false>(state, stream, nearest, x, codes, metadata, flags, segments, rowLength, size, n, group);
    }
}

template <int BITS, int BF16>
SG_FN void codec_unpack(const u32 *codes, const u32 *metadata, f32 *x, i32 size, i64 n) {
    i64 thread = (i64)blockIdx.x * blockDim.x + threadIdx.x, first = thread / SG_WARP * 256 + 4 * (thread % SG_WARP);
    i32 log = 31 - __clz(size);
    bool wide = sg_aligned16(x);
    f32 minimum[2], step[2];
    u32 piece[2]; /* the codes of four elements */
#pragma unroll
    for (i32 h = 0; h < 2; h++) {
        i64 i = first + 128 * h, g = i >> log;
        minimum[h] = step[h] = 0.0f, piece[h] = 0;
        if (i >= n) break;
        if (BF16) {
            u32 both = metadata[g];
            minimum[h] = SG_BITS_TO_F32(both << 16);
            step[h] = SG_BITS_TO_F32(both & 0xFFFF0000u);
        } else {
            minimum[h] = SG_BITS_TO_F32(metadata[2 * g]);
            step[h] = SG_BITS_TO_F32(metadata[2 * g + 1]);
        }
        if (BITS == 8) {
            piece[h] = codes[i / 4];
        } else if (BITS == 4) {
            piece[h] = reinterpret_cast<const u16 *>(codes)[i / 4];
        } else if (BITS == 2) {
            piece[h] = reinterpret_cast<const u8 *>(codes)[i / 4];
        } else {
            piece[h] = (u32)reinterpret_cast<const u8 *>(codes)[i / 8] >> (i & 4);
        }
    }
#pragma unroll
    for (i32 h = 0; h < 2; h++) {
        i64 i = first + 128 * h;
        if (i >= n) break;
        f32 v[4];
#pragma unroll
        for (i32 e = 0; e < 4; e++) {
            f32 code = (f32)((piece[h] >> BITS * e) & ((1u << BITS) - 1u));
            /* a NaN of one pattern: devices differ in what they make of it */
            v[e] = minimum[h] != minimum[h] ? SG_BITS_TO_F32(SG_CODEC_NAN) : sg_fma(code, step[h], minimum[h]);
        }
        if (wide && i + 4 <= n) {
            ptx_st_global_f32x4(x + i, make_float4(v[0], v[1], v[2], v[3]));
        } else {
#pragma unroll
            for (i32 e = 0; e < 4; e++) {
                if (i + e < n) x[i + e] = v[e];
            }
        }
    }
}

#define CODEC(BITS, META, BF16)                                                                                                       \
    extern "C" __global__ void __launch_bounds__(256, 4) codec_pack##BITS##_##META(const u32 *state, u32 stream, i32 nearest, const f32 *x, u32 *codes,          \
                                                         u32 *metadata, u32 *flags, f32 *segments, i64 rowLength, i32 group, i64 n) { \
        codec_pack<BITS, BF16>(state, stream, nearest, x, codes, metadata, flags, segments, rowLength, group, n);                      \
    }                                                                                                                                 \
    extern "C" __global__ void codec_unpack##BITS##_##META(const u32 *codes, const u32 *metadata, f32 *x, i32 group, i64 n) {          \
        codec_unpack<BITS, BF16>(codes, metadata, x, group, n);                                                                       \
    }

CODEC(1, f32, 0)
CODEC(2, f32, 0)
CODEC(4, f32, 0)
CODEC(8, f32, 0)
CODEC(1, bf16, 1)
CODEC(2, bf16, 1)
CODEC(4, bf16, 1)
CODEC(8, bf16, 1)

/* A warp per row. */
extern "C" __global__ void codec_row_variance_f32(const f32 *segments, f32 *variance, i64 rows, i64 rowLength, i32 group) {
    i64 row = ((i64)blockIdx.x * blockDim.x + threadIdx.x) / SG_WARP;
    if (row >= rows) return;
    i32 shift = 31 - __clz(group);
    i64 last = ((row + 1) * rowLength - 1) >> shift;
    f32 sum = 0.0f;
    for (i64 g = (row * rowLength >> shift) + sg_lane(); g <= last; g += SG_WARP) sum = sg_add_rn(sum, segments[g + row]);
    sum = sg_warp_sum(sum);
    if (sg_lane() == 0) variance[row] = sum;
}
