/* Convolutions of 3 x 3 with stride 1 on CPU devices by Winograd's F(2 x 2, 3 x 3), channels last, fp32: 16 products for 4 outputs in place of 36.

     B' = 1  0 -1  0      G = 1    0    0      A' = 1  1  1  0
          0  1  1  0          1/2  1/2  1/2         0  1 -1 -1
          0 -1  1  0          1/2 -1/2  1/2
          0  1  0 -1          0    0    1

     winograd_weight_f32        U[copy, panel, point, depth, 32] = G g G', g the windows of w [copies, outputs, channels, 3, 3]; `transposed`: turned round, outputs as depth
     winograd_rows_f32          y = scale A' (sum over depth of (B' d B) U) A + bias  (+ y), d the 4 x 4 inputs of each 2 x 2 outputs
     winograd_weight_rows_f32   partials[copy, split, panel, point, channel, 32] = sums over the tiles of a split of (B' d B)[channel] (A dy A')[32 outputs]
     winograd_weight_sum_f32    dw = G' (sum over splits, in order) G  (+ dw)

   CPU_ONLY winograd_weight_f32: served by conv_forward_f32
   CPU_ONLY winograd_rows_f32: served by conv_forward_f32
   CPU_ONLY winograd_weight_rows_f32: served by conv_weight_f32
   CPU_ONLY winograd_weight_sum_f32: served by conv_weight_f32

   x [copies, batch, height, width, depth], y [copies, batch, out_height, out_width, results], padding as the convolution's (backwards 2 less it); depth and results are multiples of 16.
   Work-group: one work-item. Tiles of all images are numbered in a row; winograd_rows_f32: grid x: blocks of WINOGRAD_TILES tiles; y: copies of x, whose tiles serve `weights`
   copies of U. winograd_weight_rows_f32: grid x: splits of the blocks; y: copies.
   Local memory: transformed inputs [16][tiles][depth] and products [16][tiles][32]. Flops 32 per 4 outputs, results and depth, beside the transforms' 32 and 24 additions a value.
   Errors: sums of four inputs and of nine weights are rounded before they are multiplied, so an error is of the size of a whole 4 x 4 tile's values, which cancel in an
   output whose own window is small; an infinity or NaN reaches the other outputs of its tile.
   Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016). */
#ifndef WINOGRAD_TILES
#define WINOGRAD_TILES 48 /* of a block, a multiple of 12 */
#endif
#ifndef WINOGRAD_DEPTH
#define WINOGRAD_DEPTH 128 /* channels at most */
#endif
#define WINOGRAD_POINTS 16
#define WINOGRAD_PANEL 32

#include "lib/dialect.h"
#include "lib/cpu/tile.h"
#include "lib/cpu/vector16.h"

TILE_FUNCTION(winograd_tile, local, global, local)
TILE_FUNCTION(winograd_tile_sum, local, local, global)

/* ---- Transforms ---- */

/* B' d B of 16 channels, in place. */
SG_FN void winograd_input(float16 *d) {
#pragma unroll
    for (i32 i = 0; i < 4; i++) {
        const float16 a = d[i], b = d[4 + i], c = d[8 + i], e = d[12 + i];
        d[i] = a - c;
        d[4 + i] = b + c;
        d[8 + i] = c - b;
        d[12 + i] = b - e;
    }
#pragma unroll
    for (i32 i = 0; i < 16; i += 4) {
        const float16 a = d[i], b = d[i + 1], c = d[i + 2], e = d[i + 3];
        d[i] = a - c;
        d[i + 1] = b + c;
        d[i + 2] = c - b;
        d[i + 3] = b - e;
    }
}

/* Where a tile lies: its image, and the position of its first output. */
SG_FN void winograd_place(i32 tile, i32 across, i32 down, i32 *image, i32 *row, i32 *column) {
    *image = tile / (across * down);
    *row = tile / across % down * 2;
    *column = tile % across * 2;
}

/* Transformed inputs of `count` tiles from `first` on: v[point][tile][depth]. */
SG_FN void winograd_inputs(const global f32 *x, i32 height, i32 width, i32 depth, i32 across, i32 down, i32 padding_height, i32 padding_width, i32 first, i32 count,
                           local f32 *v) {
    for (i32 t = 0; t < count; t++) {
        i32 image, row, column;
        winograd_place(first + t, across, down, &image, &row, &column);
        row -= padding_height;
        column -= padding_width;
        const global f32 *from = x + ((i64)image * height * width + (i64)row * width + column) * depth;
        const int inside = row >= 0 && column >= 0 && row + 4 <= height && column + 4 <= width;
        for (i32 c = 0; c < depth; c += 16) {
            float16 d[16];
            if (inside) {
#pragma unroll
                for (i32 i = 0; i < 16; i++) d[i] = V16_GET(global, from + ((i64)(i / 4) * width + i % 4) * depth + c);
            } else {
                for (i32 i = 0; i < 16; i++) {
                    const i32 h = row + i / 4, w = column + i % 4;
                    d[i] = h >= 0 && h < height && w >= 0 && w < width ? V16_GET(global, from + ((i64)(i / 4) * width + i % 4) * depth + c) : (float16)(0.0f);
                }
            }
            winograd_input(d);
#pragma unroll
            for (i32 i = 0; i < 16; i++) V16_PUT(local, v + ((i64)i * WINOGRAD_TILES + t) * depth + c, d[i]);
        }
    }
}

/* ---- Weights ---- */

kernel void winograd_weight_f32(const global f32 *w, global f32 *packed, i32 outputs, i32 channels, i32 transposed, i64 stride_w) {
    const i32 results = transposed ? channels : outputs, depth = transposed ? outputs : channels, panels = (results + WINOGRAD_PANEL - 1) / WINOGRAD_PANEL;
    const i64 copy = get_group_id(1), units = (i64)panels * depth, size = (i64)depth * WINOGRAD_PANEL;
    w += copy * stride_w;
    packed += copy * panels * WINOGRAD_POINTS * size;
    for (i64 u = units * get_group_id(0) / get_num_groups(0); u < units * (get_group_id(0) + 1) / get_num_groups(0); u++) {
        const i32 panel = (i32)(u / depth), d = (i32)(u % depth), first = panel * WINOGRAD_PANEL;
        global f32 *to = packed + panel * WINOGRAD_POINTS * size + (i64)d * WINOGRAD_PANEL;
        for (i32 r = 0; r < WINOGRAD_PANEL; r += 16) {
            f32 lanes[9][16];
            for (i32 e = 0; e < 16; e++) {
                const i32 result = min(first + r + e, results - 1);
                const global f32 *window = w + ((i64)(transposed ? d : result) * channels + (transposed ? result : d)) * 9;
                for (i32 k = 0; k < 9; k++) lanes[k][e] = window[transposed ? 8 - k : k];
            }
            float16 half_done[12], g[9];
            for (i32 k = 0; k < 9; k++) g[k] = V16_GET(private, lanes[k]);
            for (i32 j = 0; j < 3; j++) {
                const float16 ends = g[j] + g[6 + j];
                half_done[j] = g[j];
                half_done[3 + j] = 0.5f * (ends + g[3 + j]);
                half_done[6 + j] = 0.5f * (ends - g[3 + j]);
                half_done[9 + j] = g[6 + j];
            }
            for (i32 i = 0; i < 4; i++) {
                const float16 a = half_done[3 * i], b = half_done[3 * i + 1], c = half_done[3 * i + 2];
                V16_PUT(global, to + (4 * i) * size + r, a);
                V16_PUT(global, to + (4 * i + 1) * size + r, 0.5f * (a + c + b));
                V16_PUT(global, to + (4 * i + 2) * size + r, 0.5f * (a + c - b));
                V16_PUT(global, to + (4 * i + 3) * size + r, c);
            }
        }
    }
}

/* ---- Outputs ---- */

kernel void winograd_rows_f32(const global f32 *x, const global f32 *packed, const global f32 *bias, global f32 *y, i32 batch, i32 height, i32 width, i32 depth,
                              i32 out_height, i32 out_width, i32 results, i32 padding_height, i32 padding_width, i32 weights, i64 stride_x, i64 stride_packed,
                              i64 stride_bias, i64 stride_y, f32 scale, i32 add) {
    local float16 v16[WINOGRAD_POINTS * WINOGRAD_TILES * WINOGRAD_DEPTH / 16 + 64];
    local float16 m16[WINOGRAD_POINTS * WINOGRAD_TILES * WINOGRAD_PANEL / 16];
    local f32 *v = (local f32 *)v16, *m = (local f32 *)m16;
    const i32 across = (out_width + 1) / 2, down = (out_height + 1) / 2, tiles = batch * across * down, panels = (results + WINOGRAD_PANEL - 1) / WINOGRAD_PANEL;
    const i32 first = (i32)get_group_id(0) * WINOGRAD_TILES, count = min(WINOGRAD_TILES, tiles - first);
    const i64 size = (i64)depth * WINOGRAD_PANEL;
    winograd_inputs(x + get_group_id(1) * stride_x, height, width, depth, across, down, padding_height, padding_width, first, count, v);
    for (i32 weight = 0; weight < weights; weight++) {
        const i64 copy = (i64)get_group_id(1) * weights + weight;
        for (i32 panel = 0; panel < panels; panel++) {
            const i32 r0 = panel * WINOGRAD_PANEL, wide = min(WINOGRAD_PANEL, results - r0);
            const global f32 *u = packed + copy * stride_packed + (i64)panel * WINOGRAD_POINTS * size;
            for (i32 point = 0; point < WINOGRAD_POINTS; point++)
                for (i32 t = 0; t < count; t += 12)
                    winograd_tile(v + ((i64)point * WINOGRAD_TILES + t) * depth, depth, 1, u + point * size, WINOGRAD_PANEL, depth, min(12, count - t), wide > 16, false,
                                  m + ((i64)point * WINOGRAD_TILES + t) * WINOGRAD_PANEL, WINOGRAD_PANEL);
            for (i32 t = 0; t < count; t++) {
                i32 image, row, column;
                winograd_place(first + t, across, down, &image, &row, &column);
                global f32 *to = y + copy * stride_y + (((i64)image * out_height + row) * out_width + column) * results + r0;
                for (i32 r = 0; r < wide; r += 16) {
                    float16 s[8], out[4];
#pragma unroll
                    for (i32 j = 0; j < 4; j++) {
                        const local f32 *at = m + ((i64)j * WINOGRAD_TILES + t) * WINOGRAD_PANEL + r;
                        const i32 next = 4 * WINOGRAD_TILES * WINOGRAD_PANEL;
                        const float16 a = V16_GET(local, at), b = V16_GET(local, at + next), c = V16_GET(local, at + 2 * next), e = V16_GET(local, at + 3 * next);
                        s[j] = a + b + c;
                        s[4 + j] = b - c - e;
                    }
#pragma unroll
                    for (i32 i = 0; i < 2; i++) {
                        out[2 * i] = s[4 * i] + s[4 * i + 1] + s[4 * i + 2];
                        out[2 * i + 1] = s[4 * i + 1] - s[4 * i + 2] - s[4 * i + 3];
                    }
                    const float16 shift = bias ? V16_GET(global, bias + copy * stride_bias + r0 + r) : (float16)(0.0f);
#pragma unroll
                    for (i32 i = 0; i < 4; i++) {
                        if (row + i / 2 >= out_height || column + i % 2 >= out_width) continue;
                        global f32 *pixel = to + ((i64)(i / 2) * out_width + i % 2) * results + r;
                        float16 value = scale * out[i] + shift;
                        if (add) value += V16_GET(global, pixel);
                        V16_PUT(global, pixel, value);
                    }
                }
            }
        }
    }
}

/* ---- Weights' gradient ---- */

kernel void winograd_weight_rows_f32(const global f32 *dy, const global f32 *x, global f32 *partials, i32 batch, i32 height, i32 width, i32 channels, i32 out_height,
                                     i32 out_width, i32 outputs, i32 padding_height, i32 padding_width, i64 stride_x, i64 stride_y) {
    local float16 v16[WINOGRAD_POINTS * WINOGRAD_TILES * WINOGRAD_DEPTH / 16 + 64];
    local float16 m16[WINOGRAD_POINTS * WINOGRAD_TILES * WINOGRAD_PANEL / 16];
    local f32 *v = (local f32 *)v16, *m = (local f32 *)m16;
    const i32 across = (out_width + 1) / 2, down = (out_height + 1) / 2, tiles = batch * across * down, panels = (outputs + WINOGRAD_PANEL - 1) / WINOGRAD_PANEL;
    const i32 blocks = (tiles + WINOGRAD_TILES - 1) / WINOGRAD_TILES, split = get_group_id(0), splits = get_num_groups(0), rows = (channels + 11) / 12 * 12;
    const i64 copy = get_group_id(1), size = (i64)rows * WINOGRAD_PANEL;
    global f32 *part = partials + (copy * splits + split) * panels * WINOGRAD_POINTS * size;
    dy += copy * stride_y;
    x += copy * stride_x;
    for (i64 i = 0; i < panels * WINOGRAD_POINTS * size; i += 16) V16_PUT(global, part + i, (float16)(0.0f));
    for (i32 i = 0; i < 64; i++) V16_PUT(local, v + WINOGRAD_POINTS * WINOGRAD_TILES * WINOGRAD_DEPTH + 16 * i, (float16)(0.0f));
    for (i32 block = (i32)((i64)blocks * split / splits); block < (i32)((i64)blocks * (split + 1) / splits); block++) {
        const i32 first = block * WINOGRAD_TILES, count = min(WINOGRAD_TILES, tiles - first);
        winograd_inputs(x, height, width, channels, across, down, padding_height, padding_width, first, count, v);
        for (i32 panel = 0; panel < panels; panel++) {
            const i32 r0 = panel * WINOGRAD_PANEL, wide = min(WINOGRAD_PANEL, outputs - r0);
            for (i32 t = 0; t < count; t++) {
                i32 image, row, column;
                winograd_place(first + t, across, down, &image, &row, &column);
                const global f32 *from = dy + (((i64)image * out_height + row) * out_width + column) * outputs + r0;
                for (i32 r = 0; r < wide; r += 16) {
                    float16 d[4], s[8];
                    for (i32 i = 0; i < 4; i++)
                        d[i] = row + i / 2 < out_height && column + i % 2 < out_width ? V16_GET(global, from + ((i64)(i / 2) * out_width + i % 2) * outputs + r) : (float16)(0.0f);
#pragma unroll
                    for (i32 j = 0; j < 2; j++) {
                        s[j] = d[j];
                        s[2 + j] = d[j] + d[2 + j];
                        s[4 + j] = d[j] - d[2 + j];
                        s[6 + j] = -d[2 + j];
                    }
#pragma unroll
                    for (i32 i = 0; i < 4; i++) {
                        local f32 *to = m + ((i64)4 * i * WINOGRAD_TILES + t) * WINOGRAD_PANEL + r;
                        const float16 a = s[2 * i], b = s[2 * i + 1];
                        V16_PUT(local, to, a);
                        V16_PUT(local, to + WINOGRAD_TILES * WINOGRAD_PANEL, a + b);
                        V16_PUT(local, to + 2 * WINOGRAD_TILES * WINOGRAD_PANEL, a - b);
                        V16_PUT(local, to + 3 * WINOGRAD_TILES * WINOGRAD_PANEL, -b);
                    }
                }
            }
            for (i32 point = 0; point < WINOGRAD_POINTS; point++)
                for (i32 c = 0; c < channels; c += 12)
                    winograd_tile_sum(v + (i64)point * WINOGRAD_TILES * channels + c, 1, channels, m + (i64)point * WINOGRAD_TILES * WINOGRAD_PANEL, WINOGRAD_PANEL, count,
                                      min(12, channels - c), wide > 16, true, part + ((i64)panel * WINOGRAD_POINTS + point) * size + (i64)c * WINOGRAD_PANEL, WINOGRAD_PANEL);
        }
    }
}

kernel void winograd_weight_sum_f32(const global f32 *partials, global f32 *dw, i32 outputs, i32 channels, i32 splits, i64 stride_w, i32 add) {
    const i32 panels = (outputs + WINOGRAD_PANEL - 1) / WINOGRAD_PANEL, rows = (channels + 11) / 12 * 12;
    const i64 copy = get_group_id(1), size = (i64)rows * WINOGRAD_PANEL, units = (i64)panels * channels;
    dw += copy * stride_w;
    partials += copy * splits * panels * WINOGRAD_POINTS * size;
    for (i64 u = units * get_group_id(0) / get_num_groups(0); u < units * (get_group_id(0) + 1) / get_num_groups(0); u++) {
        const i32 panel = (i32)(u / channels), c = (i32)(u % channels), r0 = panel * WINOGRAD_PANEL, wide = min(WINOGRAD_PANEL, outputs - r0);
        for (i32 r = 0; r < wide; r += 16) {
            float16 point[16], s[12];
            for (i32 i = 0; i < 16; i++) {
                const global f32 *from = partials + ((i64)panel * WINOGRAD_POINTS + i) * size + (i64)c * WINOGRAD_PANEL + r;
                point[i] = V16_GET(global, from);
                for (i32 split = 1; split < splits; split++) point[i] += V16_GET(global, from + (i64)split * panels * WINOGRAD_POINTS * size);
            }
            for (i32 j = 0; j < 4; j++) {
                s[j] = point[j] + 0.5f * (point[4 + j] + point[8 + j]);
                s[4 + j] = 0.5f * (point[4 + j] - point[8 + j]);
                s[8 + j] = 0.5f * (point[4 + j] + point[8 + j]) + point[12 + j];
            }
            f32 lanes[9][16];
            for (i32 i = 0; i < 3; i++) {
                const float16 ends = 0.5f * (s[4 * i + 1] + s[4 * i + 2]);
                V16_PUT(private, lanes[3 * i], s[4 * i] + ends);
                V16_PUT(private, lanes[3 * i + 1], 0.5f * (s[4 * i + 1] - s[4 * i + 2]));
                V16_PUT(private, lanes[3 * i + 2], ends + s[4 * i + 3]);
            }
            for (i32 e = 0; e < 16; e++) {
                global f32 *to = dw + ((i64)(r0 + r + e) * channels + c) * 9;
                for (i32 k = 0; k < 9; k++) to[k] = add ? to[k] + lanes[k][e] : lanes[k][e];
            }
        }
    }
}
