/* Two neighbouring axes exchanged, for CPU devices: formulas, arguments and bytes as in shape/transpose.gpu.cl.

   Work-group: 1. transpose: work-group g takes the g-th part of all tiles of 16 x 16, which are exchanged in registers: a row of x and a row of y is one cache
   line each. transpose_rows: the g-th part of the rows of y. */
#include "lib/cpu/vector.h"

#define LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

/* Element (r, c) of 16 rows goes to (r', c') whose 8 bits are those of (r, c) turned left by one: four rounds exchange rows and columns. */
#define ROUND(from, to)                                      \
    _Pragma("unroll") for (i32 r = 0; r < 8; r++) {          \
        (to)[2 * r] = LOW((from)[r], (from)[r + 8]);         \
        (to)[2 * r + 1] = HIGH((from)[r], (from)[r + 8]);    \
    }

/* Columns c .. c + 15 of rows r .. r + 15 of an [a, b] matrix. */
SG_FN void transpose_tile(const global f32 *x, global f32 *y, i64 a, i64 b, i64 r, i64 c) {
    float16 one[16], two[16];
    i64 rows = min(a - r, (i64)16), columns = min(b - c, (i64)16);
    if (rows == 16 && columns == 16) {
        _Pragma("unroll") for (i32 j = 0; j < 16; j++) one[j] = vload16(0, x + (r + j) * b + c);
    } else {
        for (i32 j = 0; j < 16; j++) one[j] = j < rows ? sg_load_part(x + (r + j) * b + c, columns, 0.0f) : (float16)(0.0f);
    }
    ROUND(one, two)
    ROUND(two, one)
    ROUND(one, two)
    ROUND(two, one)
    if (rows == 16 && columns == 16) {
        _Pragma("unroll") for (i32 j = 0; j < 16; j++) vstore16(one[j], 0, y + (c + j) * a + r);
    } else {
        for (i32 j = 0; j < columns; j++) sg_store_part(one[j], y + (c + j) * a + r, rows);
    }
}

kernel void transpose_f32(const global f32 *x, global f32 *y, i64 outer, i64 a, i64 b) {
    i64 down = (a + 15) / 16, across = (b + 15) / 16, all = outer * down * across, groups = (i64)get_num_groups(0), g = (i64)get_group_id(0);
    for (i64 unit = all * g / groups; unit < all * (g + 1) / groups; unit++) {
        i64 o = unit / (down * across), rest = unit - o * down * across, column = rest / down, row = rest - column * down;
        transpose_tile(x + o * a * b, y + o * a * b, a, b, 16 * row, 16 * column);
    }
}

kernel void transpose_rows_f32(const global f32 *x, global f32 *y, i64 outer, i64 a, i64 b, i64 inner) {
    i64 rows = outer * a * b, groups = (i64)get_num_groups(0), g = (i64)get_group_id(0);
    for (i64 r = rows * g / groups; r < rows * (g + 1) / groups; r++) {
        i64 o = r / (a * b), rest = r - o * a * b, p = rest / a, q = rest - p * a;
        const global f32 *from = x + (o * a * b + q * b + p) * inner;
        global f32 *to = y + r * inner;
        i64 i = 0;
        for (; i + 16 <= inner; i += 16) vstore16(vload16(0, from + i), 0, to + i);
        if (i < inner) sg_store_part(sg_load_part(from + i, inner - i, 0.0f), to + i, inner - i);
    }
}
