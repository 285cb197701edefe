/* Means over windows of an image for CPU devices: formulas, arguments and bytes as in pool/avg_pool.gpu.cl.

   Work-group: one work-item with a piece of the rows of the result, 16 channels at a time; grid y: copies. */
#include "lib/cpu/vector16.h"
#include "pool/pool.h"


kernel void avg_pool_forward_f32(const global f32 *x, global f32 *y, POOL_EXTENTS, i32 include_padding) {
    const i64 rows = (i64)batch * out_height, copy = get_group_id(1);
    x += copy * batch * height * width * channels;
    y += copy * rows * out_width * channels;
    for (i64 row = rows * get_group_id(0) / get_num_groups(0); row < rows * (get_group_id(0) + 1) / get_num_groups(0); row++) {
        const i32 ph = (i32)(row % out_height), top = ph * stride_height - padding_height;
        const global f32 *image = x + row / out_height * height * width * channels;
        const i32 high = pool_count(ph, kernel_height, stride_height, padding_height, height, include_padding);
        for (i32 pw = 0; pw < out_width; pw++) {
            const i32 left = pw * stride_width - padding_width;
            const f32 count = (f32)(high * pool_count(pw, kernel_width, stride_width, padding_width, width, include_padding));
            for (i32 c = 0; c < channels; c += 16) {
                float16 sum = (float16)(0.0f);
                for (i32 h = max(0, top); h < min(height, top + kernel_height); h++)
                    for (i32 w = max(0, left); w < min(width, left + kernel_width); w++)
                        sum += v16_load_tail(V16_F32, image, ((i64)h * width + w) * channels + c, channels - c);
                v16_store_tail(V16_F32, y, (row * out_width + pw) * channels + c, sum / count, channels - c);
            }
        }
    }
}

kernel void avg_pool_backward_f32(const global f32 *dy, global f32 *dx, POOL_EXTENTS, i32 include_padding) {
    const i64 rows = (i64)batch * height, copy = get_group_id(1);
    dx += copy * rows * width * channels;
    dy += copy * batch * out_height * out_width * channels;
    for (i64 row = rows * get_group_id(0) / get_num_groups(0); row < rows * (get_group_id(0) + 1) / get_num_groups(0); row++) {
        const i32 h = (i32)(row % height);
        const i64 image = row / height * out_height;
        for (i32 w = 0; w < width; w++)
            for (i32 c = 0; c < channels; c += 16) {
                float16 sum = (float16)(0.0f);
                for (i32 kh = 0; kh < kernel_height; kh++) {
                    const i32 ph = pool_output(h, kh, stride_height, padding_height, 1, out_height);
                    if (ph < 0) continue;
                    const i32 high = pool_count(ph, kernel_height, stride_height, padding_height, height, include_padding);
                    for (i32 kw = 0; kw < kernel_width; kw++) {
                        const i32 pw = pool_output(w, kw, stride_width, padding_width, 1, out_width);
                        if (pw < 0) continue;
                        const f32 count = (f32)(high * pool_count(pw, kernel_width, stride_width, padding_width, width, include_padding));
                        sum += v16_load_tail(V16_F32, dy, ((image + ph) * out_width + pw) * channels + c, channels - c) / count;
                    }
                }
                v16_store_tail(V16_F32, dx, (row * width + w) * channels + c, sum, channels - c);
            }
    }
}
