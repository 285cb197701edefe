/* Means over windows of an image, channels last, and their transpose.

     avg_pool_forward_f32   y[j, n, p, c] = 1 / d(p) sum over k of x[j, n, p stride - padding + k, c]
     avg_pool_backward_f32  dx[j, n, q, c] = sum of dy[j, n, p, c] / d(p) over the windows p that have q

   d(p): positions of the window within the padded image, or with include_padding 0 within the image; a window that reaches beyond the padding (ceil_mode) counts what is in it.
   x, dx: f32 [copies, batch, height, width, channels]; y, dy: [copies, batch, out_height, out_width, channels]; dilations are 1. Work-group: 256; grid x: elements of the
   result, in steps of the grid; grid y: copies. Bytes per element of y: 4 (1 + elements of x per element of y). Flops: 1 per tap. */
#include "lib/gpu.h"
#include "pool/pool.h"


SG_KERNEL(256) avg_pool_forward_f32(const SG_GLOBAL f32 *x, SG_GLOBAL f32 *y, POOL_EXTENTS, i32 include_padding) {
    i64 n = (i64)batch * out_height * out_width * channels, copy = sg_group(1);
    x += copy * batch * height * width * channels;
    y += copy * n;
    for (i64 i = sg_item(); i < n; i += sg_all_items()) {
        i32 c = (i32)(i % channels), pw = (i32)(i / channels % out_width), ph = (i32)(i / channels / out_width % out_height);
        const SG_GLOBAL f32 *image = x + i / channels / out_width / out_height * height * width * channels;
        f32 sum = 0.0f;
        for (i32 kh = 0; kh < kernel_height; kh++) {
            i32 h = ph * stride_height - padding_height + kh;
            for (i32 kw = 0; kw < kernel_width; kw++) {
                i32 w = pw * stride_width - padding_width + kw;
                if (h >= 0 && h < height && w >= 0 && w < width) sum += image[((i64)h * width + w) * channels + c];
            }
        }
        y[i] = sum / (f32)(pool_count(ph, kernel_height, stride_height, padding_height, height, include_padding) *
                           pool_count(pw, kernel_width, stride_width, padding_width, width, include_padding));
    }
}

SG_KERNEL(256) avg_pool_backward_f32(const SG_GLOBAL f32 *dy, SG_GLOBAL f32 *dx, POOL_EXTENTS, i32 include_padding) {
    i64 n = (i64)batch * height * width * channels, copy = sg_group(1);
    dx += copy * n;
    dy += copy * batch * out_height * out_width * channels;
    for (i64 i = sg_item(); i < n; i += sg_all_items()) {
        i32 c = (i32)(i % channels), w = (i32)(i / channels % width), h = (i32)(i / channels / width % height);
        i64 image = i / channels / width / height * out_height;
        f32 sum = 0.0f;
        for (i32 kh = 0; kh < kernel_height; kh++) {
            i32 ph = pool_output(h, kh, stride_height, padding_height, 1, out_height);
            if (ph < 0) continue;
            for (i32 kw = 0; kw < kernel_width; kw++) {
                i32 pw = pool_output(w, kw, stride_width, padding_width, 1, out_width);
                if (pw < 0) continue;
                sum += dy[((image + ph) * out_width + pw) * channels + c] /
                       (f32)(pool_count(ph, kernel_height, stride_height, padding_height, height, include_padding) *
                             pool_count(pw, kernel_width, stride_width, padding_width, width, include_padding));
            }
        }
        dx[i] = sum;
    }
}
