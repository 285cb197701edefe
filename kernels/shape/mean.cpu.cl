/* Mean over an axis, for CPU devices: formulas, arguments and bytes as in shape/mean.gpu.cl.

   Work-group: 1. mean: the g-th part of all tiles of MEAN_TILE columns of an outer position; rows that are single elements are summed along the axis, 16 at a time.
   mean_spread: the g-th part of the outer positions times n. */
#include "lib/cpu/sums.h"
#include "lib/cpu/vector.h"

#ifndef MEAN_TILE
#define MEAN_TILE 256 /* columns of one work-group at a time, a multiple of 16 */
#endif

SG_FN i64 mean_length(const global i32 *lengths, i64 o, i64 n, i64 sequences) { return lengths ? clamp((i64)lengths[o % sequences], (i64)0, n) : n; }

SG_FN f32 mean_along(const global f32 *x, i64 n) {
    float16 hi = (float16)(0.0f), lo = (float16)(0.0f);
    for (i64 r = 0; r < n; r += 16) SG_TWO_SUM(float16, hi, lo, sg_load_part(x + r, n - r, 0.0f));
    float2 sum = sg_sum_lanes(hi, lo);
    return sum.x + sum.y;
}

kernel void mean_f32(const global f32 *x, const global i32 *lengths, global f32 *y, i64 outer, i64 n, i64 inner, i64 sequences) {
    i64 tiles = (inner + MEAN_TILE - 1) / MEAN_TILE, all = outer * tiles, groups = (i64)get_num_groups(0), g = (i64)get_group_id(0);
    for (i64 unit = all * g / groups; unit < all * (g + 1) / groups; unit++) {
        i64 o = unit / tiles, first = (unit - o * tiles) * MEAN_TILE, last = min(first + MEAN_TILE, inner), length = mean_length(lengths, o, n, sequences);
        const global f32 *in = x + o * n * inner;
        f32 each = length == 0 ? 0.0f : 1.0f / (f32)length;
        if (inner == 1) {
            y[o] = each * mean_along(in, length);
            continue;
        }
        float16 hi[MEAN_TILE / 16], lo[MEAN_TILE / 16];
        i64 vectors = (last - first + 15) / 16;
        for (i64 v = 0; v < vectors; v++) hi[v] = lo[v] = (float16)(0.0f);
        for (i64 r = 0; r < length; r += 4) {
            for (i64 v = 0; v < vectors; v++) {
                i64 c = first + 16 * v;
                float16 sum = sg_load_part(in + r * inner + c, last - c, 0.0f);
                for (i64 s = 1; s < 4 && r + s < length; s++) sum += sg_load_part(in + (r + s) * inner + c, last - c, 0.0f);
                SG_TWO_SUM(float16, hi[v], lo[v], sum);
            }
        }
        for (i64 v = 0; v < vectors; v++) {
            i64 c = first + 16 * v;
            sg_store_part(each * (hi[v] + lo[v]), y + o * inner + c, last - c);
        }
    }
}

kernel void mean_spread_f32(const global f32 *dy, const global i32 *lengths, global f32 *dx, i64 outer, i64 n, i64 inner, i64 sequences) {
    i64 rows = outer * n, groups = (i64)get_num_groups(0), g = (i64)get_group_id(0);
    for (i64 r = rows * g / groups; r < rows * (g + 1) / groups; r++) {
        i64 o = r / n, length = mean_length(lengths, o, n, sequences);
        f32 each = r - o * n < length ? 1.0f / (f32)length : 0.0f;
        for (i64 c = 0; c < inner; c += 16) {
            float16 v = each == 0.0f ? (float16)(0.0f) : each * sg_load_part(dy + o * inner + c, inner - c, 0.0f);
            sg_store_part(v, dx + r * inner + c, inner - c);
        }
    }
}
