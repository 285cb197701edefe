/* The three products of a convolution, fp32, channels last, an element of the result after the other: what serves groups of few channels, as those of depthwise convolutions,
   where there is no matrix to tile (conv/conv_tiles). Neighbours are channels, which are neighbours in memory.

     conv_forward_f32  y[n, p, o]  = scale sum over k, c of x[n, p stride - padding + k dilation, c] w[o, c, k] + bias[o]   (+ y)
     conv_input_f32    dx[n, q, c] = scale sum over o and all (p, k) that read q of dy[n, p, o] w[o, c, k]                  (+ dx)
     conv_weight_f32   dw[o, c, k] = sum over n, p of dy[n, p, o] x[n, p stride - padding + k dilation, c]                  (+ dw)
     conv_slices_f32  dw[i] = sum over s of part[s, i]                                                                           (+ dw)

   x, dx: [copies, batch, height, width, channels]; y, dy: [copies, batch, out_height, out_width, outputs]; w, dw: [copies, outputs, channels / groups,
   kernel_height, kernel_width]; bias: [copies, outputs] or null. Copy k begins at k times the stride, which is 0 where all copies share a tensor.
   add: bit 0 adds to what the result holds. conv_weight_f32 sums the pixels of slice s into dw + s stride_slice: partial sums, which conv_slices_f32 adds up in order, or dw itself.
   Work-group: 256; grid x: elements of the result, in steps of the whole grid; grid y: copies. Of conv_weight_f32: CONV_OUTPUTS outputs x 256 / CONV_OUTPUTS pixels; grid x: tiles of
   outputs x channels x positions of the window; grid y: copies, z: slices. Bytes: each tensor once at least, dy and x of conv_weight_f32 once per position of the window; flops: 2
   per multiply-add. CPUs have no slices: GPU_ONLY conv_slices_f32: served by conv_weight_f32 */
#include "lib/gpu.h"

/* Outputs that a work-group of conv_weight_f32 sums side by side. */
#define CONV_OUTPUTS 32

#define CONV_EXTENTS \
    i32 batch, i32 height, i32 width, i32 channels, i32 out_height, i32 out_width, i32 outputs, i32 groups, i32 kernel_height, i32 kernel_width, \
        i32 stride_height, i32 stride_width, i32 padding_height, i32 padding_width, i32 dilation_height, i32 dilation_width, i64 stride_x, i64 stride_w, i64 stride_y

/* Where an element of images stands. */
typedef struct {
    i64 image;
    i32 h, w, c;
} conv_element;

/* Of the i-th of n: by divisions of 32 bits where they do. */
SG_FN void conv_element_of(i64 i, i64 n, i32 height, i32 width, i32 channels, conv_element *e) {
    if (n < 0x7fffffff) {
        i32 j = (i32)i, pixel = j / channels, row = pixel / width;
        e->c = j - pixel * channels;
        e->w = pixel - row * width;
        e->h = row % height;
        e->image = row / height;
    } else {
        i64 pixel = i / channels, row = pixel / width;
        e->c = (i32)(i - pixel * channels);
        e->w = (i32)(pixel - row * width);
        e->h = (i32)(row % height);
        e->image = row / height;
    }
}

/* The output position that reads an input's from `at` steps of the input on; negative or too large where there is none. */
SG_FN i32 conv_output(i32 at, i32 stride) {
    if (stride == 1) return at;
    return at % stride == 0 ? at / stride : -1;
}

SG_KERNEL(256) conv_forward_f32(const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *w, const SG_GLOBAL f32 *bias, SG_GLOBAL f32 *y, CONV_EXTENTS, i64 stride_bias,
                                f32 scale, i32 add) {
    i64 copy = sg_group(1), n = (i64)batch * out_height * out_width * outputs;
    i32 inner = channels / groups, each = outputs / groups;
    x += copy * stride_x;
    w += copy * stride_w;
    y += copy * stride_y;
    for (i64 i = sg_item(); i < n; i += sg_all_items()) {
        conv_element e;
        conv_element_of(i, n, out_height, out_width, outputs, &e);
        const i32 o = e.c;
        const SG_GLOBAL f32 *from = x + e.image * height * width * channels + o / each * inner, *of = w + (i64)o * inner * kernel_height * kernel_width;
        f32 sum = 0.0f;
        for (i32 kh = 0; kh < kernel_height; kh++) {
            i32 qh = e.h * stride_height - padding_height + kh * dilation_height;
            if (qh < 0 || qh >= height) continue;
            for (i32 kw = 0; kw < kernel_width; kw++) {
                i32 qw = e.w * stride_width - padding_width + kw * dilation_width;
                if (qw < 0 || qw >= width) continue;
                const SG_GLOBAL f32 *pixel = from + ((i64)qh * width + qw) * channels;
                for (i32 c = 0; c < inner; c++) sum += pixel[c] * of[(c * kernel_height + kh) * kernel_width + kw];
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
        conv_element e;
        conv_element_of(i, n, height, width, channels, &e);
        const i32 group = e.c / inner, taps = kernel_height * kernel_width;
        const SG_GLOBAL f32 *from = dy + e.image * out_height * out_width * outputs + group * each, *of = w + ((i64)group * each * inner + e.c - group * inner) * taps;
        f32 sum = 0.0f;
        for (i32 kh = 0; kh < kernel_height; kh++) {
            const i32 ph = conv_output(e.h + padding_height - kh * dilation_height, stride_height);
            if (ph < 0 || ph >= out_height) continue;
            for (i32 kw = 0; kw < kernel_width; kw++) {
                const i32 pw = conv_output(e.w + padding_width - kw * dilation_width, stride_width);
                if (pw < 0 || pw >= out_width) continue;
                const SG_GLOBAL f32 *pixel = from + ((i64)ph * out_width + pw) * outputs;
                for (i32 o = 0; o < each; o++) sum += pixel[o] * of[(i64)o * inner * taps + kh * kernel_width + kw];
            }
        }
        sum *= scale;
        dx[i] = add ? dx[i] + sum : sum;
    }
}

SG_KERNEL(256) conv_weight_f32(const SG_GLOBAL f32 *dy, const SG_GLOBAL f32 *x, SG_GLOBAL f32 *dw, CONV_EXTENTS, i64 stride_slice, i32 add) {
    SG_SHARED(f32, sums, 256);
    const i32 inner = channels / groups, each = outputs / groups, taps = kernel_height * kernel_width, lane = (i32)sg_local(0);
    const i32 tap = (i32)(sg_group(0) % taps), c = (i32)(sg_group(0) / taps % inner), o = (i32)(sg_group(0) / taps / inner) * CONV_OUTPUTS + lane % CONV_OUTPUTS;
    const i64 copy = sg_group(1), slice = sg_group(2), slices = sg_groups(2), pixels = (i64)batch * out_height * out_width;
    const i64 begin = pixels * slice / slices, end = pixels * (slice + 1) / slices;
    dy += copy * stride_y + o;
    x += copy * stride_x + o / each * inner + c;
    dw += slice * stride_slice + copy * stride_w + ((i64)o * inner + c) * taps + tap;
    const i32 across = tap % kernel_width * dilation_width - padding_width, down = tap / kernel_width * dilation_height - padding_height;
    i64 p = begin + lane / CONV_OUTPUTS, image = p / out_width / out_height;
    i32 pw = (i32)(p % out_width), ph = (i32)(p / out_width % out_height);
    f32 sum = 0.0f;
    for (; o < outputs && p < end; p += 256 / CONV_OUTPUTS) {
        const i32 h = ph * stride_height + down, v = pw * stride_width + across;
        if (h >= 0 && h < height && v >= 0 && v < width) sum += dy[p * outputs] * x[((image * height + h) * width + v) * channels];
        for (pw += 256 / CONV_OUTPUTS; pw >= out_width; pw -= out_width)
            if (++ph == out_height) {
                ph = 0;
                image++;
            }
    }
    sums[lane] = sum;
    for (i32 step = 128; step >= CONV_OUTPUTS; step /= 2) {
        SG_BARRIER();
        if (lane < step) sums[lane] += sums[lane + step];
    }
    if (lane < CONV_OUTPUTS && o < outputs) *dw = add ? *dw + sums[lane] : sums[lane];
}

SG_KERNEL(256) conv_slices_f32(const SG_GLOBAL f32 *part, SG_GLOBAL f32 *dw, i64 n, i32 slices, i32 add) {
    for (i64 i = sg_item(); i < n; i += sg_all_items()) {
        f32 sum = part[i];
        for (i32 s = 1; s < slices; s++) sum += part[s * n + i];
        dw[i] = add ? dw[i] + sum : sum;
    }
}
