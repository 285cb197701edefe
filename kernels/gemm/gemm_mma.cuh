/* The tensor-core inner loop of gemm/gemm.cu: a T x T tile of C by four warps, T 64 or 128, by mma.sync with fp32 sums.

   A step of K is 64 bytes of each row: 32 16-bit elements or 16 fp32, two mma deep. GEMM_STAGES steps are in shared memory, one computed on and
   the others on their way by cp.async. Each operand of a step is a tile of 16-byte chunks, as its matrix is stored, placed so that what a warp
   reads at once lies in different banks:

     stored along K (A n, B t)   [i][4 chunks]            chunk c of row i is at c ^ (i / 2 % 4)        ldmatrix
     stored along i (A t, B n)   [t][T / 8 chunks]        16-bit: chunk c of row t is at c ^ (t % 8)    ldmatrix.trans
                                 [t][T / 4 + 2 chunks]    fp32: nothing transposes those                loads of 4 bytes

   Warp (w / 2, w % 2) holds T/2 x T/2 of the tile; a step is two slices, 16 deep (fp32: 8).
   Rows that are not aligned to 16 bytes come by cp.async of 4 bytes (fp32) or by way of registers (16-bit). */
#ifndef SG_GEMM_GEMM_MMA_CUH
#define SG_GEMM_GEMM_MMA_CUH

#include "gemm/gemm_common.cuh"

#define GEMM_MMA_THREADS 128
#define GEMM_MMA_CHUNKS 4 /* of 16 bytes: depth of a step */

struct GemmBf16 {
    typedef u16 Element;
    static __device__ __forceinline__ f32 load(u16 h) { return sg_bf16_to_f32(h); }
    static __device__ __forceinline__ u16 store(f32 x) { return sg_f32_to_bf16(x); }
    static __device__ __forceinline__ void multiply(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) { ptx_mma_m16n8k16_bf16(d, a, b, d); }
};
struct GemmF16 {
    typedef u16 Element;
    static __device__ __forceinline__ f32 load(u16 h) { return sg_f16_to_f32(h); }
    static __device__ __forceinline__ u16 store(f32 x) { return sg_f32_to_f16(x); }
    static __device__ __forceinline__ void multiply(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) { ptx_mma_m16n8k16_f16(d, a, b, d); }
};
struct GemmTf32 {
    typedef f32 Element;
    static __device__ __forceinline__ void multiply(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) { ptx_mma_m16n8k8_tf32(d, a, b, d); }
};

/* Up to 16 bytes that are aligned to their elements only; zeros behind them. */
SG_FN void gemm_copy_unaligned(void *target, const f32 *source, i32 inside) {
#pragma unroll
    for (i32 e = 0; e < 4; e++) ptx_cp_async_4(static_cast<f32 *>(target) + e, source + e, e < inside ? 4 : 0);
}
SG_FN void gemm_copy_unaligned(void *target, const u16 *source, i32 inside) {
    u32 word[4];
#pragma unroll
    for (i32 e = 0; e < 4; e++) {
        const u32 low = 2 * e < inside ? source[2 * e] : 0, high = 2 * e + 1 < inside ? source[2 * e + 1] : 0;
        word[e] = low | high << 16;
    }
    *static_cast<uint4 *>(target) = make_uint4(word[0], word[1], word[2], word[3]);
}

/* One operand. ALONG_K: its rows run along K. */
template <class Element, bool ALONG_K, int T>
struct GemmOperand {
    static constexpr int WIDE = 16 / sizeof(Element);                            /* elements of a chunk */
    static constexpr int STEP = GEMM_MMA_CHUNKS * WIDE;                          /* depth of a step in elements */
    static constexpr int PER_ROW = ALONG_K ? GEMM_MMA_CHUNKS : T / WIDE;         /* chunks of a row */
    static constexpr int PITCH = PER_ROW + (sizeof(Element) == 4 && !ALONG_K ? 2 : 0);
    static constexpr int APART = GEMM_MMA_THREADS / PER_ROW;                     /* rows between a thread's chunks: keeps the permutation */
    static constexpr int COPIES = T * GEMM_MMA_CHUNKS / GEMM_MMA_THREADS;
    static constexpr int BYTES = (ALONG_K ? T : STEP) * PITCH * 16;

    const Element *from;
    i32 ld, to, r_left, c_left;
    bool aligned;

    /* Where in the tile a chunk is, in bytes. */
    static __device__ __forceinline__ i32 place(i32 row, i32 chunk) {
        return (row * PITCH + (chunk ^ (ALONG_K ? row / 2 % 4 : sizeof(Element) == 2 ? row % 8 : 0))) * 16;
    }

    __device__ __forceinline__ void start(const Element *matrix, i32 row, i32 i0, i32 extent, i32 k) {
        const i32 r = (i32)threadIdx.x / PER_ROW, chunk = (i32)threadIdx.x % PER_ROW, c = chunk * WIDE;
        ld = row;
        from = matrix + (ALONG_K ? (i64)(i0 + r) * ld + c : (i64)r * ld + i0 + c);
        to = place(r, chunk);
        r_left = (ALONG_K ? extent - i0 : k) - r;
        c_left = (ALONG_K ? k : extent - i0) - c;
        aligned = sg_aligned16(matrix) && ld % WIDE == 0;
    }

    /* Asks for this thread's share of the next step. A copy of 0 bytes reads nothing, wherever its source points, and writes zeros. */
    __device__ __forceinline__ void next(unsigned char *tile) {
#pragma unroll
        for (i32 j = 0; j < COPIES; j++) {
            const i32 inside = j * APART < r_left ? gemm_inside(c_left, WIDE) : 0;
            const Element *source = from + (i64)(j * APART) * ld;
            unsigned char *target = tile + to + j * APART * PITCH * 16;
            if (aligned) ptx_cp_async_16(target, source, (u32)(inside * sizeof(Element)));
            else gemm_copy_unaligned(target, source, inside);
        }
        from += ALONG_K ? STEP : (i64)STEP * ld;
        if (ALONG_K) c_left -= STEP;
        else r_left -= STEP;
    }

    /* Four 8 x 8 (16-bit) or 8 x 4 (fp32) fragments of rows i .. i + 15 of op(A), or columns of op(B), in slice 0 or 1 of a step.
       A_ORDER: the second fragment is the next 8 rows; else it is the other half of the depth, and pairs are b[0], b[1] of 8 columns each. */
    template <bool A_ORDER>
    static __device__ __forceinline__ void fragments(u32 (&r)[4], const unsigned char *tile, i32 i, i32 slice) {
        const i32 lane = (i32)threadIdx.x % SG_WARP;
        if (sizeof(Element) == 2 || ALONG_K) {
            const i32 eighth = lane / 8, across = A_ORDER ? eighth % 2 : eighth / 2, deep = A_ORDER ? eighth / 2 : eighth % 2;
            if (ALONG_K) ptx_ldmatrix_x4(r, tile + place(i + 8 * across + lane % 8, 2 * slice + deep));
            else ptx_ldmatrix_x4_trans(r, tile + place((2 * slice + deep) * 8 + lane % 8, i / 8 + across));
        } else {
#pragma unroll
            for (i32 q = 0; q < 4; q++) {
                const i32 across = A_ORDER ? q % 2 : q / 2, deep = A_ORDER ? q / 2 : q % 2;
                const i32 column = i + 8 * across + lane / 4, row = (2 * slice + deep) * 4 + lane % 4;
                r[q] = *reinterpret_cast<const u32 *>(tile + place(row, 0) + column * 4);
            }
        }
        if (sizeof(Element) == 4) {
#pragma unroll
            for (i32 q = 0; q < 4; q++) r[q] = ptx_cvt_rna_tf32(SG_BITS_TO_F32(r[q]));
        }
    }
};

template <class Format, class Result, bool TRANS_A, bool TRANS_B, int T, class Problem>
SG_FN void gemm_mma_tile(const Problem &p, unsigned char *memory) {
    typedef typename Format::Element Element;
    typedef GemmOperand<Element, !TRANS_A, T> OperandA;
    typedef GemmOperand<Element, TRANS_B, T> OperandB;
    constexpr int AHEAD = sizeof(Element) == 2 ? 1 : 0; /* slices that are loaded before they are needed; fp32 has no registers left for it */
    constexpr int STAGE = OperandA::BYTES + OperandB::BYTES, BLOCKS = T / 32; /* of 16 rows, and of 16 columns, per warp */
    const GemmOrigin at = gemm_origin(p.m, p.n, T);
    const i32 lane = sg_lane(), warp_row = sg_warp() / 2, warp_column = sg_warp() % 2;
    f32 sum[BLOCKS][2 * BLOCKS][4] = {};

    OperandA a;
    OperandB b;
    a.start(p.a, p.lda, at.row, p.m, p.k);
    b.start(p.b, p.ldb, at.column, p.n, p.k);
    const i32 steps = (p.k - 1) / OperandA::STEP + 1;
#pragma unroll 1
    for (i32 stage = 0; stage < GEMM_STAGES - 1; stage++) {
        if (stage < steps) {
            a.next(memory + stage * STAGE);
            b.next(memory + stage * STAGE + OperandA::BYTES);
        }
        ptx_cp_async_commit();
    }

    i32 now = 0, coming = GEMM_STAGES - 1;
#pragma unroll 1
    for (i32 step = 0; step < steps; step++) {
        ptx_cp_async_wait<GEMM_STAGES - 2>();
        __syncthreads(); /* this step has arrived, and nobody reads the one before it any more */
        if (step + GEMM_STAGES - 1 < steps) {
            a.next(memory + coming * STAGE);
            b.next(memory + coming * STAGE + OperandA::BYTES);
        }
        ptx_cp_async_commit();

        const unsigned char *tile_a = memory + now * STAGE, *tile_b = tile_a + OperandA::BYTES;
        u32 row[2][BLOCKS][4], col[2][BLOCKS][4];
#pragma unroll
        for (i32 slice = 0; slice < 2 + AHEAD; slice++) {
            if (slice < 2) {
#pragma unroll
                for (i32 i = 0; i < BLOCKS; i++) {
                    OperandA::template fragments<true>(row[slice][i], tile_a, T / 2 * warp_row + 16 * i, slice);
                    OperandB::template fragments<false>(col[slice][i], tile_b, T / 2 * warp_column + 16 * i, slice);
                }
            }
            const i32 ready = slice - AHEAD;
            if (ready >= 0) {
#pragma unroll
                for (i32 i = 0; i < BLOCKS; i++)
#pragma unroll
                    for (i32 j = 0; j < 2 * BLOCKS; j++) {
                        const u32 pair[2] = {col[ready][j / 2][j % 2 * 2], col[ready][j / 2][j % 2 * 2 + 1]};
                        Format::multiply(sum[i][j], row[ready][i], pair);
                    }
            }
        }
        now = now + 1 == GEMM_STAGES ? 0 : now + 1;
        coming = coming + 1 == GEMM_STAGES ? 0 : coming + 1;
    }
    ptx_cp_async_wait_all();

    f32 *sums = reinterpret_cast<f32 *>(memory); /* half of the tile at a time: it fits in the stages */
#pragma unroll 1
    for (i32 half = 0; half < 2; half++) {
        __syncthreads();
        if (warp_row == half) {
#pragma unroll
            for (i32 i = 0; i < BLOCKS; i++)
#pragma unroll
                for (i32 j = 0; j < 2 * BLOCKS; j++)
#pragma unroll
                    for (i32 h = 0; h < 2; h++) {
                        f32 *pair = sums + (16 * i + 8 * h + lane / 4) * (T + GEMM_ROW_PAD) + T / 2 * warp_column + 8 * j + lane % 4 * 2;
                        *reinterpret_cast<float2 *>(pair) = make_float2(sum[i][j][2 * h], sum[i][j][2 * h + 1]);
                    }
        }
        __syncthreads();
        gemm_finish<Result, T / 2, T, GEMM_MMA_THREADS>(p, sums, at.row + T / 2 * half, at.column);
    }
}

#endif
