/* 1 - cosine of output and target along the last axis, the mean over n rows of c, in the modes of an op: one text for CPUs and GPUs, whose wrappers say how rows
   and columns are shared out. For outputs y, targets t, K probes v, a = |y|, b = |t|, s = <y, t> / (a b), q = 1 / max(1, n):

     forward          loss[0] = q sum (1 - s); where dy is not null dy = q (s y / a^2 - t / (a b))
     metrics          mean = 0: loss[0] = sum (1 - s); loss[1] = n; loss[2] = 0
     tangent_backward dyt = H v = q (t <y, v> / (a^3 b) + y (<t, v> / (a^3 b) - 3 s <y, v> / a^4) + s v / a^2)
     curvature        curvature[k] = v' H v = q sum (2 <y, v> <t, v> / (a^3 b) + s <v, v> / a^2 - 3 s <y, v>^2 / a^4), of either sign

   y, t, dy: [n, c]; v, dyt: [K, n, c]; dy may be y or t, dyt may be v. A row where y or t is 0 has s = 0: loss 1, derivatives 0. Squares of norms must be
   normal fp32 numbers: |y| and |t| between 1e-15 and 1e15. A launch of G = 1 groups in x writes the final sums; a larger one leaves its scale at workspace[0]
   and a sum per group and probe at workspace[16 + k G + g], and loss_sum_f32 ends it. Work-group: lanes x rows (Work.rowSums). Bytes per element: forward 8,
   with dy 12, tangent_backward 8 + 12 K, curvature 8 + 4 K where the row stays in a cache. About 6, 9, 13 K, 10 K flops. Source: the definition. */
#ifndef SG_LOSS_ROWS_H
#define SG_LOSS_ROWS_H

SG_FN f32 rows_scale(i64 n) { return 1.0f / (f32)(n > 1 ? n : 1); }

/* 1 / a^2, 1 / (a b) and s of a row; all 0 where a or b is. */
#define COSINE_ROW                                                                                    \
    f32 yy = 0.0f, tt = 0.0f, ty = 0.0f;                                                              \
    ROWS_COLUMNS(j) {                                                                                 \
        yy += in[j] * in[j];                                                                          \
        tt += to[j] * to[j];                                                                          \
        ty += in[j] * to[j];                                                                          \
    }                                                                                                 \
    yy = ROWS_SUM(yy), tt = ROWS_SUM(tt), ty = ROWS_SUM(ty);                                          \
    f32 none = yy == 0.0f || tt == 0.0f ? 1.0f : 0.0f;                                                \
    f32 over_yy = none != 0.0f ? 0.0f : 1.0f / yy, over = none != 0.0f ? 0.0f : 1.0f / (sg_sqrt(yy) * sg_sqrt(tt)), s = ty * over;

ROWS_KERNEL cosine_forward_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *dy, SG_GLOBAL f32 *loss, i64 n,
                               i64 c, i32 mean) {
    ROWS_LANES
    ROWS_SUMS
    f32 sum = 0.0f, scale = rows_scale(n);
    ROWS_EACH(row, n) {
        i64 width = row < n ? c : 0;
        const SG_GLOBAL f32 *in = y + row * c, *to = target + row * c;
        COSINE_ROW
        if (ROWS_FIRST && row < n) sum += 1.0f - s;
        if (dy)
            ROWS_COLUMNS(j) dy[row * c + j] = scale * (s * over_yy * in[j] - over * to[j]);
    }
    ROWS_FINISH(sum, mean ? scale : 1.0f, 0, loss)
    if (!mean && ROWS_ONE) {
        loss[1] = (f32)n;
        loss[2] = 0.0f;
    }
}

ROWS_KERNEL cosine_tangent_backward_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, const SG_GLOBAL f32 *yt, SG_GLOBAL f32 *dyt, i64 n, i64 c,
                                        i64 probes) {
    ROWS_LANES
    f32 scale = rows_scale(n);
    ROWS_EACH(row, n) {
        i64 width = row < n ? c : 0;
        const SG_GLOBAL f32 *in = y + row * c, *to = target + row * c;
        COSINE_ROW
        ROWS_PROBES(k) {
            const SG_GLOBAL f32 *v = yt + (k * n + row) * c;
            f32 yv = 0.0f, tv = 0.0f;
            ROWS_COLUMNS(j) {
                yv += in[j] * v[j];
                tv += to[j] * v[j];
            }
            yv = ROWS_SUM(yv) * over_yy, tv = ROWS_SUM(tv) * over;
            f32 own = s * over_yy, by_y = tv * over_yy - 3.0f * own * yv, by_t = over * yv;
            ROWS_COLUMNS(j) dyt[(k * n + row) * c + j] = scale * (by_t * to[j] + by_y * in[j] + own * v[j]);
        }
    }
}

ROWS_KERNEL cosine_curvature_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, const SG_GLOBAL f32 *yt, SG_GLOBAL f32 *workspace,
                                 SG_GLOBAL f32 *curvature, i64 n, i64 c, i64 probes) {
    ROWS_LANES
    ROWS_SUMS
    ROWS_PROBES(k) {
        f32 sum = 0.0f;
        ROWS_EACH(row, n) {
            i64 width = row < n ? c : 0;
            const SG_GLOBAL f32 *in = y + row * c, *to = target + row * c, *v = yt + (k * n + row) * c;
            COSINE_ROW
            f32 yv = 0.0f, tv = 0.0f, vv = 0.0f;
            ROWS_COLUMNS(j) {
                yv += in[j] * v[j];
                tv += to[j] * v[j];
                vv += v[j] * v[j];
            }
            yv = ROWS_SUM(yv) * over_yy, tv = ROWS_SUM(tv) * over, vv = ROWS_SUM(vv) * over_yy;
            if (ROWS_FIRST && row < n) sum += 2.0f * yv * tv + s * vv - 3.0f * s * yv * yv;
        }
        ROWS_FINISH(sum, rows_scale(n), k, curvature)
    }
}

#endif
