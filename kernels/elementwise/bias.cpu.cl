/* Bias along the last axis, for K batches of a [rows, cols] matrix, for CPU devices: formulas, arguments and bytes as in elementwise/bias.cl.

   Work-group: 1. bias_add: work-group (p, k) takes the p-th piece of the rows of batches k, k + grid y, ...
   bias_gradient: work-group (tile S + s, k) sums BIAS_TILE columns over split s.
   Rows shorter than a vector are read as what they are in memory, one long row: 16 of them are `cols` vectors, a period, after which the columns repeat. */
#include "lib/cpu/sums.h"
#include "lib/cpu/vector.h"

#ifndef BIAS_TILE
#define BIAS_TILE 2048 /* columns of one work-group, a multiple of 16: prefetching starts anew in each row, so long pieces of them */
#endif
#ifndef BIAS_FAR
#define BIAS_FAR 1024 /* rows at least this long, a page, are read four at a time; nearer ones would confuse the prefetcher, which goes by pages */
#endif
#ifndef BIAS_ROWS
#define BIAS_ROWS 16 /* rows added before the compensated sum takes them */
#endif

SG_FN void add_rows(global f32 *y, const global f32 *b, i64 rows, i64 cols) {
    for (i64 r = 0; r < rows; r++) {
        for (i64 c = 0; c < cols; c += 16) {
            i64 count = cols - c;
            sg_store_part(sg_load_part(y + r * cols + c, count, 0.0f) + sg_load_part(b + c, count, 0.0f), y + r * cols + c, count);
        }
    }
}

SG_FN void add_short_rows(global f32 *y, const global f32 *b, i64 rows, i64 cols) {
    f32 repeated[16 * 16];
    for (i32 e = 0, c = 0; e < 16 * cols; e++, c = c + 1 == cols ? 0 : c + 1) repeated[e] = b[c];
    for (i64 i = 0, j = 0; i < rows * cols; i += 16, j = j + 1 == cols ? 0 : j + 1) {
        i64 count = rows * cols - i;
        sg_store_part(sg_load_part(y + i, count, 0.0f) + vload16(j, repeated), y + i, count);
    }
}

kernel void bias_add_f32(global f32 *y, const global f32 *b, i64 batches, i64 rows, i64 cols) {
    i64 begin = rows * (i64)get_group_id(0) / (i64)get_num_groups(0), end = rows * ((i64)get_group_id(0) + 1) / (i64)get_num_groups(0);
    for (i64 k = (i64)get_group_id(1); k < batches; k += (i64)get_num_groups(1)) {
        global f32 *here = y + (k * rows + begin) * cols;
        if (cols < 16) {
            add_short_rows(here, b + k * cols, end - begin, cols);
        } else {
            add_rows(here, b + k * cols, end - begin, cols);
        }
    }
}

/* A column's sum goes to `to`, in place of or on top of what is there. */
SG_FN void put(global f32 *to, f32 sum, i32 accumulate) { *to = accumulate ? *to + sum : sum; }

/* Sums of `vectors` vectors that follow each other again and again from `in` on, `stride` elements apart, `repeats` times; the last has `count` lanes. */
SG_FN void sum_repeats(const global f32 *in, i64 stride, i64 repeats, i64 vectors, i64 count, float16 *hi, float16 *lo) {
    float16 few[BIAS_TILE / 16];
    for (i64 v = 0; v < vectors; v++) hi[v] = lo[v] = (float16)(0.0f);
    for (i64 first = 0; first < repeats; first += BIAS_ROWS) {
        i64 last = min(first + BIAS_ROWS, repeats);
        for (i64 v = 0; v < vectors; v++) few[v] = (float16)(0.0f);
        i64 r = first;
        for (; stride >= BIAS_FAR && r + 4 <= last; r += 4) {
            const global f32 *a = in + r * stride, *b = a + stride, *c = b + stride, *d = c + stride;
            for (i64 v = 0; v + 1 < vectors; v++) few[v] += (vload16(v, a) + vload16(v, b)) + (vload16(v, c) + vload16(v, d));
            i64 at = 16 * (vectors - 1);
            few[vectors - 1] += (sg_load_part(a + at, count, 0.0f) + sg_load_part(b + at, count, 0.0f)) +
                                (sg_load_part(c + at, count, 0.0f) + sg_load_part(d + at, count, 0.0f));
        }
        for (; r < last; r++) {
            const global f32 *row = in + r * stride;
            for (i64 v = 0; v + 1 < vectors; v++) few[v] += vload16(v, row);
            few[vectors - 1] += sg_load_part(row + 16 * (vectors - 1), count, 0.0f);
        }
        for (i64 v = 0; v < vectors; v++) SG_TWO_SUM(float16, hi[v], lo[v], few[v]);
    }
}

SG_FN void sum_columns(const global f32 *in, global f32 *out, i64 rows, i64 cols, i64 stride, i32 accumulate) {
    float16 hi[BIAS_TILE / 16], lo[BIAS_TILE / 16];
    i64 vectors = (cols + 15) / 16;
    sum_repeats(in, stride, rows, vectors, cols - 16 * (vectors - 1), hi, lo);
    for (i64 v = 0; v < vectors; v++) {
        f32 h[16], l[16];
        vstore16(hi[v], 0, h);
        vstore16(lo[v], 0, l);
        for (i64 e = 0; e < 16 && 16 * v + e < cols; e++) put(out + 16 * v + e, sg_sum_value(h[e], l[e]), accumulate);
    }
}

SG_FN void sum_short_columns(const global f32 *in, global f32 *out, i64 rows, i64 cols, i32 accumulate) {
    float16 hi[64], lo[64];
    f32 h[16 * 64], l[16 * 64];
    i64 periods = 64 / cols, repeats = rows / (16 * periods), vectors = periods * cols;
    sum_repeats(in, 16 * vectors, repeats, vectors, 16, hi, lo);
    for (i64 v = 0; v < vectors; v++) {
        vstore16(hi[v], v, h);
        vstore16(lo[v], v, l);
    }
    for (i64 c = 0; c < cols; c++) {
        f32 sum = 0.0f, rest = 0.0f;
        for (i64 e = c; e < 16 * vectors; e += cols) {
            SG_TWO_SUM(f32, sum, rest, h[e]);
            rest += l[e];
        }
        for (i64 r = 16 * periods * repeats; r < rows; r++) SG_TWO_SUM(f32, sum, rest, in[r * cols + c]);
        put(out + c, sg_sum_value(sum, rest), accumulate);
    }
}

kernel void bias_gradient_f32(const global f32 *dy, global f32 *out, i64 batches, i64 rows, i64 cols, i64 split, i32 accumulate) {
    i64 splits = rows <= split ? 1 : (rows + split - 1) / split, s = (i64)get_group_id(0) % splits;
    i64 first = (i64)get_group_id(0) / splits * BIAS_TILE, begin = s * split, end = min(begin + split, rows);
    for (i64 k = (i64)get_group_id(1); k < batches; k += (i64)get_num_groups(1)) {
        const global f32 *in = dy + (k * rows + begin) * cols;
        global f32 *to = out + (k * splits + s) * cols;
        if (cols < 16) {
            sum_short_columns(in, to, end - begin, cols, accumulate);
        } else {
            sum_columns(in + first, to + first, end - begin, min(cols - first, (i64)BIAS_TILE), cols, accumulate);
        }
    }
}
