/* 1 - cosine of output and target along the last axis, the mean over n rows of c, in the modes of an op: one text for CPUs and GPUs, whose wrappers (rows.cpu.cl,
   rows.gpu.cl) say how rows and columns are shared out. For outputs y, targets t, K probes v, a = |y|, b = |t|, s = <y, t> / (a b), q = 1 / max(1, n):

     forward          loss[0] = q sum (1 - s); where dy is not null dy = q (s y / a^2 - t / (a b))
     metrics          mean = 0: loss[0] = sum (1 - s); loss[1] = n; loss[2] = 0
     tangent_backward dyt = H v = q (t <y, v> / (a^3 b) + y (<t, v> / (a^3 b) - 3 s <y, v> / a^4) + s v / a^2)
     curvature        curvature[k] = v' H v = q sum (2 <y, v> <t, v> / (a^3 b) + s <v, v> / a^2 - 3 s <y, v>^2 / a^4), of either sign

   y, t, dy: [n, c]; v, dyt: [K, n, c]; dy may be y or t, dyt may be v. A row where y or t is 0 has s = 0: loss 1, derivatives 0. Squares of norms must be
   normal fp32 numbers: |y| and |t| between 1e-15 and 1e15. How a launch ends: loss/finish.h. Work-group: lanes x rows (Work.rowSums). Bytes per element: forward 8,
   with dy 12, tangent_backward 8 + 12 K, curvature 8 + 4 K where the row stays in a cache. About 6, 9, 13 K, 10 K flops. Source: the definition. */
#ifndef SG_LOSS_COSINE_H
#define SG_LOSS_COSINE_H

/* 1 / a^2, 1 / (a b) and s of a row; all 0 where a or b is. */
#define COSINE_ROW                                                   \
    ROWS_F yy_ = ROWS_SPLAT(0.0f), tt_ = yy_, ty_ = yy_;             \
    ROWS_COLUMNS(j) {                                                \
        ROWS_F a = ROWS_GET(in, j, 0.0f), b = ROWS_GET(to, j, 0.0f); \
        yy_ = yy_ + a * a, tt_ = tt_ + b * b, ty_ = ty_ + a * b;     \
    }                                                                \
    f32 yy = ROWS_SUM(yy_), tt = ROWS_SUM(tt_), ty = ROWS_SUM(ty_);  \
    f32 none = yy == 0.0f || tt == 0.0f ? 1.0f : 0.0f;               \
    f32 over_yy = none != 0.0f ? 0.0f : 1.0f / yy, over = none != 0.0f ? 0.0f : 1.0f / (sg_sqrt(yy) * sg_sqrt(tt)), s = ty * over;

ROWS_KERNEL cosine_forward_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *dy, SG_GLOBAL f32 *loss, i64 n,
                               i64 c, i32 mean) {
    ROWS_LANES
    ROWS_SUMS
    ROWS_WIDE(c, y, target, dy, dy)
    f32 sum = 0.0f, scale = loss_scale(n);
    ROWS_EACH(row, n) {
        i64 width = row < n ? c : 0;
        const SG_GLOBAL f32 *in = y + row * c, *to = target + row * c;
        COSINE_ROW
        if (ROWS_FIRST && row < n) sum += 1.0f - s;
        if (dy) {
            f32 by_y = scale * (s * over_yy), by_t = scale * over;
            ROWS_COLUMNS(j) ROWS_PUT(dy + row * c, j, by_y * ROWS_GET(in, j, 0.0f) - by_t * ROWS_GET(to, j, 0.0f))
        }
    }
    ROWS_FINISH(sum, mean ? scale : 1.0f, 0, loss)
    if (!mean && ROWS_ONE) loss_counts(loss, n);
}

ROWS_KERNEL cosine_tangent_backward_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, const SG_GLOBAL f32 *yt, SG_GLOBAL f32 *dyt, i64 n, i64 c,
                                        i64 probes) {
    ROWS_LANES
    ROWS_WIDE(c, y, target, yt, dyt)
    f32 scale = loss_scale(n);
    ROWS_EACH(row, n) {
        i64 width = row < n ? c : 0;
        const SG_GLOBAL f32 *in = y + row * c, *to = target + row * c;
        COSINE_ROW
        ROWS_PROBES(k) {
            const SG_GLOBAL f32 *v = yt + (k * n + row) * c;
            ROWS_F yv_ = ROWS_SPLAT(0.0f), tv_ = yv_;
            ROWS_COLUMNS(j) {
                ROWS_F x = ROWS_GET(v, j, 0.0f);
                yv_ = yv_ + ROWS_GET(in, j, 0.0f) * x, tv_ = tv_ + ROWS_GET(to, j, 0.0f) * x;
            }
            f32 yv = ROWS_SUM(yv_) * over_yy, tv = ROWS_SUM(tv_) * over;
            f32 own = scale * s * over_yy, by_y = scale * (tv * over_yy) - 3.0f * own * yv, by_t = scale * over * yv;
            ROWS_COLUMNS(j)
                ROWS_PUT(dyt + (k * n + row) * c, j, by_t * ROWS_GET(to, j, 0.0f) + by_y * ROWS_GET(in, j, 0.0f) + own * ROWS_GET(v, j, 0.0f))
        }
    }
}

#define COSINE_CURVATURE                                                                                 \
    ROWS_F yv_ = ROWS_SPLAT(0.0f), tv_ = yv_, vv_ = yv_;                                                 \
    ROWS_COLUMNS(j) {                                                                                    \
        ROWS_F x = ROWS_GET(v, j, 0.0f);                                                                 \
        yv_ = yv_ + ROWS_GET(in, j, 0.0f) * x, tv_ = tv_ + ROWS_GET(to, j, 0.0f) * x, vv_ = vv_ + x * x; \
    }                                                                                                    \
    f32 yv = ROWS_SUM(yv_) * over_yy, tv = ROWS_SUM(tv_) * over, vv = ROWS_SUM(vv_) * over_yy;           \
    f32 value = 2.0f * yv * tv + s * vv - 3.0f * s * yv * yv;

ROWS_CURVATURE_KERNEL cosine_curvature_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, const SG_GLOBAL f32 *yt, SG_GLOBAL f32 *workspace,
                                           SG_GLOBAL f32 *curvature, i64 n, i64 c, i64 probes) {
    ROWS_CURVATURE(COSINE_ROW, COSINE_CURVATURE)
}

#endif
