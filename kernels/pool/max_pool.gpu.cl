/* Maxima over windows of an image, channels last; which position of its window a maximum stands at is kept in 2, 4 or 8 bits.

     max_pool_forward_f32  y[n, p, c] = max over k of x[n, p stride - padding + k dilation, c], the first of equal ones, NaN before all; offsets[n, p, c] = that k
     max_pool_gather_f32   yt[j, n, p, c] = xt[j, n, position offsets[n, p, c] of window p, c]
     max_pool_scatter_f32  dx[j, n, q, c] = sum of dy[j, n, p, c] over the windows p whose maximum is at q, in the order of k

   x, dx: f32 [copies, batch, height, width, channels]; y, dy: [copies, batch, out_height, out_width, channels]; offsets: u32 [batch, out_height, out_width, words] of all
   copies, words = ceil(channels bits / 32) per pixel, little end first, or null. Work-group: 256; grid x: a work-item per word (forward, gather) or element (scatter), in steps of
   the grid; grid y: copies (forward has one). Bytes per element of y: 4 (1 + taps / reuse) + bits / 8. Flops: 1 per tap. */
#include "lib/gpu.h"
#include "pool/pool.h"

SG_KERNEL(256) max_pool_forward_f32(const SG_GLOBAL f32 *x, SG_GLOBAL f32 *y, SG_GLOBAL u32 *offsets, POOL_EXTENTS, i32 bits) {
    i32 each = 32 / bits, words = (channels + each - 1) / each;
    i64 n = (i64)batch * out_height * out_width * words;
    for (i64 i = sg_item(); i < n; i += sg_all_items()) {
        i64 pixel = i / words;
        i32 first = (i32)(i % words) * each, pw = (i32)(pixel % out_width), ph = (i32)(pixel / out_width % out_height);
        const SG_GLOBAL f32 *image = x + pixel / out_width / out_height * height * width * channels;
        u32 word = 0;
        for (i32 c = first; c < channels && c < first + each; c++) {
            f32 best = 0.0f;
            i32 at = -1;
            for (i32 k = 0; k < kernel_height * kernel_width; k++) {
                i32 h = ph * stride_height - padding_height + k / kernel_width * dilation_height, w = pw * stride_width - padding_width + k % kernel_width * dilation_width;
                if (h < 0 || h >= height || w < 0 || w >= width) continue;
                f32 v = image[((i64)h * width + w) * channels + c];
                if (at < 0 || v > best || v != v) {
                    best = v;
                    at = k;
                }
            }
            y[pixel * channels + c] = best;
            word |= (u32)at << ((c - first) * bits);
        }
        if (offsets) offsets[i] = word;
    }
}

SG_KERNEL(256) max_pool_gather_f32(const SG_GLOBAL f32 *xt, const SG_GLOBAL u32 *offsets, SG_GLOBAL f32 *yt, POOL_EXTENTS, i32 bits) {
    i32 each = 32 / bits, words = (channels + each - 1) / each;
    i64 n = (i64)batch * out_height * out_width * words, copy = sg_group(1);
    xt += copy * batch * height * width * channels;
    yt += copy * batch * out_height * out_width * channels;
    for (i64 i = sg_item(); i < n; i += sg_all_items()) {
        i64 pixel = i / words;
        i32 first = (i32)(i % words) * each, pw = (i32)(pixel % out_width), ph = (i32)(pixel / out_width % out_height);
        const SG_GLOBAL f32 *image = xt + pixel / out_width / out_height * height * width * channels;
        u32 word = offsets[i];
        for (i32 c = first; c < channels && c < first + each; c++, word >>= bits) {
            i32 k = (i32)(word & ((1u << bits) - 1));
            i32 h = ph * stride_height - padding_height + k / kernel_width * dilation_height, w = pw * stride_width - padding_width + k % kernel_width * dilation_width;
            yt[pixel * channels + c] = image[((i64)h * width + w) * channels + c];
        }
    }
}

SG_KERNEL(256) max_pool_scatter_f32(const SG_GLOBAL f32 *dy, const SG_GLOBAL u32 *offsets, SG_GLOBAL f32 *dx, POOL_EXTENTS, i32 bits) {
    i32 each = 32 / bits, words = (channels + each - 1) / each;
    i64 n = (i64)batch * height * width * channels, copy = sg_group(1);
    dx += copy * n;
    dy += copy * batch * out_height * out_width * channels;
    for (i64 i = sg_item(); i < n; i += sg_all_items()) {
        i32 c = (i32)(i % channels), w = (i32)(i / channels % width), h = (i32)(i / channels / width % height);
        i64 image = i / channels / width / height;
        f32 sum = 0.0f;
        for (i32 k = 0; k < kernel_height * kernel_width; k++) {
            i32 ph = pool_output(h, k / kernel_width, stride_height, padding_height, dilation_height, out_height);
            i32 pw = pool_output(w, k % kernel_width, stride_width, padding_width, dilation_width, out_width);
            if (ph < 0 || pw < 0) continue;
            i64 pixel = (image * out_height + ph) * out_width + pw;
            if ((i32)(offsets[pixel * words + c / each] >> (c % each * bits) & ((1u << bits) - 1)) == k) sum += dy[pixel * channels + c];
        }
        dx[i] = sum;
    }
}
