/* Layer norm and RMS norm for CPU devices: formulas, arguments and bytes as in norm/norm.gpu.cl.

   Work-group: 1; group (g, y) of a G x Y grid has the g-th of G pieces of the rows, of the copies y, y + Y, ...; a row stays in the L1 cache from its sums to its results.
   gradient: group (g, s, k) has columns g NORM_COLUMNS .. of split s of copy k. */
#include "lib/cpu/row_group.h"

#ifndef NORM_COLUMNS
#define NORM_COLUMNS 64 /* columns whose sums stay in registers */
#endif

#define NORM_ROWS(row, n) \
    for (i64 row = group_first(n, get_group_id(0), get_num_groups(0)); row < group_first(n, get_group_id(0) + 1, get_num_groups(0)); row++)
#define NORM_COPIES(k, copies) for (i64 k = get_group_id(1); k < (copies); k += (i64)get_num_groups(1))
#define NORM_EACH(j) for (i64 j = 0; j < c; j += SG_V)

SG_FN float16 norm_get(const global f32 *p, i64 at, i64 count) { return p ? sg_load16(p + at, count, 0.0f) : (float16)(0.0f); }

/* w v, or v where there is no w. */
SG_FN float16 norm_times(const global f32 *w, i64 j, i64 count, float16 v) { return w ? sg_load16(w + j, count, 0.0f) * v : v; }

/* (x - m) r; 0 in the lanes beyond the row. */
SG_FN float16 norm_unit(const global f32 *x, i64 j, i64 count, f32 m, f32 r) { return (sg_load16(x + j, count, m) - m) * r; }

/* xt - middle; 0 in the lanes beyond the row, and where there are no tangents. */
SG_FN float16 norm_moved(const global f32 *xt, i64 j, i64 count, f32 middle) { return xt ? sg_load16(xt + j, count, middle) - middle : (float16)(0.0f); }

SG_FN f32 norm_mean(const global f32 *v, i64 c) {
    float16 sum = 0.0f;
    if (!v) return 0.0f;
    NORM_EACH(j) sum += sg_load16(v + j, c - j, 0.0f);
    return sg_sum16(sum) / (f32)c;
}

/* m = mean(xh e) */
SG_FN f32 norm_along(const global f32 *x, const global f32 *xt, i64 c, f32 m, f32 r, f32 middle) {
    float16 sum = 0.0f;
    if (!xt) return 0.0f;
    NORM_EACH(j) sum += norm_unit(x, j, c - j, m, r) * norm_moved(xt, j, c - j, middle);
    return sg_sum16(sum) / (f32)c;
}

/* a + b of a row; the sweeps behind it find it in the L1 cache. */
SG_FN const global f32 *norm_added(const global f32 *a, const global f32 *b, global f32 *to, i64 c) {
    NORM_EACH(j) sg_store16(to + j, sg_load16(a + j, c - j, 0.0f) + sg_load16(b + j, c - j, 0.0f), c - j);
    return to;
}

kernel void norm_forward_f32(const global f32 *x, const global f32 *z, const global f32 *w, const global f32 *b, global f32 *s, global f32 *y, global f32 *mean,
                             global f32 *r, i64 n, i64 c, f32 epsilon, i32 centred) {
    NORM_ROWS(row, n) {
        const global f32 *in = x + row * c;
        if (z) in = norm_added(in, z + row * c, (s ? s : y) + row * c, c);
        f32 m = centred ? norm_mean(in, c) : 0.0f;
        float16 sum = 0.0f;
        NORM_EACH(j) {
            float16 e = sg_load16(in + j, c - j, m) - m;
            sum += e * e;
        }
        f32 inverse = 1.0f / sqrt(sg_sum16(sum) / (f32)c + epsilon);
        NORM_EACH(j) sg_store16(y + row * c + j, norm_times(w, j, c - j, norm_unit(in, j, c - j, m, inverse)) + norm_get(b, j, c - j), c - j);
        if (mean) mean[row] = m;
        if (r) r[row] = inverse;
    }
}

kernel void norm_backward_f32(const global f32 *x, const global f32 *mean, const global f32 *r, const global f32 *w, const global f32 *dy, const global f32 *ds,
                              global f32 *dx, i64 n, i64 c, i64 copies) {
    NORM_COPIES(k, copies) {
        NORM_ROWS(row, n) {
            const global f32 *in = x + row * c, *d = dy + (k * n + row) * c;
            f32 m = mean ? mean[row] : 0.0f, inverse = r[row];
            float16 one = 0.0f, two = 0.0f;
            NORM_EACH(j) {
                float16 g = norm_times(w, j, c - j, sg_load16(d + j, c - j, 0.0f));
                one += g;
                two += g * norm_unit(in, j, c - j, m, inverse);
            }
            f32 c1 = mean ? sg_sum16(one) / (f32)c : 0.0f, c2 = sg_sum16(two) / (f32)c;
            NORM_EACH(j) {
                float16 g = norm_times(w, j, c - j, sg_load16(d + j, c - j, 0.0f));
                float16 v = inverse * (g - c1 - c2 * norm_unit(in, j, c - j, m, inverse));
                if (ds) v += sg_load16(ds + (k * n + row) * c + j, c - j, 0.0f); /* a statement of its own: rounded before it is added, as two passes would */
                sg_store16(dx + (k * n + row) * c + j, v, c - j);
            }
        }
    }
}

kernel void norm_tangent_f32(const global f32 *x, const global f32 *mean, const global f32 *r, const global f32 *w, const global f32 *xt, const global f32 *zt,
                             const global f32 *wt, const global f32 *bt, global f32 *st, global f32 *yt, i64 n, i64 c, i64 copies) {
    NORM_COPIES(k, copies) {
        NORM_ROWS(row, n) {
            const global f32 *in = x + row * c, *t = xt ? xt + (k * n + row) * c : 0;
            if (zt) t = norm_added(t, zt + (k * n + row) * c, st + (k * n + row) * c, c);
            f32 m = mean ? mean[row] : 0.0f, inverse = r[row], middle = mean ? norm_mean(t, c) : 0.0f, along = norm_along(in, t, c, m, inverse, middle);
            NORM_EACH(j) {
                float16 h = norm_unit(in, j, c - j, m, inverse), ht = inverse * (norm_moved(t, j, c - j, middle) - along * h), y = norm_times(w, j, c - j, ht);
                if (wt) y += h * sg_load16(wt + k * c + j, c - j, 0.0f);
                if (bt) y += sg_load16(bt + k * c + j, c - j, 0.0f);
                sg_store16(yt + (k * n + row) * c + j, y, c - j);
            }
        }
    }
}

/* gt = wt dy + w dyt, of 16 columns of a row. */
SG_FN float16 norm_cotangent_tangent(const global f32 *w, const global f32 *wt, const global f32 *dy, const global f32 *dyt, i64 j, i64 count) {
    float16 g = dyt ? norm_times(w, j, count, sg_load16(dyt + j, count, 0.0f)) : (float16)(0.0f);
    if (wt) g += sg_load16(wt + j, count, 0.0f) * sg_load16(dy + j, count, 0.0f);
    return g;
}

kernel void norm_tangent_backward_f32(const global f32 *x, const global f32 *mean, const global f32 *r, const global f32 *w, const global f32 *dy,
                                      const global f32 *xt, const global f32 *wt, const global f32 *dyt, const global f32 *dst, global f32 *dxt,
                                      global f32 *stats, i64 n, i64 c, i64 copies) {
    NORM_COPIES(k, copies) {
        NORM_ROWS(row, n) {
            const global f32 *in = x + row * c, *d = dy + row * c, *t = xt ? xt + (k * n + row) * c : 0, *u = dyt ? dyt + (k * n + row) * c : 0;
            const global f32 *v = wt ? wt + k * c : 0;
            f32 m = mean ? mean[row] : 0.0f, inverse = r[row], middle = mean ? norm_mean(t, c) : 0.0f, along = norm_along(in, t, c, m, inverse, middle);
            if (stats) {
                stats[2 * (k * n + row)] = middle;
                stats[2 * (k * n + row) + 1] = along;
            }
            if (!dxt) continue;
            float16 one = 0.0f, two = 0.0f, one_t = 0.0f, two_t = 0.0f;
            NORM_EACH(j) {
                float16 h = norm_unit(in, j, c - j, m, inverse), ht = inverse * (norm_moved(t, j, c - j, middle) - along * h);
                float16 g = norm_times(w, j, c - j, sg_load16(d + j, c - j, 0.0f)), gt = norm_cotangent_tangent(w, v, d, u, j, c - j);
                one += g;
                two += g * h;
                one_t += gt;
                two_t += gt * h + g * ht;
            }
            f32 c1 = mean ? sg_sum16(one) / (f32)c : 0.0f, c2 = sg_sum16(two) / (f32)c;
            f32 c1t = mean ? sg_sum16(one_t) / (f32)c : 0.0f, c2t = sg_sum16(two_t) / (f32)c, rt = -inverse * inverse * along;
            NORM_EACH(j) {
                float16 h = norm_unit(in, j, c - j, m, inverse), ht = inverse * (norm_moved(t, j, c - j, middle) - along * h);
                float16 g = norm_times(w, j, c - j, sg_load16(d + j, c - j, 0.0f)), gt = norm_cotangent_tangent(w, v, d, u, j, c - j);
                float16 value = rt * (g - c1 - c2 * h) + inverse * (gt - c1t - c2 * ht - c2t * h);
                if (dst) value += sg_load16(dst + (k * n + row) * c + j, c - j, 0.0f);
                sg_store16(dxt + (k * n + row) * c + j, value, c - j);
            }
        }
    }
}

kernel void norm_curvature_f32(const global f32 *x, const global f32 *mean, const global f32 *r, const global f32 *w, const global f32 *dy, const global f32 *xt,
                               const global f32 *wt, global f32 *partials, i64 n, i64 c, i64 copies, f32 epsilon) {
    NORM_COPIES(k, copies) {
        f32 total = 0.0f;
        NORM_ROWS(row, n) {
            const global f32 *in = x + row * c, *d = dy + row * c, *t = xt + (k * n + row) * c;
            f32 m = mean ? mean[row] : 0.0f, inverse = r[row], middle = mean ? norm_mean(t, c) : 0.0f, along = norm_along(in, t, c, m, inverse, middle);
            float16 a = 0.0f, b = 0.0f, square = 0.0f, mixed = 0.0f;
            NORM_EACH(j) {
                float16 u = sg_load16(d + j, c - j, 0.0f), h = norm_unit(in, j, c - j, m, inverse), p = norm_moved(t, j, c - j, middle) - along * h;
                float16 g = norm_times(w, j, c - j, u);
                a += g * p;
                b += g * h;
                square += p * p;
                if (wt) mixed += sg_load16(wt + k * c + j, c - j, 0.0f) * u * p;
            }
            f32 spread = sg_sum16(square) / (f32)c + along * along * epsilon * inverse * inverse;
            total += 2.0f * inverse * sg_sum16(mixed) - inverse * inverse * (2.0f * along * sg_sum16(a) + sg_sum16(b) * spread);
        }
        partials[2 * (k * (i64)get_num_groups(0) + (i64)get_group_id(0))] = total;
        partials[2 * (k * (i64)get_num_groups(0) + (i64)get_group_id(0)) + 1] = 0.0f;
    }
}

kernel void norm_gradient_f32(const global f32 *x, const global f32 *mean, const global f32 *r, const global f32 *u, const global f32 *dy, const global f32 *xt,
                              const global f32 *stats, global f32 *dw, global f32 *db, i64 n, i64 c, i64 copies, i64 split) {
    i64 splits = (n + split - 1) / split, s = get_group_id(1), end = min((s + 1) * split, n), first = (i64)get_group_id(0) * NORM_COLUMNS;
    for (i64 k = get_group_id(2); k < copies; k += (i64)get_num_groups(2)) {
        float16 scale[NORM_COLUMNS / SG_V], shift[NORM_COLUMNS / SG_V];
        for (i32 e = 0; e < NORM_COLUMNS / SG_V; e++) scale[e] = shift[e] = (float16)(0.0f);
        for (i64 row = s * split; row < end; row++) {
            f32 m = mean ? mean[row] : 0.0f, middle = xt ? stats[2 * (k * n + row)] : 0.0f, along = xt ? stats[2 * (k * n + row) + 1] : 0.0f;
            for (i32 e = 0; e < NORM_COLUMNS / SG_V; e++) {
                i64 j = first + SG_V * e;
                if (j >= c) break;
                float16 h = norm_unit(x + row * c, j, c - j, m, r[row]), v = norm_get(u, (k * n + row) * c + j, c - j);
                if (xt) scale[e] += sg_load16(dy + row * c + j, c - j, 0.0f) * (r[row] * (norm_moved(xt + (k * n + row) * c, j, c - j, middle) - along * h));
                scale[e] += v * h;
                shift[e] += v;
            }
        }
        for (i32 e = 0; e < NORM_COLUMNS / SG_V && first + SG_V * e < c; e++) {
            i64 j = first + SG_V * e;
            if (dw) sg_store16(dw + (k * splits + s) * c + j, scale[e], c - j);
            if (db) sg_store16(db + (k * splits + s) * c + j, shift[e], c - j);
        }
    }
}
