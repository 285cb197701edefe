/* The entries of quantize.cl that GPU and CPU devices share: packing, unpacking and repacking. See kernels/packed/quantize.cl. */
#ifndef SG_PACKED_QUANTIZE_PACK_H
#define SG_PACKED_QUANTIZE_PACK_H
#include "packed/quantize.h"

#define PACK_THREADS 64

#define QUANTIZE_ENTRIES(BITS)                                                                                                                        \
    kernel void quantize_pack_w##BITS##_f32(const global f32 *w, const global f32 *scales, const global f32 *offsets, global u32 *words, global f32 *errors, i64 n, i64 k, i32 group) {\
        local f32 partial[PACK_THREADS];                                                                                                              \
        const i64 row = (i64)get_group_id(0), groups = packed_groups(k, group), width = packed_row_width(BITS, k);                                    \
        const i32 thread = (i32)get_local_id(0);                                                                                                      \
        f32 error = 0.0f;                                                                                                                             \
        for (i64 j = thread; j < width; j += PACK_THREADS)                                                                                            \
            words[row * width + j] = quant_word(BITS, w + row * k, scales + row * groups, offsets ? offsets + row * groups : 0, j, (i32)k, group, &error);\
        partial[thread] = error;                                                                                                                      \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                                                                 \
        if (thread == 0) {                                                                                                                            \
            for (i32 t = 1; t < PACK_THREADS; t++) error += partial[t];                                                                               \
            errors[row] = error;                                                                                                                      \
        }                                                                                                                                             \
    }                                                                                                                                                 \
    kernel void dequantize_rows_w##BITS##_f32(const global u32 *words, const global f32 *scales, const global f32 *offsets, global f32 *weights, i64 n, i64 k, i32 group) { \
        DEQUANTIZE(BITS, 0, get_group_id(0), (i32)get_local_id(0));                                                                                  \
    }                                                                                                                                                \
    kernel void dequantize_panels_w##BITS##_f32(const global u32 *words, const global f32 *scales, const global f32 *offsets, global f32 *weights, i64 n, i64 k, i32 group) { \
        DEQUANTIZE(BITS, 1, get_group_id(0), (i32)get_local_id(0));                                                                                  \
    }

QUANTIZE_ENTRIES(2)
QUANTIZE_ENTRIES(3)
QUANTIZE_ENTRIES(4)
QUANTIZE_ENTRIES(8)

kernel void repack_to_panels_u32(const global u32 *from, global u32 *to, i64 n, i64 row_width, i64 panel_width) {
    const i64 i = (i64)get_global_id(0), rest = i >> 4, panel = rest / panel_width;
    const i64 row = panel * 16 + (i & 15), j = rest - panel * panel_width;
    if (i >= ((n + 15) >> 4) * panel_width * 16) return;
    to[i] = row < n && j < row_width ? from[row * row_width + j] : 0u;
}

kernel void repack_to_rows_u32(const global u32 *from, global u32 *to, i64 n, i64 row_width, i64 panel_width) {
    const i64 i = (i64)get_global_id(0);
    if (i >= n * row_width) return;
    const i64 row = i / row_width;
    to[i] = from[repack_place(row, i - row * row_width, panel_width)];
}

#endif
