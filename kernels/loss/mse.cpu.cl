/* Mean squared error for CPU devices: see loss/mse.cl for formulas, shapes and bytes. Work-group: 1 x 1; group (g, y) of a G x Y grid has a contiguous
   piece of the elements, a multiple of 64 long but for the last, of the probes y, y + Y, ... Four accumulators of 16. */
#include "lib/cpu/row_group.h"

SG_FN f32 mse_scale(i64 n) { return 1.0f / (f32)max((i64)1, n); }

SG_FN void mse_finish(const float16 *sum, f32 scale, i64 k, global f32 *workspace, global f32 *out) {
    i64 groups = get_num_groups(0), g = get_group_id(0);
    f32 total = sg_sum16((sum[0] + sum[1]) + (sum[2] + sum[3]));
    if (groups == 1) out[k] = total * scale;
    else workspace[GROUP_PARTIALS + k * groups + g] = total;
    if (groups > 1 && g == 0 && k == 0) workspace[0] = scale;
}

kernel void mse_forward_f32(const global f32 *y, const global f32 *target, global f32 *workspace, global f32 *loss, i64 n) {
    float16 sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    EACH_VECTOR(n, { float16 d = sg_load16(y + i, width, 0.0f) - sg_load16(target + i, width, 0.0f); sum[u] = fma(d, d, sum[u]); })
    mse_finish(sum, mse_scale(n), 0, workspace, loss);
}

kernel void mse_forward_backward_f32(const global f32 *y, const global f32 *target, global f32 *workspace, global f32 *dy, global f32 *loss, i64 n) {
    float16 sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    f32 scale = 2.0f * mse_scale(n);
    EACH_VECTOR(n, {
        float16 d = sg_load16(y + i, width, 0.0f) - sg_load16(target + i, width, 0.0f);
        sum[u] = fma(d, d, sum[u]);
        sg_store16(dy + i, d * scale, width);
    })
    mse_finish(sum, mse_scale(n), 0, workspace, loss);
}

kernel void mse_tangent_f32(const global f32 *y, const global f32 *target, const global f32 *yt, global f32 *workspace, global f32 *loss_t, i64 n,
                            i64 probes) {
    for (i64 k = get_group_id(1); k < probes; k += get_num_groups(1)) {
        float16 sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        const global f32 *t = yt + k * n;
        EACH_VECTOR(n, {
            float16 d = sg_load16(y + i, width, 0.0f) - sg_load16(target + i, width, 0.0f);
            sum[u] = fma(d, sg_load16(t + i, width, 0.0f), sum[u]);
        })
        mse_finish(sum, 2.0f * mse_scale(n), k, workspace, loss_t);
    }
}

kernel void mse_tangent_backward_f32(const global f32 *yt, global f32 *dyt, i64 n, i64 probes) {
    f32 scale = 2.0f * mse_scale(n);
    EACH_VECTOR(n * probes, { sg_store16(dyt + i, sg_load16(yt + i, width, 0.0f) * scale, width); (void)u; })
}

kernel void mse_curvature_f32(const global f32 *yt, global f32 *workspace, global f32 *curvature, i64 n, i64 probes) {
    for (i64 k = get_group_id(1); k < probes; k += get_num_groups(1)) {
        float16 sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        const global f32 *t = yt + k * n;
        EACH_VECTOR(n, { float16 x = sg_load16(t + i, width, 0.0f); sum[u] = fma(x, x, sum[u]); })
        mse_finish(sum, 2.0f * mse_scale(n), k, workspace, curvature);
    }
}

kernel void mse_metrics_f32(const global f32 *y, const global f32 *target, global f32 *workspace, global f32 *metrics, i64 n, i64 c) {
    float16 sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    EACH_VECTOR(n, { float16 d = sg_load16(y + i, width, 0.0f) - sg_load16(target + i, width, 0.0f); sum[u] = fma(d, d, sum[u]); })
    mse_finish(sum, 1.0f / (f32)c, 0, workspace, metrics);
    if (get_group_id(0) == 0) {
        metrics[1] = (f32)(n / c);
        metrics[2] = 0.0f;
    }
}
