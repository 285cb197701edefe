/* Convolutions on CPU devices, channels last, fp32: implicit products of register tiles (lib/cpu/tile.h), without the image's columns in memory.

     conv_pack_f32         the weight [copies, outputs, inner, taps] of each group as panels [copies, group, panel, tap, depth, 32] of 32 result channels, zeros
                           behind the last: depth `inner` and results `outputs` of forward; the other way round and the taps backwards of `transposed`
     conv_rows_f32         y[n, p to_step + phase, r] = scale sum over taps, d of x[n, p from_step + offset(tap, phase), d] panel[tap, d, r] + bias[r]   (+ y)
                           forward: to_step 1, from_step the stride, offset k dilation - padding
                           backwards: to_step the stride, from_step 1, offset (phase - k dilation + padding) / to_step, where that is whole: the input's gradient
     conv_weight_rows_f32  partials[copies, split, group, panel, run, rows of A, 32]: sums over the pixels of a split of x[pixel of tap, c] dy[pixel, 32 outputs]
     conv_weight_sum_f32   dw[o, c, k] = sum over splits, in order (+ dw)

   CPU_ONLY conv_pack_f32: served by conv_forward_f32
   CPU_ONLY conv_rows_f32: served by conv_forward_f32
   CPU_ONLY conv_weight_rows_f32: served by conv_weight_f32
   CPU_ONLY conv_weight_sum_f32: served by conv_weight_f32

   x [copies, batch, height, width, channels], y [copies, batch, out_height, out_width, results], w [copies, outputs, inner, taps], bias [copies, results] or null. A stride between
   copies of 0: all share it. Work-group: one work-item. conv_rows_f32: grid x: image, band of rows, segment of columns; y: copies. It copies what a part of the output
   reads of an image into local memory, with zeros around, `chunk` channels of a group at a time:

       padded part of an image [rows][columns][chunk]     for each panel of 32 results, each row, each 12 pixels of it:
       a pixel's window in row kh is contiguous,            acc[12][32] += A B over kh:  A = 12 windows, one pixel apart (no copy),  B = panel[kh]
       the next pixel's begins from_step chunk later        y = scale acc + bias

   conv_weight_rows_f32: grid x: splits of (image, band, segment); y: copies; z: group and panel. There the windows' elements are rows of the tile and pixels its depth.
   Bytes: x and y once, w once per panel's reuse from L2; flops 2 per multiply-add. Sums have the order of the extents: no result depends on the number of work-groups
   but conv_weight's on `splits`, which extents give. Source: Georganas et al., "Anatomy of High-Performance Deep Learning Convolutions on SIMD Architectures" (2018). */
#ifndef CONV_BUFFER
#define CONV_BUFFER 65536 /* floats of the part of an image in local memory, a multiple of 16 */
#endif
#ifndef CONV_SEGMENT
#define CONV_SEGMENT 128 /* columns of a segment at most */
#endif
#ifndef CONV_SLACK
#define CONV_SLACK 8192 /* floats behind the buffer that a tile's unused rows may read */
#endif
#define CONV_PANEL 32
#define CONV_TILE 12

#include "lib/dialect.h"
#include "lib/cpu/tile.h"
#include "lib/cpu/vector16.h"

TILE_FUNCTION(conv_tile, local, global, local)
TILE_FUNCTION(conv_tile_weight, local, global, global)
TILE_FUNCTION(conv_tile_staged, local, local, global)

#define CONV_MOST_TAPS 1024 /* of a window; larger ones are refused */

kernel void conv_pack_f32(const global f32 *w, global f32 *packed, i32 outputs, i32 inner, i32 taps, i32 groups, i32 transposed, i64 stride_w) {
    const i32 each = outputs / groups, results = transposed ? inner : each, depth = transposed ? each : inner, panels = (results + CONV_PANEL - 1) / CONV_PANEL;
    const i64 copy = get_group_id(1), units = (i64)groups * panels * taps, size = (i64)depth * CONV_PANEL;
    w += copy * stride_w;
    packed += copy * units * size;
    for (i64 u = units * get_group_id(0) / get_num_groups(0); u < units * (get_group_id(0) + 1) / get_num_groups(0); u++) {
        const i32 at = (i32)(u % taps), tap = transposed ? taps - 1 - at : at, panel = (i32)(u / taps % panels), group = (i32)(u / taps / panels);
        const i32 first = panel * CONV_PANEL, count = min(CONV_PANEL, results - first);
        /* element (d, r) of the panel in w, and the steps to the next d and the next r */
        const i64 step_r = transposed ? taps : (i64)inner * taps, step_d = transposed ? (i64)inner * taps : taps;
        const global f32 *from = w + (i64)group * each * inner * taps + first * step_r + tap;
        global f32 *to = packed + u * size;
        for (i32 d = 0; d < depth; d++, to += CONV_PANEL) {
            for (i32 r = 0; r < count; r++) to[r] = from[d * step_d + r * step_r];
            for (i32 r = count; r < CONV_PANEL; r++) to[r] = 0.0f;
        }
    }
}

/* rows x columns pixels of `chunk` channels each from (row, column) of an image on, zeros beyond it. */
SG_FN void conv_fill(const global f32 *image, i32 height, i32 width, i32 channels, i32 row, i32 rows, i32 column, i32 columns, i32 chunk, local f32 *buffer) {
    for (i32 r = 0; r < rows; r++) {
        const i32 h = row + r;
        local f32 *to = buffer + (i64)r * columns * chunk;
        if (h < 0 || h >= height) {
            for (i32 i = 0; i < columns * chunk; i += 16) V16_PUT(local, to + i, (float16)(0.0f));
            continue;
        }
        const i32 before = min(columns, max(0, -column)), after = max(before, min(columns, width - column));
        for (i32 i = 0; i < before * chunk; i++) to[i] = 0.0f;
        const global f32 *from = image + ((i64)h * width + column + before) * channels;
        if (chunk == channels) {
            const i32 n = (after - before) * chunk;
            for (i32 i = 0; i < n; i += 16) V16_PUT(local, to + before * chunk + i, v16_load_tail(V16_F32, from, i, n - i));
        } else {
            for (i32 q = before; q < after; q++, from += channels)
                for (i32 i = 0; i < chunk; i += 16) V16_PUT(local, to + q * chunk + i, v16_load_tail(V16_F32, from, i, chunk - i));
        }
        for (i32 i = after * chunk; i < columns * chunk; i++) to[i] = 0.0f;
    }
    local f32 *end = buffer + (i64)rows * columns * chunk;                  /* what a tile's rows beyond the window read */
    for (i32 i = 0; i < 2 * CONV_TILE; i++) end[i] = 0.0f;
}

/* Taps of a phase along one axis, in the order of the panels: what they add to a position of the input. */
SG_FN i32 conv_taps(i32 extent, i32 dilation, i32 padding, i32 to_step, i32 phase, i32 backwards, i32 *taps, i32 *offsets) {
    i32 n = 0;
    for (i32 at = 0; at < extent; at++) {
        const i32 k = backwards ? extent - 1 - at : at, offset = backwards ? phase - k * dilation + padding : k * dilation - padding;
        if (offset % to_step) continue;
        taps[n] = at;
        offsets[n++] = offset / to_step;
    }
    return n;
}

#define CONV_MOST_EXTENT 64 /* of a window along one axis */

kernel void conv_rows_f32(const global f32 *x, const global f32 *packed, const global f32 *bias, global f32 *y, i32 batch, i32 height, i32 width, i32 channels,
                          i32 out_height, i32 out_width, i32 results, i32 groups, i32 kernel_height, i32 kernel_width, i32 from_step_height, i32 from_step_width,
                          i32 to_step_height, i32 to_step_width, i32 padding_height, i32 padding_width, i32 dilation_height, i32 dilation_width, i32 backwards,
                          i32 bands, i32 segments, i32 chunk, i64 stride_x, i64 stride_packed, i64 stride_bias, i64 stride_y, f32 scale, i32 add) {
    local float16 buffer16[(CONV_BUFFER + CONV_SLACK) / 16];
    local float16 acc16[CONV_TILE * CONV_PANEL / 16];
    local f32 *buffer = (local f32 *)buffer16;
    local f32 *acc = (local f32 *)acc16;
    const i64 copy = get_group_id(1);
    const i32 unit = get_group_id(0), image = unit / (bands * segments), band = unit / segments % bands, segment = unit % segments;
    const i32 inner = channels / groups, each = results / groups, panels = (each + CONV_PANEL - 1) / CONV_PANEL, taps = kernel_height * kernel_width;
    i32 tap_h[CONV_MOST_EXTENT], off_h[CONV_MOST_EXTENT], tap_w[CONV_MOST_EXTENT], off_w[CONV_MOST_EXTENT];
    x += copy * stride_x + (i64)image * height * width * channels;
    y += copy * stride_y + (i64)image * out_height * out_width * results;
    packed += copy * stride_packed;
    bias += copy * stride_bias;
    for (i32 phase = 0; phase < to_step_height * to_step_width; phase++) {
        const i32 phase_h = phase / to_step_width, phase_w = phase % to_step_width;
        const i32 all_rows = (out_height - phase_h + to_step_height - 1) / to_step_height, all_columns = (out_width - phase_w + to_step_width - 1) / to_step_width;
        const i32 row_from = (i32)((i64)all_rows * band / bands), row_to = (i32)((i64)all_rows * (band + 1) / bands);
        const i32 col_from = (i32)((i64)all_columns * segment / segments), col_to = (i32)((i64)all_columns * (segment + 1) / segments);
        const i32 n_h = conv_taps(kernel_height, dilation_height, padding_height, to_step_height, phase_h, backwards, tap_h, off_h);
        const i32 n_w = conv_taps(kernel_width, dilation_width, padding_width, to_step_width, phase_w, backwards, tap_w, off_w);
        if (row_from >= row_to || col_from >= col_to) continue;
        const i32 none = n_h == 0 || n_w == 0;
        const i32 first_h = none ? 0 : off_h[0], first_w = none ? 0 : off_w[0];
        const i32 rows = none ? 0 : (row_to - row_from - 1) * from_step_height + off_h[n_h - 1] - first_h + 1;
        const i32 columns = none ? 0 : (col_to - col_from - 1) * from_step_width + off_w[n_w - 1] - first_w + 1;
        i32 beside = chunk == inner;                                        /* taps of a row of the window are one run of memory, here and in the panel */
        for (i32 i = 1; i < n_w; i++) beside = beside && off_w[i] == off_w[i - 1] + 1 && tap_w[i] == tap_w[i - 1] + 1;
        for (i32 group = 0; group < groups; group++)
        for (i32 c = 0; c < inner; c += chunk) {
            const i32 deep = min(chunk, inner - c);
            if (!none)
                conv_fill(x + group * inner + c, height, width, channels, row_from * from_step_height + first_h, rows, col_from * from_step_width + first_w, columns,
                          deep, buffer);
            for (i32 panel = 0; panel < panels; panel++) {
                const global f32 *b = packed + (((i64)group * panels + panel) * taps * inner + c) * CONV_PANEL;
                const i32 r0 = panel * CONV_PANEL, count = min(CONV_PANEL, each - r0);
                for (i32 row = row_from; row < row_to; row++)
                for (i32 col = col_from; col < col_to; col += CONV_TILE) {
                    const i32 pixels = min(CONV_TILE, col_to - col);
                    const local f32 *a = buffer + ((i64)(row - row_from) * from_step_height * columns + (col - col_from) * from_step_width) * deep;
                    if (none)
                        for (i32 i = 0; i < CONV_TILE * CONV_PANEL; i += 16) V16_PUT(local, acc + i, (float16)(0.0f));
                    for (i32 i = 0; i < n_h; i++)
                        for (i32 j = 0; j < (beside ? 1 : n_w); j++)
                            conv_tile(a + ((i64)(off_h[i] - first_h) * columns + off_w[j] - first_w) * deep, from_step_width * deep, 1,
                                      b + (i64)(tap_h[i] * kernel_width + tap_w[j]) * inner * CONV_PANEL, CONV_PANEL, beside ? n_w * deep : deep, pixels, count > 16,
                                      i + j > 0, acc, CONV_PANEL);
                    global f32 *to = y + ((i64)(row * to_step_height + phase_h) * out_width + col * to_step_width + phase_w) * results + group * each + r0;
                    const i32 more = add || c > 0;
                    for (i32 p = 0; p < pixels; p++, to += (i64)to_step_width * results)
                        for (i32 r = 0; r < count; r += 16) {
                            float16 v = V16_GET(local, acc + p * CONV_PANEL + r) * scale;
                            if (bias && c == 0) v += v16_load_tail(V16_F32, bias, group * each + r0 + r, count - r);
                            if (more) v += v16_load_tail(V16_F32, to, r, count - r);
                            v16_store_tail(V16_F32, to, r, v, count - r);
                        }
                }
            }
        }
    }
}

kernel void conv_weight_rows_f32(const global f32 *dy, const global f32 *x, global f32 *partials, i32 batch, i32 height, i32 width, i32 channels, i32 out_height,
                                 i32 out_width, i32 outputs, i32 groups, i32 kernel_height, i32 kernel_width, i32 stride_height, i32 stride_width, i32 padding_height,
                                 i32 padding_width, i32 dilation_height, i32 dilation_width, i32 bands, i32 segments, i32 chunk, i32 runs, i32 run_rows, i64 stride_x,
                                 i64 stride_y) {
    local float16 buffer16[(CONV_BUFFER + CONV_SLACK) / 16];
    local float16 staged16[CONV_SEGMENT * CONV_PANEL / 16];
    local f32 *buffer = (local f32 *)buffer16;
    local f32 *staged = (local f32 *)staged16;
    const i64 copy = get_group_id(1);
    const i32 inner = channels / groups, each = outputs / groups, panels = (each + CONV_PANEL - 1) / CONV_PANEL;
    const i32 group = get_group_id(2) / panels, panel = get_group_id(2) % panels, r0 = panel * CONV_PANEL, count = min(CONV_PANEL, each - r0);
    const i32 split = get_group_id(0), splits = get_num_groups(0), wide = count > 16;
    const i64 size = (i64)runs * run_rows * CONV_PANEL, units = (i64)batch * bands * segments;
    global f32 *part = partials + ((copy * splits + split) * get_num_groups(2) + get_group_id(2)) * size;
    for (i64 i = 0; i < size; i += 16) V16_PUT(global, part + i, (float16)(0.0f));
    dy += copy * stride_y + group * each + r0;
    x += copy * stride_x + group * inner;
    const i32 across = runs == kernel_height ? 1 : kernel_width;            /* runs of a row of the window */
    for (i64 unit = units * split / splits; unit < units * (split + 1) / splits; unit++) {
        const i32 image = (i32)(unit / (bands * segments)), band = (i32)(unit / segments % bands), segment = (i32)(unit % segments);
        const i32 row_from = (i32)((i64)out_height * band / bands), row_to = (i32)((i64)out_height * (band + 1) / bands);
        const i32 col_from = (i32)((i64)out_width * segment / segments), col_to = (i32)((i64)out_width * (segment + 1) / segments), pixels = col_to - col_from;
        if (row_from >= row_to || pixels <= 0) continue;
        const i32 rows = (row_to - row_from - 1) * stride_height + (kernel_height - 1) * dilation_height + 1;
        const i32 columns = (pixels - 1) * stride_width + (kernel_width - 1) * dilation_width + 1;
        for (i32 c = 0; c < inner; c += chunk) {
            const i32 deep = min(chunk, inner - c), of_run = across == 1 ? kernel_width * deep : deep;
            conv_fill(x + (i64)image * height * width * channels + c, height, width, channels, row_from * stride_height - padding_height, rows,
                      col_from * stride_width - padding_width, columns, deep, buffer);
            for (i32 row = row_from; row < row_to; row++) {
                const global f32 *b = dy + (((i64)image * out_height + row) * out_width + col_from) * outputs;
                const i32 stage = count % 16 != 0;
                if (stage)
                    for (i32 p = 0; p < pixels; p++)
                        for (i32 r = 0; r < CONV_PANEL; r += 16) V16_PUT(local, staged + p * CONV_PANEL + r, v16_load_tail(V16_F32, b, (i64)p * outputs + r, count - r));
                for (i32 run = 0; run < runs; run++) {
                    const local f32 *a = buffer + (((i64)(row - row_from) * stride_height + run / across * dilation_height) * columns + run % across * dilation_width) * deep;
                    for (i32 m = 0; m < of_run; m += CONV_TILE) {
                        global f32 *to = part + ((i64)run * run_rows + c + m) * CONV_PANEL;
                        const i32 tall = min(CONV_TILE, of_run - m);
                        if (stage) conv_tile_staged(a + m, 1, (i64)stride_width * deep, staged, CONV_PANEL, pixels, tall, wide, true, to, CONV_PANEL);
                        else conv_tile_weight(a + m, 1, (i64)stride_width * deep, b, outputs, pixels, tall, wide, true, to, CONV_PANEL);
                    }
                }
            }
        }
    }
}

kernel void conv_weight_sum_f32(const global f32 *partials, global f32 *dw, i32 outputs, i32 inner, i32 kernel_height, i32 kernel_width, i32 groups, i32 splits, i32 runs,
                                i32 run_rows, i64 stride_w, i32 add) {
    const i32 each = outputs / groups, panels = (each + CONV_PANEL - 1) / CONV_PANEL, taps = kernel_height * kernel_width;
    const i64 copy = get_group_id(1), size = (i64)runs * run_rows * CONV_PANEL, blocks = (i64)groups * panels, units = blocks * taps;
    dw += copy * stride_w;
    partials += copy * splits * blocks * size;
    for (i64 u = units * get_group_id(0) / get_num_groups(0); u < units * (get_group_id(0) + 1) / get_num_groups(0); u++) {
        const i32 tap = (i32)(u % taps), block = (i32)(u / taps), panel = block % panels, group = block / panels, count = min(CONV_PANEL, each - panel * CONV_PANEL);
        const i32 run = runs == kernel_height ? tap / kernel_width : tap, first = runs == kernel_height ? tap % kernel_width * inner : 0;
        global f32 *to = dw + ((i64)group * each + panel * CONV_PANEL) * inner * taps + tap;
        for (i32 c = 0; c < inner; c++) {
            const global f32 *from = partials + (i64)block * size + ((i64)run * run_rows + first + c) * CONV_PANEL;
            f32 sums[CONV_PANEL];
            for (i32 r = 0; r < count; r += 16) {
                float16 sum = V16_GET(global, from + r);
                for (i32 s = 1; s < splits; s++) sum += V16_GET(global, from + s * blocks * size + r);
                V16_PUT(private, sums + r, sum);
            }
            for (i32 r = 0; r < count; r++) {
                global f32 *at = to + ((i64)r * inner + c) * taps;
                *at = add ? *at + sums[r] : sums[r];
            }
        }
    }
}
