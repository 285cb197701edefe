/* Rotary positions for CPU devices: formulas, arguments and bytes as in rotary/rotary.gpu.cl.

   Work-group: 1; group g has the g-th part of the rows. Cosines and sines of sixteen elements at a time meet all heads of their row, which stays in the L1 cache. */
#include "lib/cpu/vector.h"

SG_FN void rotary_put(float16 v, global f32 *p, i64 count, bool stream) {
    if (count >= 16) {
        sg_store_v16(v, p, stream);
    } else {
        sg_store_part(v, p, count);
    }
}

/* Pairs (m, m + pairs) of all heads of a row, the first head at x and y. turn: cosine and sine of each pair. */
SG_FN void rotary_halves(const global f32 *x, const global f32 *turn, global f32 *y, i32 heads, i32 d, i32 pairs, f32 sign, bool stream) {
    for (i32 m = 0; m < pairs; m += 16) {
        i32 n = min(pairs - m, 16);
        float16 low = sg_load_part(turn + 2 * m, 2 * n, 0.0f), high = n > 8 ? sg_load_part(turn + 2 * m + 16, 2 * n - 16, 0.0f) : (float16)(0.0f);
        float16 cosine = (float16)(low.even, high.even), sine = sign * (float16)(low.odd, high.odd);
        const global f32 *from = x + m;
        global f32 *to = y + m;
        for (i32 h = 0; h < heads; h++, from += d, to += d) {
            float16 a = sg_load_part(from, n, 0.0f), b = sg_load_part(from + pairs, n, 0.0f);
            rotary_put(fma(a, cosine, -(b * sine)), to, n, stream);
            rotary_put(fma(b, cosine, a * sine), to + pairs, n, stream);
        }
    }
}

/* Pairs (2 m, 2 m + 1). */
SG_FN void rotary_neighbours(const global f32 *x, const global f32 *turn, global f32 *y, i32 heads, i32 d, i32 dims, f32 sign, bool stream) {
    for (i32 c = 0; c < dims; c += 16) {
        i32 n = min(dims - c, 16);
        float16 both = sg_load_part(turn + c, n, 0.0f), cosine = both.s0022446688AACCEE;
        float16 sine = both.s1133557799BBDDFF * (float16)(-sign, sign, -sign, sign, -sign, sign, -sign, sign, -sign, sign, -sign, sign, -sign, sign, -sign, sign);
        const global f32 *from = x + c;
        global f32 *to = y + c;
        for (i32 h = 0; h < heads; h++, from += d, to += d) {
            float16 v = sg_load_part(from, n, 0.0f);
            rotary_put(fma(v, cosine, v.s1032547698BADCFE * sine), to, n, stream);
        }
    }
}

SG_FN void rotary_rest(const global f32 *x, global f32 *y, i32 heads, i32 d, i32 dims, bool stream) {
    for (i32 h = 0; h < heads; h++, x += d, y += d)
        for (i32 c = dims; c < d; c += 16) rotary_put(sg_load_part(x + c, d - c, 0.0f), y + c, d - c, stream);
}

kernel void rotary_turn_f32(const global f32 *x, const global f32 *table, global f32 *y, i64 x_from, i64 x_row, i64 y_from, i64 y_row, i64 rows, i32 t,
                            i32 heads, i32 d, i32 dims, i32 interleaved, i32 first, i32 inverse) {
    i64 groups = (i64)get_num_groups(0), g = (i64)get_group_id(0), begin = rows * g / groups, end = rows * (g + 1) / groups;
    /* sixteen elements are a cache line wherever they begin */
    bool lines = ((u64)(y + y_from) & 63) == 0 && y_row % 16 == 0 && d % 16 == 0 && (interleaved ? dims : dims / 2) % 16 == 0;
    bool stream = lines && rows * heads * d > STREAM_ELEMENTS;
    f32 sign = inverse ? -1.0f : 1.0f;
    i32 place = (i32)(begin % t);
    for (i64 row = begin; row < end; row++) {
        const global f32 *from = x + x_from + row * x_row, *turn = table + (i64)(first + place) * dims;
        global f32 *to = y + y_from + row * y_row;
        if (interleaved) {
            rotary_neighbours(from, turn, to, heads, d, dims, sign, stream);
        } else {
            rotary_halves(from, turn, to, heads, d, dims / 2, sign, stream);
        }
        rotary_rest(from, to, heads, d, dims, stream);
        if (++place == t) place = 0;
    }
}
