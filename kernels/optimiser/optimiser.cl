/* One step of an optimiser over all parameters in one arena. p parameters, g gradient, n elements; settings as in optimiser/optimiser.h.

     squared_norm  workspace[16 + j] = sum of g^2 over group j's elements, workspace[0] = number of groups
     sgd           g' = s g + decay p;  u = momentum u + g';  p -= rate (nesterov ? g' + momentum u : u);  p -= rate g' where velocity is null
     adamw         g' = s g;  p -= rate decay p;  m = beta1 m + (1 - beta1) g';  v = beta2 v + (1 - beta2) g'^2;
                   p -= rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)

   With clip = 1, s = min(1, max_norm / (norm + 1e-6)), norm the square root of the sum of those sums, and norm[0] = norm, norm[1] = s; else s = 1 and norm is not touched. A NaN in the gradient makes norm, s and with clipping all parameters NaN: it shows. A norm that
   overflows shows as infinity, with s = 0. g is left as it is.

   parameters, gradient, velocity (or null), m, v: f32 [n]; decay: u8 [ceil(n / 64)], 0 where the block of 64 parameters has no weight decay, or null:
   all have; settings: f32 [16]; workspace: f32 [16 + G], at most 1024 groups; norm: f32 [2]. velocity, m and v start as 0.
   Work-group: 256; work-item i of group g of G has the elements g 256 + i, (g + G) 256 + i, ... Bytes per parameter: squared_norm 4, sgd 12 or 20, adamw 28.
   Source: PyTorch's torch.optim.SGD (dampening 0), AdamW, clip_grad_norm_; AdamW: Loshchilov & Hutter 2019. */
#include "optimiser/optimiser.h"
#include "lib/opencl/row_group.h"

kernel void optimiser_squared_norm_f32(const global f32 *gradient, global f32 *workspace, i64 n) {
    local f32 scratch[ROW_GROUP];
    f32 sum = 0.0f;
    EACH_ELEMENT(n, { sum += gradient[i] * gradient[i]; })
    sum = group_sum(sum, scratch);
    if (group_rank() == 0) {
        workspace[GROUP_PARTIALS + get_group_id(0)] = sum;
        if (get_group_id(0) == 0) workspace[0] = (f32)get_num_groups(0);
    }
}

/* What the gradient is multiplied by. Every group adds the partial sums up for itself, in the same order. */
SG_FN f32 clip_scale(const global f32 *settings, const global f32 *workspace, global f32 *norm, i32 clip, local f32 *scratch) {
    f32 sum = 0.0f;
    i32 partials = clip ? (i32)workspace[0] : 0;
    for (i32 j = group_rank(); j < partials; j += ROW_GROUP) sum += workspace[GROUP_PARTIALS + j];
    sum = group_sum(sum, scratch);
    if (!clip) return 1.0f;
    f32 length = sg_sqrt(sum), ratio = settings[SETTING_MAX_NORM] / (length + OPTIMISER_CLIP_EPSILON);
    f32 scale = ratio > 1.0f ? 1.0f : ratio; /* NaN stays */
    if (get_group_id(0) == 0 && group_rank() == 0) {
        norm[0] = length;
        norm[1] = scale;
    }
    return scale;
}

kernel void optimiser_sgd_f32(global f32 *parameters, const global f32 *gradient, global f32 *velocity, const global u8 *decay,
                              const global f32 *settings, const global f32 *workspace, global f32 *norm, i64 n, i32 clip) {
    local f32 scratch[ROW_GROUP];
    f32 scale = clip_scale(settings, workspace, norm, clip, scratch);
    f32 rate = settings[SETTING_RATE], weight = settings[SETTING_DECAY], momentum = settings[SETTING_BETA1];
    bool nesterov = settings[SETTING_NESTEROV] != 0.0f;
    EACH_ELEMENT(n, {
        f32 p = parameters[i];
        f32 g = gradient[i] * scale;
        if (!decay || decay[i / OPTIMISER_DECAY_BLOCK]) g += weight * p;
        if (velocity) {
            f32 u = momentum * velocity[i] + g;
            velocity[i] = u;
            g = nesterov ? g + momentum * u : u;
        }
        parameters[i] = p - rate * g;
    })
}

kernel void optimiser_adamw_f32(global f32 *parameters, const global f32 *gradient, global f32 *m, global f32 *v, const global u8 *decay,
                                const global f32 *settings, const global f32 *workspace, global f32 *norm, i64 n, i32 clip) {
    local f32 scratch[ROW_GROUP];
    f32 scale = clip_scale(settings, workspace, norm, clip, scratch);
    f32 beta1 = settings[SETTING_BETA1], rest1 = settings[SETTING_ONE_MINUS_BETA1], beta2 = settings[SETTING_BETA2];
    f32 rest2 = settings[SETTING_ONE_MINUS_BETA2], epsilon = settings[SETTING_EPSILON], size = settings[SETTING_STEP_SIZE];
    f32 root = settings[SETTING_INVERSE_ROOT_CORRECTION2], weight = settings[SETTING_DECAY];
    EACH_ELEMENT(n, {
        f32 p = parameters[i];
        f32 g = gradient[i] * scale;
        f32 mi = beta1 * m[i] + rest1 * g;
        f32 vi = beta2 * v[i] + rest2 * g * g;
        if (!decay || decay[i / OPTIMISER_DECAY_BLOCK]) p -= weight * p;
        m[i] = mi;
        v[i] = vi;
        parameters[i] = p - size * mi / (sg_sqrt(vi) * root + epsilon);
    })
}
