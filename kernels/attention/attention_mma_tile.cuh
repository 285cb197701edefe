/* What the passes of attention/attention_mma.cu are made of: tiles of operands in shared memory, and their products by mma.sync with fp32 sums.

   A block of 128 has ATTENTION_MMA_OWN = 64 "own" rows, 16 to each warp, and goes over tiles of R "other" ones: own are queries and other keys in passes by
   row, the reverse in passes by column. Products of a tile, D columns wide:

     scores    w[own][other] += own row . other row        both operands by ldmatrix, as they are stored
     weigh     acc[own][column] += w[own][other] other     w straight from the registers it was summed in; other by ldmatrix.trans (bf16) or 4-byte loads (TF32)

   Lane l, g = l / 4, t = l % 4, has w[n][0..3] and acc[n][0..3] at rows g, g, g + 8, g + 8 of the warp's and columns 8 n + 2 t, + 1, + 0, + 1. TF32: the sum over
   other rows is taken in the order 0, 2, 4, 6, 1, 3, 5, 7 of each eight, so that the sums of scores are operands without a move between lanes.

   A tile has rows of D elements and 16 bytes: what ldmatrix or the lanes of a warp read at once lies in different banks. fp32 comes by cp.async, one tile ahead,
   into a place of each thread's own, from where that thread rounds it into the tile: every element once. Rows that are not aligned to 16 bytes come by 4. */
#ifndef SG_ATTENTION_ATTENTION_MMA_TILE_CUH
#define SG_ATTENTION_ATTENTION_MMA_TILE_CUH

#include "attention/attention.h"
#include "lib/cuda/cuda.cuh"
#include "lib/cuda/ptx.cuh"

#ifndef ATTENTION_MMA_OWN
#define ATTENTION_MMA_OWN 64 /* rows of a block: 16 for each of its warps */
#endif
#define ATTENTION_MMA_THREADS 128
#define ATTENTION_MMA_LOG2E 1.4426950408889634f
#define ATTENTION_MMA_LN2 0.6931471805599453f

struct AttentionBf16 {
    static constexpr int SIZE = 2;  /* bytes of an element */
    static constexpr int DEPTH = 2; /* eights of other rows that one product sums over */
    static __device__ __forceinline__ void put(unsigned char *to, float4 v) {
        *reinterpret_cast<uint2 *>(to) = make_uint2(ptx_cvt_rn_bf16x2(v.x, v.y), ptx_cvt_rn_bf16x2(v.z, v.w));
    }
    static __device__ __forceinline__ void multiply(f32 (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
        const u32 b[2] = {b0, b1};
        ptx_mma_m16n8k16_bf16(d, a, b, d);
    }
    /* The other rows' step-th 16 as columns of A. */
    template <int N>
    static __device__ __forceinline__ void weights(u32 (&a)[4], const f32 (&w)[N][4], i32 step) {
        a[0] = ptx_cvt_rn_bf16x2(w[2 * step][0], w[2 * step][1]);
        a[1] = ptx_cvt_rn_bf16x2(w[2 * step][2], w[2 * step][3]);
        a[2] = ptx_cvt_rn_bf16x2(w[2 * step + 1][0], w[2 * step + 1][1]);
        a[3] = ptx_cvt_rn_bf16x2(w[2 * step + 1][2], w[2 * step + 1][3]);
    }
    /* B of those rows and 16 columns: b[0], b[1] of the first eight, b[2], b[3] of the next. */
    template <int PITCH>
    static __device__ __forceinline__ void columns(u32 (&b)[4], const unsigned char *tile, i32 step, i32 sixteenth) {
        const i32 lane = (i32)threadIdx.x % SG_WARP;
        ptx_ldmatrix_x4_trans(b, tile + (16 * step + lane % 16) * PITCH + (2 * sixteenth + lane / 16) * 16);
    }
};

struct AttentionTf32 {
    static constexpr int SIZE = 4;
    static constexpr int DEPTH = 1;
    static __device__ __forceinline__ void put(unsigned char *to, float4 v) {
        *reinterpret_cast<uint4 *>(to) = make_uint4(ptx_cvt_rna_tf32(v.x), ptx_cvt_rna_tf32(v.y), ptx_cvt_rna_tf32(v.z), ptx_cvt_rna_tf32(v.w));
    }
    static __device__ __forceinline__ void multiply(f32 (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
        const u32 b[2] = {b0, b1};
        ptx_mma_m16n8k8_tf32(d, a, b, d);
    }
    template <int N>
    static __device__ __forceinline__ void weights(u32 (&a)[4], const f32 (&w)[N][4], i32 step) {
        a[0] = ptx_cvt_rna_tf32(w[step][0]);
        a[1] = ptx_cvt_rna_tf32(w[step][2]);
        a[2] = ptx_cvt_rna_tf32(w[step][1]);
        a[3] = ptx_cvt_rna_tf32(w[step][3]);
    }
    template <int PITCH>
    static __device__ __forceinline__ void columns(u32 (&b)[4], const unsigned char *tile, i32 step, i32 sixteenth) {
        const i32 lane = (i32)threadIdx.x % SG_WARP;
        const unsigned char *from = tile + (8 * step + lane % 4 * 2) * PITCH + (16 * sixteenth + lane / 4) * 4;
#pragma unroll
        for (i32 q = 0; q < 4; q++) b[q] = *reinterpret_cast<const u32 *>(from + q % 2 * PITCH + q / 2 * 32);
    }
};

/* Rows of a matrix in global memory: element (i, c) is from[i * row + c], c < d. from null: zeros. */
struct AttentionRows {
    const f32 *from;
    i64 row;
};
SG_FN AttentionRows attention_rows_at(const f32 *array, i64 offset, i64 row) {
    AttentionRows rows = {array != 0 ? array + offset : 0, row};
    return rows;
}
SG_FN bool attention_rows_aligned(const AttentionRows &rows) { return sg_aligned16(rows.from) && rows.row % 4 == 0; }

/* How many of four elements lie before the end, `left` away. */
SG_FN i32 attention_inside(i32 left) { return left < 0 ? 0 : left < 4 ? left : 4; }

/* Tiles of R rows for heads of up to D. */
template <class Format, int D, int R>
struct AttentionTile {
    static constexpr int PITCH = D * Format::SIZE + 16;
    static constexpr int BYTES = R * PITCH;
    static constexpr int RAW = R * D * 4; /* bytes of the fp32 that becomes one */
    static constexpr int ACROSS = D / 4;  /* chunks of 16 bytes of fp32 in a row */
    static constexpr int COPIES = R * ACROSS / ATTENTION_MMA_THREADS;
    static_assert(COPIES * ATTENTION_MMA_THREADS == R * ACROSS, "all threads copy the same number of chunks");

    /* A chunk of this thread's: where it is in the matrix, and how many of its elements exist. */
    struct Chunk {
        i32 place, inside;
        const f32 *source;
        __device__ __forceinline__ Chunk(const AttentionRows &from, i32 j, i32 thread, i32 first, i32 rows, i32 d) {
            place = j * ATTENTION_MMA_THREADS + thread;
            const i32 r = first + place / ACROSS, c = place % ACROSS * 4;
            inside = r < rows && from.from != 0 ? attention_inside(d - c) : 0;
            source = inside > 0 ? from.from + r * from.row + c : from.from; /* a copy of 0 bytes reads nothing */
        }
    };

    /* Asks for rows first .. first + R - 1; zeros beyond `rows` and d. */
    static __device__ __forceinline__ void fetch(unsigned char *raw, const AttentionRows &from, i32 first, i32 rows, i32 d) {
        const i32 thread = ptx_opaque((i32)threadIdx.x); /* else the addresses of all chunks wait in registers for the next tile */
        if (attention_rows_aligned(from)) {
#pragma unroll 4
            for (i32 j = 0; j < COPIES; j++) {
                const Chunk chunk(from, j, thread, first, rows, d);
                ptx_cp_async_16(raw + chunk.place * 16, chunk.source, (u32)chunk.inside * 4);
            }
        } else {
#pragma unroll 1
            for (i32 j = 0; j < COPIES; j++) {
                const Chunk chunk(from, j, thread, first, rows, d);
#pragma unroll
                for (i32 e = 0; e < 4; e++)
                    ptx_cp_async_4(raw + chunk.place * 16 + e * 4, e < chunk.inside ? chunk.source + e : chunk.source, e < chunk.inside ? 4 : 0);
            }
        }
    }

    /* What this thread asked for has arrived: into the tile, rounded. */
    static __device__ __forceinline__ void round(unsigned char *tile, const unsigned char *raw) {
        const i32 thread = ptx_opaque((i32)threadIdx.x);
#pragma unroll 4
        for (i32 j = 0; j < COPIES; j++) {
            const i32 chunk = j * ATTENTION_MMA_THREADS + thread;
            Format::put(tile + chunk / ACROSS * PITCH + chunk % ACROSS * 4 * Format::SIZE, sg_load4(reinterpret_cast<const f32 *>(raw + chunk * 16)));
        }
    }

    /* Both at once, for what is loaded once. */
    static __device__ __forceinline__ void load(unsigned char *tile, const AttentionRows &from, i32 first, i32 rows, i32 d) {
        const bool aligned = attention_rows_aligned(from) && d % 4 == 0;
        const i32 thread = ptx_opaque((i32)threadIdx.x);
#pragma unroll 1
        for (i32 j = 0; j < COPIES; j += 4) {
            float4 v[4];
#pragma unroll
            for (i32 u = 0; u < 4; u++) {
                const Chunk chunk(from, j + u, thread, first, rows, d);
                v[u] = make_float4(0, 0, 0, 0);
                if (aligned && chunk.inside > 0) v[u] = ptx_ld_global_f32x4(chunk.source);
            }
            if (!aligned) {
#pragma unroll
                for (i32 u = 0; u < 4; u++) {
                    const Chunk chunk(from, j + u, thread, first, rows, d);
                    if (chunk.inside > 0) v[u].x = chunk.source[0];
                    if (chunk.inside > 1) v[u].y = chunk.source[1];
                    if (chunk.inside > 2) v[u].z = chunk.source[2];
                    if (chunk.inside > 3) v[u].w = chunk.source[3];
                }
            }
#pragma unroll
            for (i32 u = 0; u < 4; u++) {
                const i32 place = (j + u) * ATTENTION_MMA_THREADS + thread;
                Format::put(tile + place / ACROSS * PITCH + place % ACROSS * 4 * Format::SIZE, v[u]);
            }
        }
    }
};

/* w[n] += the warp's 16 own rows times other rows 8 n .. 8 n + 7. UNROLL: steps whose operands are on their way together. */
template <class Format, int D, int R, int UNROLL = 4>
SG_FN void attention_mma_scores(f32 (&w)[R / 8][4], const unsigned char *own, const unsigned char *other) {
    constexpr int PITCH = AttentionTile<Format, D, R>::PITCH;
    const i32 lane = (i32)threadIdx.x % SG_WARP, warp = (i32)threadIdx.x / SG_WARP;
    const unsigned char *a_at = own + (16 * warp + lane % 16) * PITCH + lane / 16 * 16;
    const unsigned char *b_at = other + (lane / 16 * 8 + lane % 8) * PITCH + lane / 8 % 2 * 16;
#pragma unroll UNROLL
    for (i32 step = 0; step < D * Format::SIZE / 32; step++) {
        u32 a[4];
        ptx_ldmatrix_x4(a, a_at + step * 32);
#pragma unroll
        for (i32 n = 0; n < R / 16; n++) {
            u32 b[4];
            ptx_ldmatrix_x4(b, b_at + 16 * n * PITCH + step * 32);
            Format::multiply(w[2 * n], a, b[0], b[1]);
            Format::multiply(w[2 * n + 1], a, b[2], b[3]);
        }
    }
}

/* acc[n] += w times columns 8 n .. 8 n + 7 of the other rows. */
template <class Format, int D, int R>
SG_FN void attention_mma_weigh(f32 (&acc)[D / 8][4], const f32 (&w)[R / 8][4], const unsigned char *other) {
    constexpr int PITCH = AttentionTile<Format, D, R>::PITCH;
#pragma unroll
    for (i32 step = 0; step < R / 8 / Format::DEPTH; step++) {
        u32 a[4];
        Format::weights(a, w, step);
#pragma unroll
        for (i32 n = 0; n < D / 16; n++) {
            u32 b[4];
            Format::template columns<PITCH>(b, other, step, n);
            Format::multiply(acc[2 * n], a, b[0], b[1]);
            Format::multiply(acc[2 * n + 1], a, b[2], b[3]);
        }
    }
}

template <int N>
SG_FN void attention_mma_zero(f32 (&w)[N][4]) {
#pragma unroll
    for (i32 n = 0; n < N; n++) w[n][0] = w[n][1] = w[n][2] = w[n][3] = 0.0f;
}

/* Own row i to row first + i of `to`, times factor[i / 8 % 2], where that is below `rows`; columns below d. */
template <int D>
SG_FN void attention_mma_store(const f32 (&acc)[D / 8][4], const f32 (&factor)[2], const AttentionRows &to, i32 first, i32 rows, i32 d) {
    const i32 lane = (i32)threadIdx.x % SG_WARP, i0 = first + (i32)threadIdx.x / SG_WARP * 16 + lane / 4;
    f32 *array = const_cast<f32 *>(to.from);
    const bool pairs = to.row % 2 == 0 && (reinterpret_cast<u64>(array) & 7) == 0;
#pragma unroll
    for (i32 h = 0; h < 2; h++) {
        if (i0 + 8 * h >= rows) continue;
        f32 *place = array + (i0 + 8 * h) * to.row + lane % 4 * 2;
#pragma unroll
        for (i32 n = 0; n < D / 8; n++) {
            const i32 left = d - 8 * n - lane % 4 * 2;
            const f32 x = factor[h] * acc[n][2 * h], y = factor[h] * acc[n][2 * h + 1];
            if (left > 1 && pairs) *reinterpret_cast<float2 *>(place + 8 * n) = make_float2(x, y);
            else {
                if (left > 0) place[8 * n] = x;
                if (left > 1) place[8 * n + 1] = y;
            }
        }
    }
}

/* Over the four lanes that share a row. */
SG_FN f32 attention_mma_row_sum(f32 x) {
    x += __shfl_xor_sync(SG_FULL_MASK, x, 1);
    return x + __shfl_xor_sync(SG_FULL_MASK, x, 2);
}
SG_FN f32 attention_mma_row_max(f32 x) {
    x = sg_nan_max(x, __shfl_xor_sync(SG_FULL_MASK, x, 1));
    return sg_nan_max(x, __shfl_xor_sync(SG_FULL_MASK, x, 2));
}

#endif
