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
   dequantize 2. Source: clip search as in AWQ's and GPTQ's baselines (round to nearest, minimal squared error). */
#define QUANT_LOCAL local
#define QUANT_BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
#define QUANT_STORE4(p, v) (*(global float4 *)(p) = (v))
#include "packed/quantize_fit_gpu.h"
#include "packed/quantize_pack.h"

#define QUANTIZE_FIT(BITS)                                                                                                        \
    kernel void quantize_fit_w##BITS##_f32(const global f32 *w, global f32 *scales, global f32 *offsets, i64 n, i64 k, i32 group) { \
        local FitBest shared[FIT_THREADS];                                                                                        \
        fit_group(BITS, w, scales, offsets, n, k, group, get_group_id(0), (i32)get_local_id(0), shared);                          \
    }

QUANTIZE_FIT(2)
QUANTIZE_FIT(3)
QUANTIZE_FIT(4)
QUANTIZE_FIT(8)
