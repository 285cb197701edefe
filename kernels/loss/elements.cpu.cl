/* Losses over elements for CPU devices: see loss/elements.gpu.cl for formulas, shapes and bytes. Work-group: 1 x 1; group (g, y) of a G x Y grid has a
   contiguous piece of the elements, a multiple of 64 long but for the last, of the probes y, y + Y, ... Four accumulators of 16. */
#include "lib/cpu/row_group.h"
#include "lib/cpu/vector.h"
#include "loss/element_loss.h"
#include "loss/finish.h"

SG_ELEMENT_LOSSES(float16, _v16)

SG_FN void element_finish(const float16 *sum, f32 scale, i64 k, global f32 *workspace, global f32 *out) {
    loss_finish(sg_sum16((sum[0] + sum[1]) + (sum[2] + sum[3])), get_num_groups(0), get_group_id(0), scale, k, workspace, out);
}

#define ELEMENTS_Y(NONE) sg_load16(y + i, width, NONE)
#define ELEMENTS_T sg_load16(target + i, width, 0.0f)
#define ELEMENT_KERNELS(NAME, NONE)                                                                                                                      \
    kernel void NAME##_forward_f32(const global f32 *y, const global f32 *target, global f32 *workspace, global f32 *loss, f32 delta, i64 n) {           \
        float16 sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};                                                                                                       \
        EACH_VECTOR(n, { sum[u] += NAME##_f_v16(ELEMENTS_Y(NONE), ELEMENTS_T, delta); })                                                                 \
        element_finish(sum, loss_scale(n), 0, workspace, loss);                                                                                          \
    }                                                                                                                                                    \
    kernel void NAME##_forward_backward_f32(const global f32 *y, const global f32 *target, global f32 *workspace, global f32 *dy, global f32 *loss,      \
                                            f32 delta, i64 n) {                                                                                          \
        float16 sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};                                                                                                       \
        f32 scale = loss_scale(n);                                                                                                                       \
        EACH_VECTOR(n, {                                                                                                                                 \
            float16 a = ELEMENTS_Y(NONE);                                                                                                                \
            float16 b = ELEMENTS_T;                                                                                                                      \
            sum[u] += NAME##_f_v16(a, b, delta);                                                                                                         \
            sg_store16(dy + i, NAME##_d1_v16(a, b, delta) * scale, width);                                                                               \
        })                                                                                                                                               \
        element_finish(sum, scale, 0, workspace, loss);                                                                                                  \
    }                                                                                                                                                    \
    kernel void NAME##_tangent_backward_f32(const global f32 *y, const global f32 *target, const global f32 *yt, global f32 *dyt, f32 delta, i64 n,      \
                                            i64 probes) {                                                                                                \
        f32 scale = loss_scale(n);                                                                                                                       \
        for (i64 k = get_group_id(1); k < probes; k += get_num_groups(1)) {                                                                              \
            const global f32 *t = yt + k * n;                                                                                                            \
            global f32 *out = dyt + k * n;                                                                                                               \
            EACH_VECTOR(n, {                                                                                                                             \
                float16 d2 = NAME##_d2_v16(ELEMENTS_Y(NONE), ELEMENTS_T, delta);                                                                         \
                sg_store16(out + i, d2 * scale * sg_load16(t + i, width, 0.0f), width);                                                                  \
                (void)u;                                                                                                                                 \
            })                                                                                                                                           \
        }                                                                                                                                                \
    }                                                                                                                                                    \
    kernel void NAME##_curvature_f32(const global f32 *y, const global f32 *target, const global f32 *yt, global f32 *workspace, global f32 *curvature,  \
                                     f32 delta, i64 n, i64 probes) {                                                                                     \
        for (i64 k = get_group_id(1); k < probes; k += get_num_groups(1)) {                                                                              \
            float16 sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};                                                                                                   \
            const global f32 *t = yt + k * n;                                                                                                            \
            EACH_VECTOR(n, {                                                                                                                             \
                float16 x = sg_load16(t + i, width, 0.0f);                                                                                               \
                sum[u] += NAME##_d2_v16(ELEMENTS_Y(NONE), ELEMENTS_T, delta) * x * x;                                                                    \
            })                                                                                                                                           \
            element_finish(sum, loss_scale(n), k, workspace, curvature);                                                                                 \
        }                                                                                                                                                \
    }                                                                                                                                                    \
    kernel void NAME##_metrics_f32(const global f32 *y, const global f32 *target, global f32 *workspace, global f32 *metrics, f32 delta, i64 n, i64 c) { \
        float16 sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};                                                                                                       \
        EACH_VECTOR(n, { sum[u] += NAME##_f_v16(ELEMENTS_Y(NONE), ELEMENTS_T, delta); })                                                                 \
        element_finish(sum, 1.0f / (f32)c, 0, workspace, metrics);                                                                                       \
        if (get_group_id(0) == 0) loss_counts(metrics, n / c);                                                                                           \
    }

SG_EACH_ELEMENT_LOSS(ELEMENT_KERNELS)
