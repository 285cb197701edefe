/* The activation codec: n values in 1, 2, 4 or 8 bits, by stochastic rounding on a grid per group (common/codec.h), in one pass.

     codec_packB_M            codes[i] = ((x[i] - minimum) scale in 16-bit fixed point + r[i]) >> 16, B bits, metadata M = f32 or bf16
     codec_unpackB_M          x[i] = minimum + step codes[i], one rounding
     codec_row_variance_f32   variance[row] = sum of step^2 p (1 - p) over the row, exact: what the rounding adds to each x[i] in the mean square

   A group is G consecutive elements, the last one may be short. G = `group`: 64, 128, 256, 512 or 1024.
   x: [n]. codes: u32[ceil(n B / 32)], element i in bits i B % 32 .. of word i B / 32, lowest first, unused bits 0; so each group starts a word.
   metadata: (minimum, step) per group: two f32, or one u32 with the bf16 minimum in its low half. state (null if nearest), stream: common/philox.h; element i takes 16 bits,
   half i % 2 (low first) of word i / 2 % 4 of block i / 8. nearest != 0: r = 2^15 instead.
   A group with an infinity or a NaN, of a range above 2^126 or a grid that leaves fp32, decodes to NaN throughout, its codes are 0, and bit 0 of flags[0] is set.
   segments: null, or f32[groups + rows] for rows of rowLength elements: [group + row] = the sum of step^2 p (1 - p) over their common elements, where
   they have some; other entries are left alone; NaN where the group is. It is summed in integers; row_variance adds entries l, l + 32, ... into lane l and the lanes by halves.

   Work-group: 256; min(G / 8, 32) lanes per group, 8 elements of a lane from one Philox block. Bytes per element, B = 4, G = 256, f32 metadata: 4.53 either
   way. About 13 operations per element to pack, 2 to unpack. Source: ActNN and GACT for groups and rounding; the grid is our own. */
#include "common/codec.h"
#include "common/philox.h"
#include "cuda/cuda.cuh"

SG_FN void codec_load8(const f32 *x, i64 i, i64 n, f32 (&v)[8]) {
    if (i + 8 <= n && sg_aligned16(x + i)) {
        float4 a = sg_load4(x + i), b = sg_load4(x + i + 4);
        v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w, v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
    } else {
#pragma unroll
        for (i32 e = 0; e < 8; e++) v[e] = i + e < n ? x[i + e] : 0.0f;
    }
}

SG_FN f32 codec_min(f32 a, f32 b) { return b < a ? b : a; }
SG_FN f32 codec_max(f32 a, f32 b) { return b > a ? b : a; }

/* Two lanes of 16 random bits per word. */
SG_FN u32 codec_noise(uint4 noise, i32 e) {
    u32 word = e / 2 == 0 ? noise.x : e / 2 == 1 ? noise.y : e / 2 == 2 ? noise.z : noise.w;
    return e % 2 == 0 ? word & 0xFFFFu : word >> 16;
}

/* Eight codes, lowest first, to their bytes; of a short last word the rest is 0. */
template <int BITS>
SG_FN void codec_store8(u32 *codes, i64 i, i64 n, u64 word) {
    u8 *at = reinterpret_cast<u8 *>(codes) + i / 8 * BITS;
    if (i + 8 <= n) {
        if (BITS == 8) {
            reinterpret_cast<u32 *>(at)[0] = (u32)word;
            reinterpret_cast<u32 *>(at)[1] = (u32)(word >> 32);
        } else if (BITS == 4) {
            *reinterpret_cast<u32 *>(at) = (u32)word;
        } else if (BITS == 2) {
            *reinterpret_cast<u16 *>(at) = (u16)word;
        } else {
            *at = (u8)word;
        }
    } else {
        i64 bytes = (n * BITS + 31) / 32 * 4;
#pragma unroll
        for (i32 b = 0; b < BITS; b++) {
            if (i / 8 * BITS + b < bytes) at[b] = (u8)(word >> 8 * b);
        }
    }
}

template <int BITS, int BF16>
SG_FN void codec_pack(const u32 *state, u32 stream, i32 nearest, const f32 *x, u32 *codes, u32 *metadata, u32 *flags, f32 *segments, i64 rowLength,
                      i32 group, i64 n) {
    const f32 levels = (f32)((1 << BITS) - 1), top = levels * 65536.0f;
    i32 shift = 28 - __clz(group) < 5 ? 28 - __clz(group) : 5, lanes = 1 << shift, octets = group / 8 >> shift; /* log2 of min(group / 8, 32) */
    i64 thread = (i64)blockIdx.x * blockDim.x + threadIdx.x, g = thread >> shift, begin = g * group;
    i64 end = begin + group < n ? begin + group : n;
    i32 lane = (i32)thread & (lanes - 1);
    i64 i0 = begin + 8 * lane, stride = 8 * lanes;
    /* lanes of groups beyond the last go along for the shuffles */
    bool exists = begin < n;

    /* eight elements stay in registers; a group of more than 256 is read again, from the cache */
    f32 v[8];
    f32 low = SG_BITS_TO_F32(0x7F800000u), high = -low, defect = 0.0f;
    for (i32 o = octets - 1; o >= 0; o--) {
        i64 i = i0 + o * stride;
        codec_load8(x, i, end, v);
#pragma unroll
        for (i32 e = 0; e < 8; e++) {
            if (i + e < end) {
                low = codec_min(low, v[e]);
                high = codec_max(high, v[e]);
                defect = sg_fma(v[e], 0.0f, defect); /* NaN from infinities and NaN */
            }
        }
    }
    for (i32 d = lanes / 2; d > 0; d /= 2) {
        low = codec_min(low, __shfl_xor_sync(SG_FULL_MASK, low, d));
        high = codec_max(high, __shfl_xor_sync(SG_FULL_MASK, high, d));
        defect += __shfl_xor_sync(SG_FULL_MASK, defect, d);
    }
    sg_grid grid;
    sg_grid_of(low, defect == 0.0f ? high : SG_BITS_TO_F32(SG_CODEC_NAN), levels, BF16, &grid);
    bool bad = grid.scale == 0.0f;
    if (exists && lane == 0) {
        if (BF16) {
            metadata[g] = SG_F32_TO_BITS(grid.minimum) >> 16 | (SG_F32_TO_BITS(grid.step) & 0xFFFF0000u);
        } else {
            metadata[2 * g] = SG_F32_TO_BITS(grid.minimum);
            metadata[2 * g + 1] = SG_F32_TO_BITS(grid.step);
        }
        if (bad) atomicOr(flags, SG_FLAG_NON_FINITE);
    }

    sg_random_key key = {0, 0, 0, 0, 0};
    if (nearest == 0) sg_random_key_of(state, stream, &key); /* else null */
    for (i32 o = 0; o < octets; o++) {
        i64 i = i0 + o * stride;
        if (o > 0) codec_load8(x, i, end, v);
        u64 word = 0;
        if (!bad) {
            sg_philox_words noise = make_uint4(0x80008000u, 0x80008000u, 0x80008000u, 0x80008000u);
            if (nearest == 0) noise = sg_philox(key, i / 8);
#pragma unroll
            for (i32 e = 0; e < 8; e++) {
                u64 code = i + e < end ? (sg_fixed_point(v[e], grid, top) + codec_noise(noise, e)) >> 16 : 0u;
                word |= code << BITS * e;
            }
        }
        if (exists) codec_store8<BITS>(codes, i, n, word);
    }
    if (segments == 0) return;

    i64 row = exists ? begin / rowLength : 0, rows = exists ? (end - 1) / rowLength + 1 - row : 0;
    /* all go through as many rows as any group can touch */
    i64 most = (group - 1 + rowLength - 1) / rowLength + 1;
    for (i64 s = 0; s < most; s++) {
        i64 from = (row + s) * rowLength, to = from + rowLength < end ? from + rowLength : end;
        u32 sum = 0;
        for (i32 o = 0; o < octets && !bad; o++) {
            i64 i = i0 + o * stride;
            if (octets > 1) codec_load8(x, i, end, v);
#pragma unroll
            for (i32 e = 0; e < 8; e++) {
                if (i + e >= from && i + e < to) sum += sg_fraction_variance(sg_fixed_point(v[e], grid, top));
            }
        }
        for (i32 d = lanes / 2; d > 0; d /= 2) sum += __shfl_xor_sync(SG_FULL_MASK, sum, d);
        if (lane == 0 && s < rows) segments[g + row + s] = bad ? SG_BITS_TO_F32(SG_CODEC_NAN) : sg_group_variance(grid.step, sum);
    }
}

template <int BITS, int BF16>
SG_FN void codec_unpack(const u32 *codes, const u32 *metadata, f32 *x, i32 group, i64 n) {
    i64 i = 8 * ((i64)blockIdx.x * blockDim.x + threadIdx.x), g = i >> (31 - __clz(group));
    if (i >= n) return;
    f32 minimum, step;
    if (BF16) {
        minimum = SG_BITS_TO_F32(metadata[g] << 16);
        step = SG_BITS_TO_F32(metadata[g] & 0xFFFF0000u);
    } else {
        minimum = SG_BITS_TO_F32(metadata[2 * g]);
        step = SG_BITS_TO_F32(metadata[2 * g + 1]);
    }
    i64 at = i * BITS / 32; /* the words of these eight codes: two of 8 bits, else one */
    u64 word = codes[at];
    if (BITS == 8 && i + 4 < n) word |= (u64)codes[at + 1] << 32;
    word >>= i * BITS % 32;
    f32 v[8];
#pragma unroll
    for (i32 e = 0; e < 8; e++) {
        f32 code = (f32)(u32)(word >> BITS * e & ((1u << BITS) - 1u));
        /* a NaN of one pattern: devices differ in what they make of it */
        v[e] = minimum != minimum ? SG_BITS_TO_F32(SG_CODEC_NAN) : sg_fma(code, step, minimum);
    }
    if (i + 8 <= n && sg_aligned16(x + i)) {
        sg_store4(x + i, make_float4(v[0], v[1], v[2], v[3]));
        sg_store4(x + i + 4, make_float4(v[4], v[5], v[6], v[7]));
    } else {
#pragma unroll
        for (i32 e = 0; e < 8; e++) {
            if (i + e < n) x[i + e] = v[e];
        }
    }
}

#define CODEC(BITS, META, BF16)                                                                                                       \
    extern "C" __global__ void codec_pack##BITS##_##META(const u32 *state, u32 stream, i32 nearest, const f32 *x, u32 *codes,          \
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
