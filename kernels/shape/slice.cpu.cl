/* Pieces of rows copied between tensors whose rows have different lengths, for CPU devices: formulas, arguments and bytes as in shape/slice.gpu.cl.

   Work-group: 1. The pieces are cut into blocks of SLICE_BLOCK elements of y; work-group g takes the g-th part of all blocks. */
#include "lib/cpu/vector.h"

#ifndef SLICE_BLOCK
#define SLICE_BLOCK 4096 /* elements: 16 KiB, so that one long row has work for every core */
#endif

SG_FN void copy_run(const global f32 *x, global f32 *y, i64 n, bool stream) {
    i64 i = 0;
    for (; i + 16 <= n; i += 16) sg_store_v16(vload16(0, x + i), y + i, stream);
    if (i < n) sg_store_part(sg_load_part(x + i, n - i, 0.0f), y + i, n - i);
}

SG_FN void zero_run(global f32 *y, i64 n) {
    for (i64 i = 0; i < n; i += 16) sg_store_part((float16)(0.0f), y + i, n - i);
}

kernel void slice_f32(const global f32 *x, global f32 *y, i64 outer, i64 width, i64 lead, i64 length, i64 x_row, i64 x_first, i64 y_row, i64 y_first) {
    i64 blocks = (width + SLICE_BLOCK - 1) / SLICE_BLOCK, all = outer * blocks, groups = (i64)get_num_groups(0), g = (i64)get_group_id(0);
    bool large = outer * width > STREAM_ELEMENTS;
    i64 first = all * g / groups, last = all * (g + 1) / groups, o = first / max(blocks, (i64)1), b = first - o * blocks;
    for (i64 unit = first; unit < last; unit++) {
        i64 begin = b * SLICE_BLOCK, end = min(begin + SLICE_BLOCK, width), from = clamp(lead, begin, end), to = clamp(lead + length, from, end);
        const global f32 *in = x + o * x_row + x_first - lead;
        global f32 *out = y + o * y_row + y_first;
        zero_run(out + begin, from - begin);
        copy_run(in + from, out + from, to - from, large && ((u64)(out + from) & 63) == 0);
        zero_run(out + to, end - to);
        if (++b == blocks) {
            b = 0;
            o++;
        }
    }
}
