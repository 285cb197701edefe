/* Losses that are a mean over all n elements of a function of output and target (loss/element_loss.h: f, d1, d2), in the modes of an op. For outputs y,
   targets t, K probes yt, q = 1 / max(1, n):

     forward          loss[0] = q sum f(y, t)
     forward_backward the same, and dy = q d1(y, t)
     tangent_backward dyt = q d2(y, t) yt, the loss's Hessian times yt
     curvature        curvature[k] = q sum d2(y, t) yt^2
     metrics          metrics[0] = sum f(y, t) / c, the sum of the losses of the n / c examples; metrics[1] = n / c; metrics[2] = 0

   y, t, dy: [n]; yt, dyt: [K, n]; dy may be y or t, dyt may be yt; delta is huber's. A launch of G = 1 groups in x writes the final sums; a larger one leaves
   its scale at workspace[0] and a sum per group and probe at workspace[16 + k G + g], and loss_sum_f32 ends it. Work-group: 256; work-item i of group (g, y) has
   the elements e .. e + 3 for e = 4 (g 256 + i), 4 ((g + G) 256 + i), ... of the probes y, y + Y, ..., two fours at a time, each added pairwise. Bytes per
   element: forward 8, forward_backward 12, tangent_backward 8 + 8 K, curvature 8 + 4 K where y and t stay in a cache; mse, whose d2 is 2, 8 K and 4 K. Source: the
   definition.
   WIDE *_forward_f32 *_metrics_f32: 6 loads, 0 stores
   WIDE *_forward_backward_f32: 6 loads, 3 stores
   WIDE l1_tangent_backward_f32 huber_tangent_backward_f32 bce_with_logits_tangent_backward_f32: 9 loads, 3 stores
   WIDE mse_tangent_backward_f32: 3 loads, 3 stores
   WIDE l1_curvature_f32 huber_curvature_f32 bce_with_logits_curvature_f32: 9 loads, 0 stores
   WIDE mse_curvature_f32: 3 loads, 0 stores */
#include "lib/gpu_rows.h"
#include "lib/gpu_wide.h"
#include "loss/element_loss.h"
#include "loss/finish.h"

SG_ELEMENT_LOSSES(f32, )

/* `sum` is the work-item's; `scale` what the total is multiplied by. */
SG_FN void element_finish(f32 sum, f32 scale, i64 k, SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *out, SG_LOCAL f32 *scratch) {
    sum = group_sum(sum, scratch);
    if (group_rank() == 0) loss_finish(sum, (i64)sg_groups(0), (i64)sg_group(0), scale, k, workspace, out);
}

/* Four outputs, of which `left` are there: `none` in the place of the others, where that is not the 0 that was loaded. */
SG_FN float4 element_outputs(float4 y, i64 left, f32 none) {
    if (none == 0.0f) return y;
    if (left < 4) y.w = none;
    if (left < 3) y.z = none;
    if (left < 2) y.y = none;
    return y;
}

#define ELEMENT_4(f, a, b) sg_make_4(f((a).x, (b).x, delta), f((a).y, (b).y, delta), f((a).z, (b).z, delta), f((a).w, (b).w, delta))
#define ELEMENT_SUM(NAME, NONE) sum += sg_sum4(ELEMENT_4(NAME##_f, element_outputs(SG_IN(0), n - sg_i, NONE), SG_IN(1)));

#define ELEMENT_KERNELS(NAME, NONE)                                                                                                                     \
    SG_KERNEL(256) NAME##_forward_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *loss, f32 delta,    \
                                      i64 n) {                                                                                                          \
        SG_SHARED(f32, scratch, GROUP_SCRATCH);                                                                                                         \
        f32 sum = 0.0f;                                                                                                                                 \
        const SG_GLOBAL f32 *const in[] = {y, target};                                                                                                  \
        SG_EACH_FOUR(in, n, true, ELEMENT_SUM(NAME, NONE))                                                                                              \
        element_finish(sum, loss_scale(n), 0, workspace, loss, scratch);                                                                                \
    }                                                                                                                                                   \
    SG_KERNEL(256) NAME##_forward_backward_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *dy,        \
                                               SG_GLOBAL f32 *loss, f32 delta, i64 n) {                                                                 \
        SG_SHARED(f32, scratch, GROUP_SCRATCH);                                                                                                         \
        f32 sum = 0.0f, scale = loss_scale(n);                                                                                                          \
        const SG_GLOBAL f32 *const in[] = {y, target};                                                                                                  \
        SG_EACH_FOUR(in, n, sg_aligned16(dy), {                                                                                                         \
            ELEMENT_SUM(NAME, NONE)                                                                                                                     \
            SG_PUT(dy, scale * ELEMENT_4(NAME##_d1, SG_IN(0), SG_IN(1)))                                                                                \
        })                                                                                                                                              \
        element_finish(sum, scale, 0, workspace, loss, scratch);                                                                                        \
    }                                                                                                                                                   \
    SG_KERNEL(256) NAME##_tangent_backward_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, const SG_GLOBAL f32 *yt, SG_GLOBAL f32 *dyt,        \
                                               f32 delta, i64 n, i64 probes) {                                                                          \
        f32 scale = loss_scale(n);                                                                                                                      \
        for (i64 k = (i64)sg_group(1); k < probes; k += (i64)sg_groups(1)) {                                                                            \
            SG_GLOBAL f32 *out = dyt + k * n;                                                                                                           \
            const SG_GLOBAL f32 *const in[] = {y, target, yt + k * n};                                                                                  \
            SG_EACH_FOUR(in, n, sg_aligned16(out), { SG_PUT(out, scale * (ELEMENT_4(NAME##_d2, SG_IN(0), SG_IN(1)) * SG_IN(2))) })                      \
        }                                                                                                                                               \
    }                                                                                                                                                   \
    SG_KERNEL(256) NAME##_curvature_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, const SG_GLOBAL f32 *yt, SG_GLOBAL f32 *workspace,         \
                                        SG_GLOBAL f32 *curvature, f32 delta, i64 n, i64 probes) {                                                       \
        SG_SHARED(f32, scratch, GROUP_SCRATCH);                                                                                                         \
        for (i64 k = (i64)sg_group(1); k < probes; k += (i64)sg_groups(1)) {                                                                            \
            f32 sum = 0.0f;                                                                                                                             \
            const SG_GLOBAL f32 *const in[] = {y, target, yt + k * n};                                                                                  \
            SG_EACH_FOUR(in, n, true, sum += sg_sum4(ELEMENT_4(NAME##_d2, SG_IN(0), SG_IN(1)) * (SG_IN(2) * SG_IN(2)));)                                \
            element_finish(sum, loss_scale(n), k, workspace, curvature, scratch);                                                                       \
        }                                                                                                                                               \
    }                                                                                                                                                   \
    SG_KERNEL(256) NAME##_metrics_f32(const SG_GLOBAL f32 *y, const SG_GLOBAL f32 *target, SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *metrics, f32 delta, \
                                      i64 n, i64 c) {                                                                                                   \
        SG_SHARED(f32, scratch, GROUP_SCRATCH);                                                                                                         \
        f32 sum = 0.0f;                                                                                                                                 \
        const SG_GLOBAL f32 *const in[] = {y, target};                                                                                                  \
        SG_EACH_FOUR(in, n, true, ELEMENT_SUM(NAME, NONE))                                                                                              \
        element_finish(sum, 1.0f / (f32)c, 0, workspace, metrics, scratch);                                                                             \
        if (group_rank() == 0 && sg_group(0) == 0) loss_counts(metrics, n / c);                                                                         \
    }

SG_EACH_ELEMENT_LOSS(ELEMENT_KERNELS)
