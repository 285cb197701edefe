/* Pieces of rows copied between tensors whose rows have different lengths: slices along any axis, seen as [outer, axis times inner].

     slice_f32  y[o y_row + y_first + j] = x[o x_row + x_first + j - lead] for lead <= j < lead + length, else 0;  0 <= o < outer, 0 <= j < width

   A slice takes a part of each row of x (lead 0, width = length), a concatenation puts rows of x into a part of each row of y, a slice's transpose pads rows of
   x with zeros (lead > 0 or width > lead + length). What lies in y outside the pieces is left alone.
   x, y: f32, row-major; any elements of 4 bytes, whose bits are copied. Work-group: T x R = 256, T a power of two: T work-items side by side, 4 elements per access where all numbers and addresses allow, R
   pieces. Grid x: pieces; y: along a piece. Bytes per element of y: 8, of padding 4. Flops: 0.
   WIDE slice_f32: 1 loads, 1 stores */
#include "lib/gpu_wide.h"

SG_KERNEL(256) slice_f32(const SG_GLOBAL f32 *x, SG_GLOBAL f32 *y, i64 outer, i64 width, i64 lead, i64 length, i64 x_row, i64 x_first, i64 y_row, i64 y_first) {
    bool wide = sg_aligned16(x) && sg_aligned16(y) && ((width | lead | length | x_row | x_first | y_row | y_first) & 3) == 0;
    i64 across = (i64)sg_groups(1) * sg_locals(0), begin = (i64)sg_group(1) * sg_locals(0) + sg_local(0);
    for (i64 o = (i64)sg_group(0) * sg_locals(1) + sg_local(1); o < outer; o += (i64)sg_groups(0) * sg_locals(1)) {
        const SG_GLOBAL f32 *from = x + o * x_row + x_first;
        SG_GLOBAL f32 *to = y + o * y_row + y_first;
        if (wide) {
            for (i64 j = 4 * begin; j < width; j += 4 * across) {
                if (j >= lead && j < lead + length) sg_store_4(to + j, sg_load_4(from + (j - lead)));
                else sg_store_4(to + j, sg_splat4(0.0f));
            }
        } else {
            for (i64 j = begin; j < width; j += across) to[j] = j >= lead && j < lead + length ? from[j - lead] : 0.0f;
        }
    }
}
