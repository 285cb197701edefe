/* Softmax and its logarithm over the last axis of [n, c], in five modes from the result y, for K probes. p is y, or exp(y) where `logarithm`.

     forward           y = exp(x - m) / s, or x - m - log s     m = max x, s = sum exp(x - m)
     backward          dx = p (dy - sum p dy)                   logarithm: dx = dy - p sum dy
     tangent           yt = p (xt - sum p xt)                   logarithm: yt = xt - sum p xt
     tangent_backward  dxt = yt (dy - sum p dy) + p (dyt - sum(yt dy + p dyt))        logarithm: dxt = dyt - p yt sum dy - p sum dyt
     curvature         sum over rows of sum dy p (xt - u)^2 - (sum p dy) var          logarithm: -(sum dy) var; u = sum p xt, var = sum p (xt - u)^2

   x, y, dy: [n, c]; with copies in front: xt, yt, dyt, dxt [K, n, c], in backward dy and dx. A null dyt stands for zeros. partials: [K, groups in x, 2], the second 0.
   Work-group: lanes x rows (lib/gpu_rows.h). Bytes per element: forward 8, backward 12, tangent 4 + 8K, tangent_backward 8 + 12K, curvature 8 + 4K. */
#include "lib/gpu_rows.h"

#define SOFTMAX_ROWS(row, n) \
    for (i64 base_ = (i64)sg_group(0) * sg_locals(1), row = base_ + sg_local(1); base_ < (n); base_ += (i64)sg_groups(0) * sg_locals(1), row = base_ + sg_local(1))
#define SOFTMAX_EACH(j) for (i64 j = sg_local(0); j < width; j += sg_locals(0))

SG_FN f32 softmax_share(f32 y, i32 logarithm) { return logarithm ? sg_exp(y) : y; }

SG_KERNEL(256) softmax_forward_f32(const SG_GLOBAL f32 *x, SG_GLOBAL f32 *y, i64 n, i64 c, i32 logarithm) {
    SG_LANES(scratch);
    SOFTMAX_ROWS(row, n) {
        i64 width = row < n ? c : 0;
        const SG_GLOBAL f32 *in = x + row * c;
        f32 top = -SG_INFINITY, sum = 0.0f;
        SOFTMAX_EACH(j) top = in[j] > top ? in[j] : top;
        top = lanes_max(top, scratch);
        top = top == -SG_INFINITY ? 0.0f : top;
        SOFTMAX_EACH(j) sum += sg_exp(in[j] - top);
        sum = lanes_sum(sum, scratch);
        f32 over = 1.0f / sum, log_sum = sg_log(sum);
        SOFTMAX_EACH(j) y[row * c + j] = logarithm ? in[j] - top - log_sum : sg_exp(in[j] - top) * over;
    }
}

SG_KERNEL(256) softmax_backward_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *dy, SG_GLOBAL f32 *dx, i64 n, i64 c, i64 copies, i32 logarithm) {
    SG_LANES(scratch);
    for (i64 k = sg_group(1); k < copies; k += sg_groups(1)) {
        SOFTMAX_ROWS(row, n) {
            i64 width = row < n ? c : 0, from = (k * n + row) * c;
            f32 sum = 0.0f;
            SOFTMAX_EACH(j) sum += logarithm ? dy[from + j] : y[row * c + j] * dy[from + j];
            sum = lanes_sum(sum, scratch);
            SOFTMAX_EACH(j) {
                f32 p = softmax_share(y[row * c + j], logarithm), d = dy[from + j];
                dx[from + j] = logarithm ? d - p * sum : p * (d - sum);
            }
        }
    }
}

SG_KERNEL(256) softmax_tangent_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *xt, SG_GLOBAL f32 *yt, i64 n, i64 c, i64 copies, i32 logarithm) {
    SG_LANES(scratch);
    for (i64 k = sg_group(1); k < copies; k += sg_groups(1)) {
        SOFTMAX_ROWS(row, n) {
            i64 width = row < n ? c : 0, from = (k * n + row) * c;
            f32 sum = 0.0f;
            SOFTMAX_EACH(j) sum += softmax_share(y[row * c + j], logarithm) * xt[from + j];
            sum = lanes_sum(sum, scratch);
            SOFTMAX_EACH(j) yt[from + j] = logarithm ? xt[from + j] - sum : y[row * c + j] * (xt[from + j] - sum);
        }
    }
}

SG_KERNEL(256) softmax_tangent_backward_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *yt, const SG_GLOBAL f32 *dy, const SG_GLOBAL f32 *dyt,
                                            SG_GLOBAL f32 *dxt, i64 n, i64 c, i64 copies, i32 logarithm) {
    SG_LANES(scratch);
    for (i64 k = sg_group(1); k < copies; k += sg_groups(1)) {
        SOFTMAX_ROWS(row, n) {
            i64 width = row < n ? c : 0, from = (k * n + row) * c;
            const SG_GLOBAL f32 *out = y + row * c, *d = dy + row * c;
            f32 sum = 0.0f, sum_t = 0.0f;
            SOFTMAX_EACH(j) {
                f32 u = dyt ? dyt[from + j] : 0.0f;
                sum += logarithm ? d[j] : out[j] * d[j];
                sum_t += logarithm ? u : yt[from + j] * d[j] + out[j] * u;
            }
            sum = lanes_sum(sum, scratch);
            sum_t = lanes_sum(sum_t, scratch);
            SOFTMAX_EACH(j) {
                f32 p = softmax_share(out[j], logarithm), u = dyt ? dyt[from + j] : 0.0f;
                dxt[from + j] = logarithm ? u - p * (yt[from + j] * sum + sum_t) : yt[from + j] * (d[j] - sum) + p * (u - sum_t);
            }
        }
    }
}

SG_KERNEL(256) softmax_curvature_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *xt, const SG_GLOBAL f32 *dy, SG_GLOBAL f32 *partials, i64 n, i64 c,
                                     i64 copies, i32 logarithm) {
    SG_LANES(scratch);
    SG_SHARED(f32, sums, GROUP_SCRATCH);
    for (i64 k = sg_group(1); k < copies; k += sg_groups(1)) {
        f32 total = 0.0f;
        SOFTMAX_ROWS(row, n) {
            i64 width = row < n ? c : 0, from = (k * n + row) * c;
            const SG_GLOBAL f32 *out = y + row * c, *d = dy + row * c;
            f32 middle = 0.0f, sum = 0.0f, var = 0.0f, direct = 0.0f;
            SOFTMAX_EACH(j) middle += softmax_share(out[j], logarithm) * xt[from + j];
            middle = lanes_sum(middle, scratch);
            SOFTMAX_EACH(j) {
                f32 p = softmax_share(out[j], logarithm), e = xt[from + j] - middle;
                sum += logarithm ? d[j] : p * d[j];
                var += p * e * e;
                direct += logarithm ? 0.0f : d[j] * p * e * e;
            }
            sum = lanes_sum(sum, scratch);
            var = lanes_sum(var, scratch);
            direct = lanes_sum(direct, scratch);
            if (row < n && sg_local(0) == 0) total += direct - sum * var;
        }
        total = group_sum(total, sums);
        if (sg_local(0) == 0 && sg_local(1) == 0) {
            partials[2 * (k * sg_groups(0) + sg_group(0))] = total;
            partials[2 * (k * sg_groups(0) + sg_group(0)) + 1] = 0.0f;
        }
        SG_BARRIER();
    }
}
