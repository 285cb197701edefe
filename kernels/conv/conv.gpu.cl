/* The three products of a convolution, fp32, channels last: a work-item per element of the result.

     conv_forward_f32  y[n, p, o]  = scale sum over k, c of x[n, p stride - padding + k dilation, c] w[o, c, k] + bias[o]   (+ y)
     conv_input_f32    dx[n, q, c] = scale sum over o and all (p, k) that read q of dy[n, p, o] w[o, c, k]                  (+ dx)
     conv_weight_f32   dw[o, c, k] = sum over n, p of dy[n, p, o] x[n, p stride - padding + k dilation, c]                  (+ dw)

   x, dx: [copies, batch, height, width, channels]; y, dy: [copies, batch, out_height, out_width, outputs]; w, dw: [copies, outputs, channels / groups,
   kernel_height, kernel_width]; bias: [copies, outputs] or null. Copy k begins at k times the stride, which is 0 where all copies share a tensor.
   add: bit 0 adds to what the result holds. Work-group: 256, of conv_weight_f32 128; grid x: elements of the result, in steps of the whole grid; grid y: copies.
   Bytes: each tensor once at least; flops: 2 per multiply-add. */
#include "lib/gpu.h"

#define CONV_EXTENTS \
    i32 batch, i32 height, i32 width, i32 channels, i32 out_height, i32 out_width, i32 outputs, i32 groups, i32 kernel_height, i32 kernel_width, \
        i32 stride_height, i32 stride_width, i32 padding_height, i32 padding_width, i32 dilation_height, i32 dilation_width, i64 stride_x, i64 stride_w, i64 stride_y

SG_KERNEL(256) conv_forward_f32(const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *w, const SG_GLOBAL f32 *bias, SG_GLOBAL f32 *y, CONV_EXTENTS, i64 stride_bias,
                                f32 scale, i32 add) {
    i64 copy = sg_group(1), n = (i64)batch * out_height * out_width * outputs;
    i32 inner = channels / groups, each = outputs / groups;
    x += copy * stride_x;
    w += copy * stride_w;
    y += copy * stride_y;
    for (i64 i = sg_item(); i < n; i += sg_all_items()) {
        i32 o = (i32)(i % outputs), pw = (i32)(i / outputs % out_width), ph = (i32)(i / outputs / out_width % out_height);
        i64 image = i / outputs / out_width / out_height;
        f32 sum = 0.0f;
        for (i32 kh = 0; kh < kernel_height; kh++) {
            i32 qh = ph * stride_height - padding_height + kh * dilation_height;
            if (qh < 0 || qh >= height) continue;
            for (i32 kw = 0; kw < kernel_width; kw++) {
                i32 qw = pw * stride_width - padding_width + kw * dilation_width;
                if (qw < 0 || qw >= width) continue;
                for (i32 c = 0; c < inner; c++)
                    sum += x[((image * height + qh) * width + qw) * channels + o / each * inner + c] *
                           w[(((i64)o * inner + c) * kernel_height + kh) * kernel_width + kw];
            }
        }
        sum *= scale;
        if (bias) sum += bias[copy * stride_bias + o];
        y[i] = add ? y[i] + sum : sum;
    }
}

SG_KERNEL(256) conv_input_f32(const SG_GLOBAL f32 *dy, const SG_GLOBAL f32 *w, SG_GLOBAL f32 *dx, CONV_EXTENTS, f32 scale, i32 add) {
    i64 copy = sg_group(1), n = (i64)batch * height * width * channels;
    i32 inner = channels / groups, each = outputs / groups;
    dx += copy * stride_x;
    w += copy * stride_w;
    dy += copy * stride_y;
    for (i64 i = sg_item(); i < n; i += sg_all_items()) {
        i32 c = (i32)(i % channels), qw = (i32)(i / channels % width), qh = (i32)(i / channels / width % height), group = c / inner;
        i64 image = i / channels / width / height;
        f32 sum = 0.0f;
        for (i32 kh = 0; kh < kernel_height; kh++) {
            i32 ph = qh + padding_height - kh * dilation_height;
            if (ph < 0 || ph % stride_height || ph / stride_height >= out_height) continue;
            for (i32 kw = 0; kw < kernel_width; kw++) {
                i32 pw = qw + padding_width - kw * dilation_width;
                if (pw < 0 || pw % stride_width || pw / stride_width >= out_width) continue;
                for (i32 o = group * each; o < (group + 1) * each; o++)
                    sum += dy[((image * out_height + ph / stride_height) * out_width + pw / stride_width) * outputs + o] *
                           w[(((i64)o * inner + c % inner) * kernel_height + kh) * kernel_width + kw];
            }
        }
        sum *= scale;
        dx[i] = add ? dx[i] + sum : sum;
    }
}

SG_KERNEL(128) conv_weight_f32(const SG_GLOBAL f32 *dy, const SG_GLOBAL f32 *x, SG_GLOBAL f32 *dw, CONV_EXTENTS, i32 add) {
    i32 inner = channels / groups, each = outputs / groups;
    i64 copy = sg_group(1), n = (i64)outputs * inner * kernel_height * kernel_width;
    x += copy * stride_x;
    dw += copy * stride_w;
    dy += copy * stride_y;
    for (i64 i = sg_item(); i < n; i += sg_all_items()) {
        i32 kw = (i32)(i % kernel_width), kh = (i32)(i / kernel_width % kernel_height), c = (i32)(i / kernel_width / kernel_height % inner);
        i32 o = (i32)(i / kernel_width / kernel_height / inner);
        f32 sum = 0.0f;
        for (i64 image = 0; image < batch; image++)
            for (i32 ph = 0; ph < out_height; ph++) {
                i32 qh = ph * stride_height - padding_height + kh * dilation_height;
                if (qh < 0 || qh >= height) continue;
                for (i32 pw = 0; pw < out_width; pw++) {
                    i32 qw = pw * stride_width - padding_width + kw * dilation_width;
                    if (qw < 0 || qw >= width) continue;
                    sum += dy[((image * out_height + ph) * out_width + pw) * outputs + o] *
                           x[((image * height + qh) * width + qw) * channels + o / each * inner + c];
                }
            }
        dw[i] = add ? dw[i] + sum : sum;
    }
}
