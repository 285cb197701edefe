/* Layer norm and RMS norm over the last axis of [n, c], in five modes, for K probes.

     xh = (x - mean) r     mean = mean x (layer norm; 0 in RMS norm, whose pointer `mean` is null)     r = (mean (x - mean)^2 + epsilon)^(-1/2)
     forward           y = w xh + b; with a second summand z, x + z stands for x and is written to s
     backward          g = w dy, c1 = mean g (0 in RMS norm), c2 = mean(g xh):             dx = r (g - c1 - xh c2) + ds
     tangent           e = xt - mean xt (xt in RMS norm), m = mean(xh e), xht = r (e - xh m):   yt = w xht + wt xh + bt;
                       with zt, xt + zt stands for xt and is written to st
     tangent_backward  rt = -r^2 m, gt = wt dy + w dyt, c1t = mean gt, c2t = mean(gt xh + g xht):
                       dxt = rt (g - c1 - xh c2) + r (gt - c1t - xht c2 - xh c2t) + dst;  stats = (mean xt, m), for the gradient
     curvature         <dy, y''[t, t]> = sum over rows of 2 sum(wt dy xht) - r^2 (2 m (A - B m) + B (mean e^2 - m^2)), A = sum g e, B = sum g xh
     gradient          of rows r of split s: dw[k, s] = sum(u xh + dy xht), db[k, s] = sum u; u = dy for the gradient, dyt for its tangent

   ds and dst are what came back to a sum that others read as well. They are added, and summands are, as a pass of its own would: rounded once before and once after.

   x, z, s, y: [n, c]; mean, r: [n]; w, b: [c]; with copies (K tangents, or K cotangents in Gauss-Newton products) in front: xt, zt, st, yt, ds, dx, dst, dxt, dyt, u
   [K, n, c], wt, bt [K, c], stats [K, n, 2], dw, db [K, S, c] of S = ceil(n / split) splits, which bias_gradient_f32 adds. A pointer that is null stands for zeros
   (w: for ones) or for a result that is not wanted. partials: [K, groups in x, 2], the second float 0.

   Work-group: lanes x rows (lib/gpu_rows.h); gradient 256, a column each. Bytes per element: forward 8, backward 8 + 4, tangent 4 + 8K, tangent_backward 8 + 12K,
   curvature 8 + 4K, gradient 8; with z and s 8 more, with zt and st 8K, with ds 4, with dst 4K. Flops: 5, 7, 8K, 16K, 10K, 3.
   Source: Ba, Kiros, Hinton 2016; Zhang, Sennrich 2019; the tangents from Pearlmutter 1994. */
#include "lib/gpu_rows.h"
#include "lib/exact.h"

#define NORM_ROWS(row, n) \
    for (i64 base_ = (i64)sg_group(0) * sg_locals(1), row = base_ + sg_local(1); base_ < (n); base_ += (i64)sg_groups(0) * sg_locals(1), row = base_ + sg_local(1))
#define NORM_EACH(j) for (i64 j = sg_local(0); j < width; j += sg_locals(0))

/* Element i of a, or of a + b; later sweeps find both in the cache. */
SG_FN f32 norm_at(const SG_GLOBAL f32 *a, const SG_GLOBAL f32 *b, i64 i) {
    if (!a) return 0.0f;
    return b ? sg_add_rn(a[i], b[i]) : a[i];
}

SG_KERNEL(256) norm_forward_f32(const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *z, const SG_GLOBAL f32 *w, const SG_GLOBAL f32 *b, SG_GLOBAL f32 *s,
                                SG_GLOBAL f32 *y, SG_GLOBAL f32 *mean, SG_GLOBAL f32 *r, i64 n, i64 c, f32 epsilon, i32 centred) {
    SG_LANES(scratch);
    NORM_ROWS(row, n) {
        i64 width = row < n ? c : 0, from = row * c;
        f32 sum = 0.0f, m = 0.0f;
        NORM_EACH(j) sum += norm_at(x, z, from + j);
        sum = lanes_sum(sum, scratch) / (f32)c;
        m = centred ? sum : 0.0f;
        sum = 0.0f;
        NORM_EACH(j) {
            f32 e = norm_at(x, z, from + j) - m;
            sum += e * e;
        }
        f32 inverse = 1.0f / sg_sqrt(lanes_sum(sum, scratch) / (f32)c + epsilon);
        NORM_EACH(j) {
            f32 v = norm_at(x, z, from + j), h = (v - m) * inverse;
            if (s) s[from + j] = v;
            y[from + j] = (w ? w[j] * h : h) + (b ? b[j] : 0.0f);
        }
        if (row < n && sg_local(0) == 0) {
            if (mean) mean[row] = m;
            if (r) r[row] = inverse;
        }
    }
}

SG_KERNEL(256) norm_backward_f32(const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *mean, const SG_GLOBAL f32 *r, const SG_GLOBAL f32 *w, const SG_GLOBAL f32 *dy,
                                 const SG_GLOBAL f32 *ds, SG_GLOBAL f32 *dx, i64 n, i64 c, i64 copies) {
    SG_LANES(scratch);
    for (i64 k = sg_group(1); k < copies; k += sg_groups(1)) {
        NORM_ROWS(row, n) {
            i64 width = row < n ? c : 0;
            const SG_GLOBAL f32 *in = x + row * c, *g = dy + (k * n + row) * c;
            f32 m = row < n && mean ? mean[row] : 0.0f, inverse = row < n ? r[row] : 0.0f, one = 0.0f, two = 0.0f;
            NORM_EACH(j) {
                f32 v = w ? w[j] * g[j] : g[j];
                one += v;
                two += v * ((in[j] - m) * inverse);
            }
            one = lanes_sum(one, scratch) / (f32)c;
            one = mean ? one : 0.0f;
            two = lanes_sum(two, scratch) / (f32)c;
            NORM_EACH(j) {
                f32 v = w ? w[j] * g[j] : g[j];
                v = inverse * (v - one - (in[j] - m) * inverse * two);
                dx[(k * n + row) * c + j] = ds ? sg_add_rn(v, ds[(k * n + row) * c + j]) : v;
            }
        }
    }
}

SG_KERNEL(256) norm_tangent_f32(const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *mean, const SG_GLOBAL f32 *r, const SG_GLOBAL f32 *w, const SG_GLOBAL f32 *xt,
                                const SG_GLOBAL f32 *zt, const SG_GLOBAL f32 *wt, const SG_GLOBAL f32 *bt, SG_GLOBAL f32 *st, SG_GLOBAL f32 *yt, i64 n, i64 c,
                                i64 copies) {
    SG_LANES(scratch);
    for (i64 k = sg_group(1); k < copies; k += sg_groups(1)) {
        NORM_ROWS(row, n) {
            i64 width = row < n ? c : 0, from = (k * n + row) * c;
            const SG_GLOBAL f32 *in = x + row * c;
            f32 m = row < n && mean ? mean[row] : 0.0f, inverse = row < n ? r[row] : 0.0f, middle = 0.0f, along = 0.0f;
            NORM_EACH(j) middle += norm_at(xt, zt, from + j);
            middle = lanes_sum(middle, scratch) / (f32)c;
            middle = mean ? middle : 0.0f;
            NORM_EACH(j) along += (in[j] - m) * inverse * (norm_at(xt, zt, from + j) - middle);
            along = lanes_sum(along, scratch) / (f32)c;
            NORM_EACH(j) {
                f32 v = norm_at(xt, zt, from + j), h = (in[j] - m) * inverse, ht = inverse * (v - middle - h * along);
                if (st) st[from + j] = v;
                yt[from + j] = (w ? w[j] * ht : ht) + (wt ? wt[k * c + j] * h : 0.0f) + (bt ? bt[k * c + j] : 0.0f);
            }
        }
    }
}

SG_KERNEL(256) norm_tangent_backward_f32(const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *mean, const SG_GLOBAL f32 *r, const SG_GLOBAL f32 *w,
                                         const SG_GLOBAL f32 *dy, const SG_GLOBAL f32 *xt, const SG_GLOBAL f32 *wt, const SG_GLOBAL f32 *dyt,
                                         const SG_GLOBAL f32 *dst, SG_GLOBAL f32 *dxt, SG_GLOBAL f32 *stats, i64 n, i64 c, i64 copies) {
    SG_LANES(scratch);
    for (i64 k = sg_group(1); k < copies; k += sg_groups(1)) {
        NORM_ROWS(row, n) {
            i64 width = row < n ? c : 0, from = (k * n + row) * c;
            const SG_GLOBAL f32 *in = x + row * c, *d = dy + row * c;
            f32 m = row < n && mean ? mean[row] : 0.0f, inverse = row < n ? r[row] : 0.0f, middle = 0.0f, along = 0.0f;
            f32 one = 0.0f, two = 0.0f, one_t = 0.0f, two_t = 0.0f;
            NORM_EACH(j) middle += xt ? xt[from + j] : 0.0f;
            middle = lanes_sum(middle, scratch) / (f32)c;
            middle = mean ? middle : 0.0f;
            NORM_EACH(j) along += (in[j] - m) * inverse * ((xt ? xt[from + j] : 0.0f) - middle);
            along = lanes_sum(along, scratch) / (f32)c;
            NORM_EACH(j) {
                f32 h = (in[j] - m) * inverse, ht = inverse * ((xt ? xt[from + j] : 0.0f) - middle - h * along), g = w ? w[j] * d[j] : d[j];
                f32 ut = dyt ? dyt[from + j] : 0.0f, gt = (wt ? wt[k * c + j] * d[j] : 0.0f) + (w ? w[j] * ut : ut);
                one += g;
                two += g * h;
                one_t += gt;
                two_t += gt * h + g * ht;
            }
            one = lanes_sum(one, scratch) / (f32)c;
            one = mean ? one : 0.0f;
            two = lanes_sum(two, scratch) / (f32)c;
            one_t = lanes_sum(one_t, scratch) / (f32)c;
            one_t = mean ? one_t : 0.0f;
            two_t = lanes_sum(two_t, scratch) / (f32)c;
            if (dxt) {
                NORM_EACH(j) {
                    f32 h = (in[j] - m) * inverse, ht = inverse * ((xt ? xt[from + j] : 0.0f) - middle - h * along), g = w ? w[j] * d[j] : d[j];
                    f32 ut = dyt ? dyt[from + j] : 0.0f, gt = (wt ? wt[k * c + j] * d[j] : 0.0f) + (w ? w[j] * ut : ut);
                    f32 v = inverse * (gt - one_t - ht * two - h * two_t) - inverse * inverse * along * (g - one - h * two);
                    dxt[from + j] = dst ? sg_add_rn(v, dst[from + j]) : v;
                }
            }
            if (stats && row < n && sg_local(0) == 0) {
                stats[2 * (k * n + row)] = middle;
                stats[2 * (k * n + row) + 1] = along;
            }
        }
    }
}

SG_KERNEL(256) norm_curvature_f32(const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *mean, const SG_GLOBAL f32 *r, const SG_GLOBAL f32 *w, const SG_GLOBAL f32 *dy,
                                  const SG_GLOBAL f32 *xt, const SG_GLOBAL f32 *wt, SG_GLOBAL f32 *partials, i64 n, i64 c, i64 copies,
                                  f32 epsilon) {
    SG_LANES(scratch);
    SG_SHARED(f32, sums, GROUP_SCRATCH);
    for (i64 k = sg_group(1); k < copies; k += sg_groups(1)) {
        f32 total = 0.0f;
        NORM_ROWS(row, n) {
            i64 width = row < n ? c : 0, from = (k * n + row) * c;
            const SG_GLOBAL f32 *in = x + row * c, *d = dy + row * c;
            f32 m = row < n && mean ? mean[row] : 0.0f, inverse = row < n ? r[row] : 0.0f, middle = 0.0f, along = 0.0f;
            f32 a = 0.0f, b = 0.0f, square = 0.0f;
            NORM_EACH(j) middle += xt[from + j];
            middle = lanes_sum(middle, scratch) / (f32)c;
            middle = mean ? middle : 0.0f;
            NORM_EACH(j) along += (in[j] - m) * inverse * (xt[from + j] - middle);
            along = lanes_sum(along, scratch) / (f32)c;
            NORM_EACH(j) {
                f32 h = (in[j] - m) * inverse, e = xt[from + j] - middle, g = w ? w[j] * d[j] : d[j], p = e - h * along;
                a += (wt ? wt[k * c + j] * d[j] : 0.0f) * p - inverse * along * g * p;
                b += g * h;
                square += p * p;
            }
            total += 2.0f * inverse * a; /* what is linear in sums needs none before the last */
            b = lanes_sum(b, scratch);
            square = lanes_sum(square, scratch) / (f32)c;
            /* mean e^2 - m^2 = mean (e - xh m)^2 + m^2 (1 - mean xh^2), and mean xh^2 = 1 - epsilon r^2 */
            if (row < n && sg_local(0) == 0) total -= inverse * inverse * b * (square + along * along * epsilon * inverse * inverse);
        }
        total = group_sum(total, sums);
        if (sg_local(0) == 0 && sg_local(1) == 0) {
            partials[2 * (k * sg_groups(0) + sg_group(0))] = total;
            partials[2 * (k * sg_groups(0) + sg_group(0)) + 1] = 0.0f;
        }
        SG_BARRIER();
    }
}

SG_KERNEL(256) norm_gradient_f32(const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *mean, const SG_GLOBAL f32 *r, const SG_GLOBAL f32 *u, const SG_GLOBAL f32 *dy,
                                 const SG_GLOBAL f32 *xt, const SG_GLOBAL f32 *stats, SG_GLOBAL f32 *dw, SG_GLOBAL f32 *db, i64 n, i64 c, i64 copies,
                                 i64 split) {
    i64 splits = (n + split - 1) / split, s = sg_group(1), j = sg_item(), end = (s + 1) * split < n ? (s + 1) * split : n;
    if (j >= c) return;
    for (i64 k = sg_group(2); k < copies; k += sg_groups(2)) {
        f32 scale = 0.0f, shift = 0.0f;
        for (i64 row = s * split; row < end; row++) {
            i64 at = row * c + j, from = k * n * c + at;
            f32 h = (x[at] - (mean ? mean[row] : 0.0f)) * r[row], v = u ? u[from] : 0.0f;
            if (xt) scale += dy[at] * (r[row] * (xt[from] - stats[2 * (k * n + row)] - h * stats[2 * (k * n + row) + 1]));
            scale += v * h;
            shift += v;
        }
        if (dw) dw[(k * splits + s) * c + j] = scale;
        if (db) db[(k * splits + s) * c + j] = shift;
    }
}
