/* Each channel of an image times a number of its own, for CPU devices: formulas, arguments and bytes as in elementwise/scale_channels.gpu.cl.

   Work-group: one work-item; of scale a piece of the pixels of the batch, of dots a piece of its images, 16 channels at a time; grid y: copies. */
#include "lib/cpu/vector16.h"
#include "elementwise/scale_channels.h"

kernel void scale_channels_f32(const global f32 *x, const global f32 *g, const global f32 *z, const global f32 *h, global f32 *y, i64 batch, i64 pixels, i64 channels,
                               i32 copied, f32 scale) {
    const i64 all = batch * pixels, n = all * channels, k = get_group_id(1);
    x += channels_of(copied, 0, k, n);
    g += channels_of(copied, 1, k, batch * channels);
    if (z) z += channels_of(copied, 2, k, n);
    if (z) h += channels_of(copied, 3, k, batch * channels);
    for (i64 p = all * get_group_id(0) / get_num_groups(0); p < all * (get_group_id(0) + 1) / get_num_groups(0); p++) {
        const i64 row = p / pixels * channels;
        for (i64 c = 0; c < channels; c += 16) {
            const i32 left = (i32)min(channels - c, (i64)16);
            float16 sum = v16_load_tail(V16_F32, x, p * channels + c, left) * v16_load_tail(V16_F32, g, row + c, left);
            if (z) sum += v16_load_tail(V16_F32, z, p * channels + c, left) * v16_load_tail(V16_F32, h, row + c, left);
            v16_store_tail(V16_F32, y, k * n + p * channels + c, scale * sum, left);
        }
    }
}

kernel void channel_dots_f32(const global f32 *x, const global f32 *u, const global f32 *z, const global f32 *v, global f32 *out, i64 batch, i64 pixels, i64 channels,
                             i32 copied) {
    const i64 n = batch * pixels * channels, k = get_group_id(1);
    x += channels_of(copied, 0, k, n);
    u += channels_of(copied, 1, k, n);
    if (z) z += channels_of(copied, 2, k, n);
    if (z) v += channels_of(copied, 3, k, n);
    for (i64 image = batch * get_group_id(0) / get_num_groups(0); image < batch * (get_group_id(0) + 1) / get_num_groups(0); image++) {
        for (i64 c = 0; c < channels; c += 16) {
            const i32 left = (i32)min(channels - c, (i64)16);
            float16 sum = (float16)(0.0f);
            for (i64 p = image * pixels; p < (image + 1) * pixels; p++) {
                sum += v16_load_tail(V16_F32, x, p * channels + c, left) * v16_load_tail(V16_F32, u, p * channels + c, left);
                if (z) sum += v16_load_tail(V16_F32, z, p * channels + c, left) * v16_load_tail(V16_F32, v, p * channels + c, left);
            }
            v16_store_tail(V16_F32, out, (k * batch + image) * channels + c, sum, left);
        }
    }
}
