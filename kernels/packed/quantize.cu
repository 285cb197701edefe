/* Weights to packed codes and back: entries for each width B of 2, 3, 4 and 8 bits; docs/packed-weights.md has the format.

     quantize_fit_wB_f32        step and centre of each group: of 25 clips of the group's range (times 1, 31/32 ... 8/32), symmetric ones
                                with either sign, the one with the least squared error. Work-group 256: 32 groups, eight threads each.
     quantize_pack_wB_f32       codes nearest to (w - c) / s, packed; errors[n] = sum over k of (w' - w)^2, NaN if a weight of the row is
                                not finite. Steps and centres may come from elsewhere. Work-group 64: one row, in a fixed order.
     dequantize_rows_wB_f32, dequantize_panels_wB_f32   w' = fma(s, code - 2^(B-1), c), from either layout. Work-item: 16 weights.
     repack_to_panels_u32, repack_to_rows_u32           a matrix of 32-bit values (words, steps or centres) [N, row_width] to or from
                                                        panels of 16 rows [P][panel_width][16], see packed/packed.h. Work-item: one value.

   w, weights: [N, K] fp32. words: [N, ceil(K B / 32)] or panels. scales, offsets: [N, ceil(K / group)] or panels; offsets is null when
   symmetric. Any N, K, group >= 1. Work-group 256 but for pack.
   A group with a weight that is not finite gets s = c = 0; a step below 2^-100 becomes 0.
   Bytes: 4 N K read, N K B / 8 and steps and centres written, or the reverse. Flops per weight: fit 400 (200 asymmetric), pack 6,
   dequantize 2. Source: clip search as in AWQ's and GPTQ's baselines (round to nearest, minimal squared error).
   DIALECT: a group per warp by shuffles; the fit that both share is quantize_fit_gpu.h. */
#include "lib/cuda/cuda.cuh"
#include "lib/cuda/ptx.cuh"

#define QUANT_LOCAL
#define QUANT_BARRIER() __syncthreads()
#define QUANT_STORE4(p, v) ptx_st_global_f32x4(p, v)
#include "packed/quantize_fit_gpu.h"

#define PACK_THREADS 64

#define QUANTIZE_ENTRIES(BITS)                                                                                                                        \
    extern "C" __global__ void __launch_bounds__(FIT_THREADS) quantize_fit_w##BITS##_f32(const f32 *w, f32 *scales, f32 *offsets, i64 n, i64 k, i32 group) { \
        __shared__ FitBest shared[FIT_THREADS];                                                                                                      \
        fit_group(BITS, w, scales, offsets, n, k, group, blockIdx.x, (i32)threadIdx.x, shared);                                                      \
    }                                                                                                                                                \
    extern "C" __global__ void quantize_pack_w##BITS##_f32(const f32 *w, const f32 *scales, const f32 *offsets, u32 *words, f32 *errors, i64 n, i64 k, i32 group) {\
        __shared__ f32 partial[PACK_THREADS];                                                                                                         \
        const i64 row = (i64)blockIdx.x, groups = packed_groups(k, group), width = packed_row_width(BITS, k);                                         \
        const i32 thread = (i32)threadIdx.x;                                                                                                          \
        f32 error = 0.0f;                                                                                                                             \
        for (i64 j = thread; j < width; j += PACK_THREADS)                                                                                            \
            words[row * width + j] = quant_word(BITS, w + row * k, scales + row * groups, offsets ? offsets + row * groups : 0, j, (i32)k, group, &error);\
        partial[thread] = error;                                                                                                                      \
        __syncthreads();                                                                                                                              \
        if (thread == 0) {                                                                                                                            \
            for (i32 t = 1; t < PACK_THREADS; t++) error += partial[t];                                                                               \
            errors[row] = error;                                                                                                                      \
        }                                                                                                                                             \
    }                                                                                                                                                 \
    extern "C" __global__ void dequantize_rows_w##BITS##_f32(const u32 *words, const f32 *scales, const f32 *offsets, f32 *weights, i64 n, i64 k, i32 group) { \
        DEQUANTIZE(BITS, 0, blockIdx.x, (i32)threadIdx.x);                                                                                           \
    }                                                                                                                                                \
    extern "C" __global__ void dequantize_panels_w##BITS##_f32(const u32 *words, const f32 *scales, const f32 *offsets, f32 *weights, i64 n, i64 k, i32 group) { \
        DEQUANTIZE(BITS, 1, blockIdx.x, (i32)threadIdx.x);                                                                                           \
    }

QUANTIZE_ENTRIES(2)
QUANTIZE_ENTRIES(3)
QUANTIZE_ENTRIES(4)
QUANTIZE_ENTRIES(8)

extern "C" __global__ void repack_to_panels_u32(const u32 *from, u32 *to, i64 n, i64 row_width, i64 panel_width) {
    const i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x, rest = i >> 4, panel = rest / panel_width;
    const i64 row = panel * 16 + (i & 15), j = rest - panel * panel_width;
    if (i >= ((n + 15) >> 4) * panel_width * 16) return;
    to[i] = row < n && j < row_width ? from[row * row_width + j] : 0u;
}

extern "C" __global__ void repack_to_rows_u32(const u32 *from, u32 *to, i64 n, i64 row_width, i64 panel_width) {
    const i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n * row_width) return;
    const i64 row = i / row_width;
    to[i] = from[repack_place(row, i - row * row_width, panel_width)];
}
