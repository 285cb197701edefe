/* Random flips and shifts of images for CPU devices: formulas, arguments and bytes as in random/augment.gpu.cl.

   Work-group: 1, with a piece of the planes [height, width]; a row is what lies beyond on the left, a copied run, forwards or backwards, and what lies beyond on the right. */
#include "lib/cpu/pieces.h"
#include "random/augment.h"

SG_FN void zero_row(global f32 *y, i64 begin, i64 end) {
    for (i64 w = begin; w < end; w++) y[w] = 0.0f;
}

kernel void augment_f32(const global u32 *state, u32 stream, i32 flip, i32 padding, i32 transposed, i64 images, i64 batch, i64 rows, i64 height, i64 width, const global f32 *x, global f32 *y) {
    sg_random_key key;
    sg_random_key_of(state, stream, &key);
    i64 channels = rows / height, planes = images * channels;
    for (i64 plane = sg_unit_begin(planes); plane < sg_unit_end(planes); plane++) {
        sg_move move;
        sg_augment_move(key, plane / channels % batch, flip, padding, transposed, (i32)width, &move);
        /* columns w whose first + step w lies in [0, width) */
        i64 low = move.step > 0 ? -move.first : move.first - width + 1, high = move.step > 0 ? width - move.first : move.first + 1;
        i64 begin = clamp(low, (i64)0, width), end = clamp(high, begin, width);
        for (i64 r = 0; r < height; r++) {
            global f32 *restrict to = y + (plane * height + r) * width;
            if (r + move.row < 0 || r + move.row >= height) {
                zero_row(to, 0, width);
                continue;
            }
            const global f32 *restrict from = x + (plane * height + r + move.row) * width + move.first;
            zero_row(to, 0, begin);
            if (move.step > 0) {
                for (i64 w = begin; w < end; w++) to[w] = from[w];
            } else {
                for (i64 w = begin; w < end; w++) to[w] = from[-w];
            }
            zero_row(to, end, width);
        }
    }
}
