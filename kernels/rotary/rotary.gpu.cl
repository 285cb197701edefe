/* Rotary positions: pairs of elements of every head are turned by the angle of their place, forwards or back.

     (a, b) -> (a cos - b sin, a sin + b cos),  back: (a cos + b sin, b cos - a sin)

   for pair m < dims / 2 of a head: elements m and m + dims / 2, or 2 m and 2 m + 1 where interleaved. Elements from `dims` on are copied. Row r, head h, element c of x is
   x[x_from + r x_row + h d + c], of y likewise; y is not x. Row r stands at place first + r % t. table: [places, dims / 2, 2], cosine and sine, made in fp64.

   Work-group: 256; group g has a contiguous piece of the rows heads d elements. Bytes per element: 8, once more from cache for the pair's other. Flops: 3.
   Source: Su et al., RoFormer (2021). */
#include "lib/gpu.h"

SG_ENTRY rotary_turn_f32(const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *table, SG_GLOBAL f32 *y, i64 x_from, i64 x_row, i64 y_from, i64 y_row, i64 rows, i32 t,
                         i32 heads, i32 d, i32 dims, i32 interleaved, i32 first, i32 inverse) {
    i64 n = rows * heads * d, share = (n + sg_groups(0) - 1) / sg_groups(0), begin = share * sg_group(0), end = begin + share < n ? begin + share : n;
    for (i64 e = begin + sg_local(0); e < end; e += sg_locals(0)) {
        i64 row = e / ((i64)heads * d);
        i32 within = (i32)(e % ((i64)heads * d)), c = within % d;
        const SG_GLOBAL f32 *from = x + x_from + row * x_row + within;
        f32 value = from[0];
        if (c < dims) {
            i32 pairs = dims / 2, second = interleaved ? c % 2 : c >= pairs, m = interleaved ? c / 2 : c % pairs, away = interleaved ? 1 : pairs;
            f32 other = from[second ? -away : away];
            const SG_GLOBAL f32 *turn = table + ((first + row % t) * pairs + m) * 2;
            f32 sine = (second != 0) == (inverse != 0) ? -turn[1] : turn[1];
            value = value * turn[0] + other * sine;
        }
        y[y_from + row * y_row + within] = value;
    }
}
