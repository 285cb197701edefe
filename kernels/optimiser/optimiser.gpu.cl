/* One step of an optimiser over all parameters in one arena. p parameters, g gradient, n elements; settings as in optimiser/optimiser.h.

     squared_norm  workspace[16 + j] = sum of g^2 over group j's elements, workspace[0] = number of groups
     sgd           g' = s g + decay p;  u = momentum u + g';  p -= rate (nesterov ? g' + momentum u : u);  p -= rate g' where velocity is null
     adamw         g' = s g;  p -= rate decay p;  m = beta1 m + (1 - beta1) g';  v = beta2 v + (1 - beta2) g'^2;
                   p -= rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)

   With clip = 1, s = min(1, max_norm / (norm + 1e-6)), norm the square root of the sum of those sums, and norm[0] = norm, norm[1] = s; else s = 1
   and norm is not touched. A NaN in the gradient makes norm, s and with clipping all parameters NaN: it shows. A norm that overflows shows as infinity, with
   s = 0. g is left as it is.

   parameters, gradient, velocity (or null), m, v: f32 [n]; decay: u8 [ceil(n / 64)], 0 where the block of 64 parameters has no weight decay, or null:
   all have; settings: f32 [16]; workspace: f32 [16 + G], at most 1024 groups; norm: f32 [2]. velocity, m and v start as 0.
   Work-group: 256; work-item i of group g of G has the elements e .. e + 3 for e = 4 (g 256 + i), 4 ((g + G) 256 + i), ..., two fours at a time.
   Bytes per parameter: squared_norm 4, sgd 12 or 20, adamw 28.
   Source: PyTorch's torch.optim.SGD (dampening 0), AdamW, clip_grad_norm_; AdamW: Loshchilov & Hutter 2019.
   WIDE optimiser_squared_norm_f32: 3 loads, 0 stores
   WIDE optimiser_sgd_f32: 15 loads, 9 stores
   WIDE optimiser_adamw_f32: 12 loads, 9 stores */
#include "optimiser/optimiser.h"
#include "lib/gpu_rows.h"
#include "lib/gpu_wide.h"

SG_KERNEL(256) optimiser_squared_norm_f32(const SG_GLOBAL f32 *gradient, SG_GLOBAL f32 *workspace, i64 n) {
    SG_SHARED(f32, scratch, GROUP_SCRATCH);
    f32 sum = 0.0f;
    const SG_GLOBAL f32 *const in[] = {gradient};
    SG_EACH_FOUR(in, n, true, sum += sg_sum4(SG_IN(0) * SG_IN(0));)
    sum = group_sum(sum, scratch);
    if (group_rank() == 0) {
        workspace[GROUP_PARTIALS + sg_group(0)] = sum;
        if (sg_group(0) == 0) workspace[0] = (f32)sg_groups(0);
    }
}

/* What the gradient is multiplied by. Every group adds the partial sums up for itself, in the same order. */
SG_FN f32 clip_scale(const SG_GLOBAL f32 *settings, const SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *norm, i32 clip, SG_LOCAL f32 *scratch) {
    f32 sum = 0.0f;
    i32 partials = clip ? (i32)workspace[0] : 0;
    for (i32 j = group_rank(); j < partials; j += group_size()) sum += workspace[GROUP_PARTIALS + j];
    sum = group_sum(sum, scratch);
    if (!clip) return 1.0f;
    f32 length = sg_sqrt(sum), ratio = settings[SETTING_MAX_NORM] / (length + OPTIMISER_CLIP_EPSILON);
    f32 scale = ratio > 1.0f ? 1.0f : ratio; /* NaN stays */
    if (sg_group(0) == 0 && group_rank() == 0) {
        norm[0] = length;
        norm[1] = scale;
    }
    return scale;
}

/* STEP(x) STEP(y) ... on the parts of float4s. */
#define EACH_PART(STEP) STEP(x) STEP(y) STEP(z) STEP(w)
/* Four neighbours share a byte of the mask. */
#define DECAYS (!decay || decay[sg_i / OPTIMISER_DECAY_BLOCK])

SG_KERNEL(256) optimiser_sgd_f32(SG_GLOBAL f32 *parameters, const SG_GLOBAL f32 *gradient, SG_GLOBAL f32 *velocity, const SG_GLOBAL u8 *decay,
                                 const SG_GLOBAL f32 *settings, const SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *norm, i64 n, i32 clip) {
    SG_SHARED(f32, scratch, GROUP_SCRATCH);
    f32 scale = clip_scale(settings, workspace, norm, clip, scratch);
    f32 rate = settings[SETTING_RATE], weight = settings[SETTING_DECAY], momentum = settings[SETTING_BETA1];
    bool nesterov = settings[SETTING_NESTEROV] != 0.0f;
#define PLAIN(part)                                                       \
    {                                                                     \
        f32 g = SG_IN(1).part * scale;                                    \
        if (decays) g += weight * p.part;                                 \
        p.part -= rate * g;                                               \
    }
#define WITH_VELOCITY(part)                                               \
    {                                                                     \
        f32 g = SG_IN(1).part * scale;                                    \
        if (decays) g += weight * p.part;                                 \
        u.part = momentum * u.part + g;                                   \
        p.part -= rate * (nesterov ? g + momentum * u.part : u.part);     \
    }
    if (velocity) {
        const SG_GLOBAL f32 *const in[] = {parameters, gradient, velocity};
        SG_EACH_FOUR(in, n, true, {
            bool decays = DECAYS;
            float4 p = SG_IN(0);
            float4 u = SG_IN(2);
            EACH_PART(WITH_VELOCITY)
            SG_PUT(velocity, u)
            SG_PUT(parameters, p)
        })
    } else {
        const SG_GLOBAL f32 *const in[] = {parameters, gradient};
        SG_EACH_FOUR(in, n, true, {
            bool decays = DECAYS;
            float4 p = SG_IN(0);
            EACH_PART(PLAIN)
            SG_PUT(parameters, p)
        })
    }
}

SG_KERNEL(256) optimiser_adamw_f32(SG_GLOBAL f32 *parameters, const SG_GLOBAL f32 *gradient, SG_GLOBAL f32 *m, SG_GLOBAL f32 *v, const SG_GLOBAL u8 *decay,
                                   const SG_GLOBAL f32 *settings, const SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *norm, i64 n, i32 clip) {
    SG_SHARED(f32, scratch, GROUP_SCRATCH);
    f32 scale = clip_scale(settings, workspace, norm, clip, scratch);
    f32 beta1 = settings[SETTING_BETA1], rest1 = settings[SETTING_ONE_MINUS_BETA1], beta2 = settings[SETTING_BETA2];
    f32 rest2 = settings[SETTING_ONE_MINUS_BETA2], epsilon = settings[SETTING_EPSILON], size = settings[SETTING_STEP_SIZE];
    f32 root = settings[SETTING_INVERSE_ROOT_CORRECTION2], weight = settings[SETTING_DECAY];
#define ADAMW(part)                                                               \
    {                                                                             \
        f32 g = SG_IN(1).part * scale;                                            \
        first.part = beta1 * first.part + rest1 * g;                              \
        second.part = beta2 * second.part + rest2 * g * g;                        \
        if (decays) p.part -= weight * p.part;                                    \
        p.part -= size * first.part / (sg_sqrt(second.part) * root + epsilon);    \
    }
    const SG_GLOBAL f32 *const in[] = {parameters, gradient, m, v};
    SG_EACH_FOUR(in, n, true, {
        bool decays = DECAYS;
        float4 p = SG_IN(0);
        float4 first = SG_IN(2);
        float4 second = SG_IN(3);
        EACH_PART(ADAMW)
        SG_PUT(m, first)
        SG_PUT(v, second)
        SG_PUT(parameters, p)
    })
}
