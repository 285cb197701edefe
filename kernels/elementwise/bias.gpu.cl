/* Bias along the last axis, for K batches of a [rows, cols] matrix.

     bias_add_f32       y[k, r, c] += b[k, c]; a bias that all batches share is the case K = 1, with the rows of all batches in a row
     bias_gradient_f32  out[k, s, c] = sum of dy[k, r, c] over the rows r of split s: [s split, (s + 1) split); plus its old value if `accumulate`.
                        S = ceil(rows / split) splits (1 if rows = 0). With S > 1 `out` is a workspace [K, S, cols], and a second launch of this
                        kernel over those S rows, as one split, gives db [K, cols].

   Work-group: T x R = 256, T a power of two: T work-items side by side, 4 columns each; R rows. Grid x: ceil(cols / 4T) column tiles (gradient: times S);
   y: bias_add rows, gradient batches; z: bias_add batches; rows and batches by loops.
   Bytes per element: bias_add 8, bias_gradient 4. Flops: 1. Order of the sum: 4 rows pairwise, compensated along a work-item's rows
   (lib/sums.h), then a tree over the R work-items.
   WIDE bias_add_f32: 5 loads, 4 stores
   WIDE bias_gradient_f32: 9 loads, 1 store */
#include "lib/gpu_sums.h"

SG_KERNEL(256) bias_add_f32(SG_GLOBAL f32 *y, const SG_GLOBAL f32 *b, i64 batches, i64 rows, i64 cols) {
    bool wide = sg_aligned16(y) && sg_aligned16(b) && cols % 4 == 0;
    i64 c = 4 * ((i64)sg_group(0) * sg_locals(0) + sg_local(0)), step = (i64)sg_groups(1) * sg_locals(1);
    for (i64 k = sg_group(2); k < batches; k += sg_groups(2)) {
        float4 bias = sg_load_up_to_4(b + k * cols, c, cols, wide, 0.0f);
        for (i64 r = (i64)sg_group(1) * sg_locals(1) + sg_local(1); r < rows; r += 2 * step) {
            SG_GLOBAL f32 *here = y + (k * rows + r) * cols, *there = here + step * cols;
            if (wide && c + 4 <= cols && r + step < rows) {
                float4 v = sg_load_4(here + c), w = sg_load_4(there + c);
                sg_store_4(here + c, v + bias);
                sg_store_4(there + c, w + bias);
            } else {
                sg_store_up_to_4(here, c, cols, wide, sg_load_up_to_4(here, c, cols, wide, 0.0f) + bias);
                if (r + step < rows) sg_store_up_to_4(there, c, cols, wide, sg_load_up_to_4(there, c, cols, wide, 0.0f) + bias);
            }
        }
    }
}

SG_KERNEL(256) bias_gradient_f32(const SG_GLOBAL f32 *dy, SG_GLOBAL f32 *out, i64 batches, i64 rows, i64 cols, i64 split, i32 accumulate) {
    SG_SHARED(float4, sums, SG_SUM_THREADS);
    bool wide = sg_aligned16(dy) && sg_aligned16(out) && cols % 4 == 0;
    i64 splits = rows <= split ? 1 : (rows + split - 1) / split, s = (i64)sg_group(0) % splits, step = (i64)sg_locals(1);
    i64 c = 4 * ((i64)sg_group(0) / splits * sg_locals(0) + sg_local(0)), end = (s + 1) * split < rows ? (s + 1) * split : rows;
    u32 place = sg_local(1) * sg_locals(0) + sg_local(0);
    for (i64 k = sg_group(1); k < batches; k += sg_groups(1)) {
        float4 hi = sg_splat4(0.0f), lo = sg_splat4(0.0f);
        for (i64 r = s * split + sg_local(1); r < end; r += 4 * step) {
            const SG_GLOBAL f32 *in = dy + (k * rows + r) * cols;
            float4 v, w, p, q;
            if (wide && c + 4 <= cols && r + 3 * step < end) {
                v = sg_load_4(in + c);
                w = sg_load_4(in + step * cols + c);
                p = sg_load_4(in + 2 * step * cols + c);
                q = sg_load_4(in + 3 * step * cols + c);
            } else {
                v = sg_load_up_to_4(in, c, cols, wide, 0.0f);
                w = sg_load_up_to_4(in + step * cols, c, r + step < end ? cols : 0, wide, 0.0f);
                p = sg_load_up_to_4(in + 2 * step * cols, c, r + 2 * step < end ? cols : 0, wide, 0.0f);
                q = sg_load_up_to_4(in + 3 * step * cols, c, r + 3 * step < end ? cols : 0, wide, 0.0f);
            }
            v = (v + w) + (p + q);
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
        if (sg_local(1) == 0) {
            SG_GLOBAL f32 *to = out + (k * splits + s) * cols;
            if (accumulate) sum = sg_load_up_to_4(to, c, cols, wide, 0.0f) + sum;
            sg_store_up_to_4(to, c, cols, wide, sum);
        }
    }
}
