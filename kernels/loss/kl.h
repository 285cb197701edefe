/* Kullback-Leibler divergence of the softmax of the outputs from the targets, along the last axis, the mean over n rows of c, in the modes of an op: one text for
   CPUs and GPUs, whose wrappers (rows.cpu.cl, rows.gpu.cl) say how rows and columns are shared out. For outputs y, targets t, which are probabilities, K probes v,
   p = softmax(y), S = sum t of a row, q = 1 / max(1, n):

     forward          loss[0] = q sum of rows' sum t (log t - log p), 0 where t = 0; where dy is not null dy = q (S p - t)
     metrics          mean = 0: loss[0] = the sum over rows; loss[1] = n; loss[2] = 0
     tangent_backward dyt = H v = q S p (v - <p, v>)
     curvature        curvature[k] = v' H v = q sum of rows' S <p, (v - <p, v>)^2>

   y, t, dy: [n, c]; v, dyt: [K, n, c]; dy may be y or t, dyt may be v. log p = y - top - log all, top the largest output and all = sum exp(y - top), so nothing
   overflows: the loss is sum t (log t - (y - top)) + S log all. S need not be 1. A negative target makes the loss NaN; an output of -inf where t = 0 is as if it
   were not there. How a launch ends: loss/finish.h. Work-group: lanes x rows (Work.rowSums). Bytes per element: forward 8, with dy 12, tangent_backward 8 + 12 K,
   curvature 8 + 4 K where the row stays in a cache; ROWS_TILE probes share a reading of y and t. About 8, 11, 8 K, 8 K flops. Source: the definition. */
#ifndef SG_LOSS_KL_H
#define SG_LOSS_KL_H

ROWS_KERNEL kl_forward_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *dy, SG_GLOBAL f32 *loss, i64 n, i64 c,
                           i32 mean) {
    ROWS_LANES
    ROWS_SUMS
    ROWS_WIDE(c, y, target, dy, dy)
    f32 sum = 0.0f, scale = loss_scale(n);
    ROWS_EACH(row, n) {
        i64 width = row < n ? c : 0;
        const SG_GLOBAL f32 *in = y + row * c, *to = target + row * c;
        KL_ROW(true)
        if (ROWS_FIRST && row < n) sum += cross + mass * sg_log(all);
        if (dy) {
            f32 share = scale * (mass / all);
            ROWS_COLUMNS(j) ROWS_PUT(dy + row * c, j, share * KL_EXP(j) - scale * ROWS_GET(to, j, 0.0f))
        }
    }
    ROWS_FINISH(sum, mean ? scale : 1.0f, 0, loss)
    if (!mean && ROWS_ONE) loss_counts(loss, n);
}

/* <p, v> */
#define KL_MIDDLE                                                   \
    ROWS_F part = ROWS_SPLAT(0.0f);                                 \
    ROWS_COLUMNS(j) part = part + KL_EXP(j) * ROWS_GET(v, j, 0.0f); \
    f32 middle = ROWS_SUM(part) / all;

ROWS_KERNEL kl_tangent_backward_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, const SG_GLOBAL f32 *yt, SG_GLOBAL f32 *dyt, i64 n, i64 c, i64 probes) {
    ROWS_LANES
    ROWS_WIDE(c, y, target, yt, dyt)
    f32 scale = loss_scale(n);
    ROWS_EACH(row, n) {
        i64 width = row < n ? c : 0;
        const SG_GLOBAL f32 *in = y + row * c, *to = target + row * c;
        KL_ROW(false)
        f32 share = scale * (mass / all);
        ROWS_PROBES(k) {
            const SG_GLOBAL f32 *v = yt + (k * n + row) * c;
            KL_MIDDLE
            ROWS_COLUMNS(j) ROWS_PUT(dyt + (k * n + row) * c, j, (share * KL_EXP(j)) * (ROWS_GET(v, j, 0.0f) - ROWS_SPLAT(middle)))
        }
    }
}

#define KL_CURVATURE                                            \
    KL_MIDDLE                                                   \
    ROWS_F squares = ROWS_SPLAT(0.0f);                          \
    ROWS_COLUMNS(j) {                                           \
        ROWS_F x = ROWS_GET(v, j, middle) - ROWS_SPLAT(middle); \
        squares = squares + KL_EXP(j) * (x * x);                \
    }                                                           \
    f32 value = mass / all * ROWS_SUM(squares);

ROWS_CURVATURE_KERNEL kl_curvature_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, const SG_GLOBAL f32 *yt, SG_GLOBAL f32 *workspace,
                                       SG_GLOBAL f32 *curvature, i64 n, i64 c, i64 probes) {
    ROWS_CURVATURE(KL_ROW(false), KL_CURVATURE)
}

#endif
