/* Optimisers for CPU devices: see optimiser/optimiser.cl for formulas, shapes and bytes. Work-group: 1 x 1; group g of G has a contiguous piece of whole
   blocks of 64 parameters. */
#include "optimiser/optimiser.h"
#include "lib/cpu/row_group.h"

kernel void optimiser_squared_norm_f32(const global f32 *gradient, global f32 *workspace, i64 n) {
    float16 sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    EACH_VECTOR(n, { float16 g = sg_load16(gradient + i, width, 0.0f); sum[u] = fma(g, g, sum[u]); })
    workspace[GROUP_PARTIALS + get_group_id(0)] = sg_sum16((sum[0] + sum[1]) + (sum[2] + sum[3]));
    if (get_group_id(0) == 0) workspace[0] = (f32)get_num_groups(0);
}

SG_FN f32 clip_scale(const global f32 *settings, const global f32 *workspace, global f32 *norm, i32 clip) {
    if (!clip) return 1.0f;
    f32 sum = 0.0f;
    for (i32 j = 0; j < (i32)workspace[0]; j++) sum += workspace[GROUP_PARTIALS + j];
    f32 length = sg_sqrt(sum), ratio = settings[SETTING_MAX_NORM] / (length + OPTIMISER_CLIP_EPSILON);
    f32 scale = ratio > 1.0f ? 1.0f : ratio; /* NaN stays */
    if (get_group_id(0) == 0) {
        norm[0] = length;
        norm[1] = scale;
    }
    return scale;
}

kernel void optimiser_sgd_f32(global f32 *parameters, const global f32 *gradient, global f32 *velocity, const global u8 *decay,
                              const global f32 *settings, const global f32 *workspace, global f32 *norm, i64 n, i32 clip) {
    f32 scale = clip_scale(settings, workspace, norm, clip);
    f32 rate = settings[SETTING_RATE], weight = settings[SETTING_DECAY], momentum = settings[SETTING_BETA1];
    bool nesterov = settings[SETTING_NESTEROV] != 0.0f;
    EACH_VECTOR(n, {
        f32 w = !decay || decay[block] ? weight : 0.0f;
        float16 p = sg_load16(parameters + i, width, 0.0f);
        float16 g = sg_load16(gradient + i, width, 0.0f) * scale + w * p;
        if (velocity) {
            float16 s = momentum * sg_load16(velocity + i, width, 0.0f) + g;
            sg_store16(velocity + i, s, width);
            g = nesterov ? g + momentum * s : s;
        }
        sg_store16(parameters + i, p - rate * g, width);
        (void)u;
    })
}

kernel void optimiser_adamw_f32(global f32 *parameters, const global f32 *gradient, global f32 *m, global f32 *v, const global u8 *decay,
                                const global f32 *settings, const global f32 *workspace, global f32 *norm, i64 n, i32 clip) {
    f32 scale = clip_scale(settings, workspace, norm, clip);
    f32 beta1 = settings[SETTING_BETA1], rest1 = settings[SETTING_ONE_MINUS_BETA1], beta2 = settings[SETTING_BETA2];
    f32 rest2 = settings[SETTING_ONE_MINUS_BETA2], epsilon = settings[SETTING_EPSILON], size = settings[SETTING_STEP_SIZE];
    f32 root = settings[SETTING_INVERSE_ROOT_CORRECTION2], weight = settings[SETTING_DECAY];
    EACH_VECTOR(n, {
        f32 w = !decay || decay[block] ? weight : 0.0f;
        float16 p = sg_load16(parameters + i, width, 0.0f);
        float16 g = sg_load16(gradient + i, width, 0.0f) * scale;
        float16 mi = beta1 * sg_load16(m + i, width, 0.0f) + rest1 * g;
        float16 vi = beta2 * sg_load16(v + i, width, 0.0f) + rest2 * g * g;
        sg_store16(m + i, mi, width);
        sg_store16(v + i, vi, width);
        p -= w * p;
        sg_store16(parameters + i, p - size * mi / (sqrt(vi) * root + epsilon), width);
        (void)u;
    })
}
