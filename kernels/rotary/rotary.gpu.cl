/* Rotary positions: pairs of elements of every head are turned by the angle of their place, forwards or back.

     (a, b) -> (a cos - b sin, a sin + b cos),  back: (a cos + b sin, b cos - a sin)

   for pair m < dims / 2 of a head: elements m and m + dims / 2, or 2 m and 2 m + 1 where interleaved. Elements from `dims` on are copied. Row r, head h, element c of x is
   x[x_from + r x_row + h d + c], of y likewise; y is not x. Row r stands at place first + r % t. table: [places, dims / 2, 2], cosine and sine, made in fp64.

   Work-group: lanes x rows; group g has the rows g rows, ... + rows - 1, then those a grid further on; lanes go along a row. Where an element stands in its head is
   carried on from one to the next: nothing is divided but a row's number. Bytes per element: 8, once more from cache for the pair's other. Flops: 3.
   Source: Su et al., RoFormer (2021). */
#include "lib/gpu.h"

SG_ENTRY rotary_turn_f32(const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *table, SG_GLOBAL f32 *y, i64 x_from, i64 x_row, i64 y_from, i64 y_row, i64 rows, i32 t,
                         i32 heads, i32 d, i32 dims, i32 interleaved, i32 first, i32 inverse) {
    i32 lanes = (i32)sg_locals(0), width = heads * d, pairs = dims / 2, away = interleaved ? 1 : pairs;
    i32 own = (i32)sg_local(0) % d, step = lanes % d;
    for (i64 row = (i64)sg_group(0) * sg_locals(1) + sg_local(1); row < rows; row += (i64)sg_groups(0) * sg_locals(1)) {
        const SG_GLOBAL f32 *from = x + x_from + row * x_row, *turn = table + (first + row % t) * dims;
        SG_GLOBAL f32 *to = y + y_from + row * y_row;
        for (i32 e = (i32)sg_local(0), c = own; e < width; e += lanes) {
            f32 value = from[e];
            if (c < dims) {
                i32 second = interleaved ? c % 2 : c >= pairs, m = interleaved ? c / 2 : second ? c - pairs : c;
                f32 other = from[second ? e - away : e + away], cosine = turn[2 * m], sine = turn[2 * m + 1];
                value = value * cosine + other * ((second != 0) == (inverse != 0) ? -sine : sine);
            }
            to[e] = value;
            c += step;
            if (c >= d) c -= d;
        }
    }
}
