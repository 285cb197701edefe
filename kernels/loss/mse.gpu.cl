/* Mean squared error, the mean over all n elements, in the modes of an op. For outputs y, targets t, K probes yt, q = 1 / max(1, n):

     forward          loss[0] = q sum (y - t)^2
     forward_backward the same, and dy = 2 q (y - t)
     tangent          loss_t[k] = 2 q sum (y - t) yt
     tangent_backward dyt = 2 q yt, the loss's Hessian times yt
     curvature        curvature[k] = 2 q sum yt^2
     metrics          metrics[0] = sum (y - t)^2 / c, the sum of the losses of the n / c examples; metrics[1] = n / c; metrics[2] = 0

   y, t, dy: [n]; yt, dyt: [K, n]; dy may be y or t, dyt may be yt. A launch of G = 1 groups in x writes the final sums; a larger one leaves its scale at
   workspace[0] and a sum per group and probe at workspace[16 + k G + g], and loss_sum_f32 ends it. Work-group: 256; work-item i of group (g, y) has the
   elements e .. e + 3 for e = 4 (g 256 + i), 4 ((g + G) 256 + i), ... of the probes y, y + Y, ..., two fours at a time, each added pairwise. Bytes per
   element: forward 8, forward_backward 12, tangent 8 + 4 K, tangent_backward 8 K, curvature 4 K. Source: the definition.
   WIDE mse_forward_f32 mse_metrics_f32: 6 loads, 0 stores
   WIDE mse_forward_backward_f32: 6 loads, 3 stores
   WIDE mse_tangent_f32: 9 loads, 0 stores
   WIDE mse_tangent_backward_f32: 3 loads, 3 stores
   WIDE mse_curvature_f32: 3 loads, 0 stores */
#include "lib/gpu_rows.h"
#include "lib/gpu_wide.h"

SG_FN f32 mse_scale(i64 n) { return 1.0f / (f32)max((i64)1, n); }

/* `sum` is the work-item's; `scale` what the total is multiplied by. */
SG_FN void mse_finish(f32 sum, f32 scale, i64 k, SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *out, SG_LOCAL f32 *scratch) {
    sum = group_sum(sum, scratch);
    if (group_rank() == 0) {
        i64 groups = (i64)sg_groups(0), g = (i64)sg_group(0);
        if (groups == 1) out[k] = sum * scale;
        else workspace[GROUP_PARTIALS + k * groups + g] = sum;
        if (groups > 1 && g == 0 && k == 0) workspace[0] = scale;
    }
}

SG_FN f32 sum_of_squares(float4 v) { return sg_sum4(v * v); }
#define DIFFERENCE (SG_IN(0) - SG_IN(1))

SG_KERNEL(256) mse_forward_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *loss, i64 n) {
    SG_SHARED(f32, scratch, GROUP_SCRATCH);
    f32 sum = 0.0f;
    const SG_GLOBAL f32 *const in[] = {y, target};
    SG_EACH_FOUR(in, n, true, sum += sum_of_squares(DIFFERENCE);)
    mse_finish(sum, mse_scale(n), 0, workspace, loss, scratch);
}

SG_KERNEL(256) mse_forward_backward_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *dy,
                                        SG_GLOBAL f32 *loss, i64 n) {
    SG_SHARED(f32, scratch, GROUP_SCRATCH);
    f32 sum = 0.0f, scale = 2.0f * mse_scale(n);
    const SG_GLOBAL f32 *const in[] = {y, target};
    SG_EACH_FOUR(in, n, sg_aligned16(dy), { float4 d = DIFFERENCE; sum += sum_of_squares(d); SG_PUT(dy, scale * d) })
    mse_finish(sum, mse_scale(n), 0, workspace, loss, scratch);
}

SG_KERNEL(256) mse_tangent_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, const SG_GLOBAL f32 *yt, SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *loss_t,
                               i64 n, i64 probes) {
    SG_SHARED(f32, scratch, GROUP_SCRATCH);
    for (i64 k = (i64)sg_group(1); k < probes; k += (i64)sg_groups(1)) {
        f32 sum = 0.0f;
        const SG_GLOBAL f32 *const in[] = {y, target, yt + k * n};
        SG_EACH_FOUR(in, n, true, sum += sg_sum4(DIFFERENCE * SG_IN(2));)
        mse_finish(sum, 2.0f * mse_scale(n), k, workspace, loss_t, scratch);
    }
}

SG_KERNEL(256) mse_tangent_backward_f32(const SG_GLOBAL f32 *yt, SG_GLOBAL f32 *dyt, i64 n, i64 probes) {
    f32 scale = 2.0f * mse_scale(n);
    const SG_GLOBAL f32 *const in[] = {yt};
    SG_MAP(dyt, in, n * probes, scale * SG_IN(0))
}

SG_KERNEL(256) mse_curvature_f32(const SG_GLOBAL f32 *yt, SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *curvature, i64 n, i64 probes) {
    SG_SHARED(f32, scratch, GROUP_SCRATCH);
    for (i64 k = (i64)sg_group(1); k < probes; k += (i64)sg_groups(1)) {
        f32 sum = 0.0f;
        const SG_GLOBAL f32 *const in[] = {yt + k * n};
        SG_EACH_FOUR(in, n, true, sum += sum_of_squares(SG_IN(0));)
        mse_finish(sum, 2.0f * mse_scale(n), k, workspace, curvature, scratch);
    }
}

SG_KERNEL(256) mse_metrics_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *metrics, i64 n, i64 c) {
    SG_SHARED(f32, scratch, GROUP_SCRATCH);
    f32 sum = 0.0f;
    const SG_GLOBAL f32 *const in[] = {y, target};
    SG_EACH_FOUR(in, n, true, sum += sum_of_squares(DIFFERENCE);)
    mse_finish(sum, 1.0f / (f32)c, 0, workspace, metrics, scratch);
    if (group_rank() == 0 && sg_group(0) == 0) {
        metrics[1] = (f32)(n / c);
        metrics[2] = 0.0f;
    }
}
