/* A convolution's weight and bias with the affine map of a norm behind it taken in, so that the convolution alone computes both.

     conv_fold_f32  s[o] = gamma[o] / sqrt(variance[o] + epsilon),  folded[o, j] = w[o, j] s[o],  folded_bias[o] = beta[o] + (bias[o] - mean[o]) s[o]

   w, folded: f32 [outputs, inner]; bias, gamma, beta: f32 [outputs] or null (0, 1, 0); mean, variance, folded_bias: f32 [outputs].
   Work-group: 256 side by side along a row of w; grid x: outputs. Bytes: 8 per element of w. Flops: 1 per element of w.
   Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference" (2018), section 3.2. */
#include "lib/gpu.h"

SG_KERNEL(256) conv_fold_f32(const SG_GLOBAL f32 *w, const SG_GLOBAL f32 *bias, const SG_GLOBAL f32 *gamma, const SG_GLOBAL f32 *beta, const SG_GLOBAL f32 *mean,
                             const SG_GLOBAL f32 *variance, SG_GLOBAL f32 *folded, SG_GLOBAL f32 *folded_bias, i64 outputs, i64 inner, f32 epsilon) {
    for (i64 o = sg_group(0); o < outputs; o += sg_groups(0)) {
        f32 s = (gamma ? gamma[o] : 1.0f) / sg_sqrt(variance[o] + epsilon);
        for (i64 j = sg_local(0); j < inner; j += sg_locals(0)) folded[o * inner + j] = w[o * inner + j] * s;
        if (sg_local(0) == 0) folded_bias[o] = (beta ? beta[o] : 0.0f) + ((bias ? bias[o] : 0.0f) - mean[o]) * s;
    }
}
