/* Mean over an axis, of all its positions or of the first ones.

     mean_f32         y[o, i] = 1 / l sum of x[o, a, i] over a < l;  0 where l = 0
     mean_spread_f32  dx[o, a, i] = dy[o, i] / l for a < l, else 0: the transpose

   l = n, or lengths[o % sequences], from 0 to n; what is not within counts as the nearest. x, dx: f32 [outer, n, inner], y, dy: [outer, inner], lengths: i32
   [sequences] or null; outer is a multiple of sequences.
   mean: work-group T x R x S = 256, T work-items side by side, 4 columns each, R down the axis, S outer positions; grid x: column tiles, y: outer, by loops. Sums
   compensated along a work-item's positions (lib/sums.h), then a tree over R. mean_spread: T x R = 256, T along inner, 4 elements per access, R positions of the
   axis; grid x: outer times n, by loops.
   Bytes per element of x: 4; 4 / n more for y. Flops: 1. */
#include "lib/gpu_sums.h"

SG_FN i64 mean_length(const SG_GLOBAL i32 *lengths, i64 o, i64 n, i64 sequences) {
    if (!lengths) return n;
    i64 l = lengths[o % sequences];
    return l < 0 ? 0 : l > n ? n : l;
}

SG_KERNEL(256) mean_f32(const SG_GLOBAL f32 *x, const SG_GLOBAL i32 *lengths, SG_GLOBAL f32 *y, i64 outer, i64 n, i64 inner, i64 sequences) {
    SG_SHARED(float4, sums, SG_SUM_THREADS);
    bool wide = sg_aligned16(x) && sg_aligned16(y) && inner % 4 == 0;
    i64 c = 4 * ((i64)sg_group(0) * sg_locals(0) + sg_local(0)), step = (i64)sg_locals(1);
    u32 place = (sg_local(2) * sg_locals(1) + sg_local(1)) * sg_locals(0) + sg_local(0);
    for (i64 first = (i64)sg_group(1) * sg_locals(2); first < outer; first += (i64)sg_groups(1) * sg_locals(2)) {
        i64 o = first + sg_local(2), length = o < outer ? mean_length(lengths, o, n, sequences) : 0;
        const SG_GLOBAL f32 *in = x + o * n * inner;
        float4 hi = sg_splat4(0.0f), lo = sg_splat4(0.0f);
        for (i64 r = sg_local(1); r < length; r += 2 * step) {
            float4 v = sg_load_up_to_4(in + r * inner, c, inner, wide, 0.0f);
            float4 w = sg_load_up_to_4(in + (r + step) * inner, c, r + step < length ? inner : 0, wide, 0.0f);
            v = v + w;
            SG_TWO_SUM(f32, hi.x, lo.x, v.x);
            SG_TWO_SUM(f32, hi.y, lo.y, v.y);
            SG_TWO_SUM(f32, hi.z, lo.z, v.z);
            SG_TWO_SUM(f32, hi.w, lo.w, v.w);
        }
        float4 sum = sg_make_4(sg_sum_value(hi.x, lo.x), sg_sum_value(hi.y, lo.y), sg_sum_value(hi.z, lo.z), sg_sum_value(hi.w, lo.w));
        SG_BARRIER();
        sums[place] = sum;
        for (u32 width = sg_locals(1) / 2; width > 0; width /= 2) {
            SG_BARRIER();
            if (sg_local(1) < width) {
                sum = sum + sums[place + width * sg_locals(0)];
                sums[place] = sum;
            }
        }
        if (sg_local(1) == 0 && o < outer) {
            f32 each = length == 0 ? 0.0f : 1.0f / (f32)length;
            sg_store_up_to_4(y + o * inner, c, inner, wide, each * sum);
        }
    }
}

SG_KERNEL(256) mean_spread_f32(const SG_GLOBAL f32 *dy, const SG_GLOBAL i32 *lengths, SG_GLOBAL f32 *dx, i64 outer, i64 n, i64 inner, i64 sequences) {
    bool wide = sg_aligned16(dy) && sg_aligned16(dx) && inner % 4 == 0;
    for (i64 r = (i64)sg_group(0) * sg_locals(1) + sg_local(1); r < outer * n; r += (i64)sg_groups(0) * sg_locals(1)) {
        i64 o = r / n, length = mean_length(lengths, o, n, sequences);
        f32 each = r - o * n < length ? 1.0f / (f32)length : 0.0f;
        for (i64 c = 4 * (i64)sg_local(0); c < inner; c += 4 * (i64)sg_locals(0)) {
            float4 v = each == 0.0f ? sg_splat4(0.0f) : each * sg_load_up_to_4(dy + o * inner, c, inner, wide, 0.0f);
            sg_store_up_to_4(dx + r * inner, c, inner, wide, v);
        }
    }
}
