/* Mean squared error, the mean over all n elements, in the modes of an op. For outputs y, targets t, K probes yt, q = 1 / max(1, n):

     forward          loss[0] = q sum (y - t)^2
     forward_backward the same, and dy = 2 q (y - t)
     tangent          loss_t[k] = 2 q sum (y - t) yt
     tangent_backward dyt = 2 q yt, the loss's Hessian times yt
     curvature        curvature[k] = 2 q sum yt^2
     metrics          metrics[0] = sum (y - t)^2 / c, the sum of the losses of the n / c examples; metrics[1] = n / c; metrics[2] = 0

   y, t, dy: [n]; yt, dyt: [K, n]; dy may be y or t, dyt may be yt. A launch of G = 1 groups in x writes the final sums; a larger one leaves its scale at
   workspace[0] and a sum per group and probe at workspace[16 + k G + g], and loss_sum_f32 ends it. Work-group: 256; group (g, y) has the elements
   g 256 + i, (g + G) 256 + i, ... of the probes y, y + Y, ... Bytes per element: forward 8, forward_backward 12, tangent 8 + 4 K, tangent_backward 8 K,
   curvature 4 K. Source: the definition. */
#include "lib/opencl/row_group.h"

SG_FN f32 mse_scale(i64 n) { return 1.0f / (f32)max((i64)1, n); }

/* `sum` is the work-item's; `scale` what the total is multiplied by. */
SG_FN void mse_finish(f32 sum, f32 scale, i64 k, global f32 *workspace, global f32 *out, local f32 *scratch) {
    sum = group_sum(sum, scratch);
    if (group_rank() == 0) {
        i64 groups = (i64)get_num_groups(0), g = (i64)get_group_id(0);
        if (groups == 1) out[k] = sum * scale;
        else workspace[GROUP_PARTIALS + k * groups + g] = sum;
        if (groups > 1 && g == 0 && k == 0) workspace[0] = scale;
    }
}

kernel void mse_forward_f32(const global f32 *y, const global f32 *target, global f32 *workspace, global f32 *loss, i64 n) {
    local f32 scratch[ROW_GROUP];
    f32 sum = 0.0f;
    EACH_ELEMENT(n, { f32 d = y[i] - target[i]; sum += d * d; })
    mse_finish(sum, mse_scale(n), 0, workspace, loss, scratch);
}

kernel void mse_forward_backward_f32(const global f32 *y, const global f32 *target, global f32 *workspace, global f32 *dy, global f32 *loss, i64 n) {
    local f32 scratch[ROW_GROUP];
    f32 sum = 0.0f, scale = 2.0f * mse_scale(n);
    EACH_ELEMENT(n, { f32 d = y[i] - target[i]; sum += d * d; dy[i] = d * scale; })
    mse_finish(sum, mse_scale(n), 0, workspace, loss, scratch);
}

kernel void mse_tangent_f32(const global f32 *y, const global f32 *target, const global f32 *yt, global f32 *workspace, global f32 *loss_t, i64 n,
                            i64 probes) {
    local f32 scratch[ROW_GROUP];
    for (i64 k = (i64)get_group_id(1); k < probes; k += (i64)get_num_groups(1)) {
        f32 sum = 0.0f;
        EACH_ELEMENT(n, { sum += (y[i] - target[i]) * yt[k * n + i]; })
        mse_finish(sum, 2.0f * mse_scale(n), k, workspace, loss_t, scratch);
    }
}

kernel void mse_tangent_backward_f32(const global f32 *yt, global f32 *dyt, i64 n, i64 probes) {
    f32 scale = 2.0f * mse_scale(n);
    EACH_ELEMENT(n * probes, { dyt[i] = yt[i] * scale; })
}

kernel void mse_curvature_f32(const global f32 *yt, global f32 *workspace, global f32 *curvature, i64 n, i64 probes) {
    local f32 scratch[ROW_GROUP];
    for (i64 k = (i64)get_group_id(1); k < probes; k += (i64)get_num_groups(1)) {
        f32 sum = 0.0f;
        EACH_ELEMENT(n, { f32 t = yt[k * n + i]; sum += t * t; })
        mse_finish(sum, 2.0f * mse_scale(n), k, workspace, curvature, scratch);
    }
}

kernel void mse_metrics_f32(const global f32 *y, const global f32 *target, global f32 *workspace, global f32 *metrics, i64 n, i64 c) {
    local f32 scratch[ROW_GROUP];
    f32 sum = 0.0f;
    EACH_ELEMENT(n, { f32 d = y[i] - target[i]; sum += d * d; })
    mse_finish(sum, 1.0f / (f32)c, 0, workspace, metrics, scratch);
    if (group_rank() == 0 && get_group_id(0) == 0) {
        metrics[1] = (f32)(n / c);
        metrics[2] = 0.0f;
    }
}
