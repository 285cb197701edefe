/* The three products of a convolution as matrix products whose left factor is never in memory: a step reads its part of it from the image, position by position of the window.
   fp32, channels last, groups of channels apart.

     conv_pack_f32    packed[j, g, k, a, b] = w[j, o, c, k]: rows (k, a) of what a product sums over, columns b of its result; a, b = channel and output of group g, or the
                      other way round where `backwards`
     conv_tiles_f32   y[j, r, b]   = scale sum over k, a of x[j, pixel of r at k, a] packed[j, g, k, a, b] + bias[j, b]    (+ y)
                      x the input and y the output of the convolution, or where `backwards` its dy and dx
     conv_weight_tiles_f32    part[s, j, o, (c, k)] = sum over pixels r of slice s of dy[j, r, o] x[j, pixel of r at k, c]          written to dw (+ dw) where there is one slice

   conv/conv sums the slices. Images: [copies, batch, height, width, channels]; copy j begins at j times the stride, 0 where all share it. Weights: [copies, outputs, channels / groups, kernel...].
   A result's rows are its pixels. Of conv_tiles_f32 backwards with a stride, those whose coordinates leave the same residues stand together: they see the same positions of the
   window, so that a tile goes through those alone. Steps of CONV_K = 8 rows of the product are brought to shared memory while the last are multiplied; sums run in order.

     tile        columns x rows of y   work-item      shared memory                  bytes per flop from shared memory
     wide        64 x 128              4 x 8          2 (8 x 132 + 8 x 68) floats    0.75
     narrow      32 x 256              4 x 8          2 (8 x 260 + 8 x 36)           0.75    (at most 32 columns per group)
     weight      64 x 64               4 x 4          2 (16 x 68 + 16 x 68)          1

   Work-group: 256. Grid of conv_tiles: x: tiles of rows, of all residues; y: copies; z: groups x tiles of columns. Of conv_weight_tiles: x: tiles of outputs x tiles of (c, k) of each
   group; y: copies; z: slices. Bytes: x is read once per tile of columns and position of the window, most of it from the L2 cache; flops: 2 per multiply-add.
   GPU_ONLY conv_pack_f32: served by conv_pack_f32   GPU_ONLY conv_tiles_f32: served by conv_rows_f32   GPU_ONLY conv_weight_tiles_f32: served by conv_weight_rows_f32   (conv/conv_direct)
   Source: Chetlur et al., cuDNN: Efficient Primitives for Deep Learning (2014), for products whose factor is formed as it is read. */
#include "lib/gpu_wide.h"

#define CONV_EXTENTS \
    i32 batch, i32 height, i32 width, i32 channels, i32 out_height, i32 out_width, i32 outputs, i32 groups, i32 kernel_height, i32 kernel_width, \
        i32 stride_height, i32 stride_width, i32 padding_height, i32 padding_width, i32 dilation_height, i32 dilation_width, i64 stride_x, i64 stride_w, i64 stride_y

#define CONV_K 8
#define CONV_ROWS_K 16
#define CONV_THREADS 256
/* Floats of a row of a shared array beyond its elements: rows begin in other banks, fours stay aligned. */
#define CONV_PAD 4

/* A row that no window moves into an image. */
#define CONV_NOWHERE (-(1 << 30))

/* One axis of a product: result position begin + stride i reads position i mul + off + t move of the source at the t-th of the window's positions that it sees,
   which is position first + t step of the window. */
typedef struct {
    i32 positions, begin, stride, mul, off, move, first, step, count;
} conv_axis;

SG_FN void conv_axis_of(i32 backwards, i32 residue, i32 result, i32 window, i32 stride, i32 padding, i32 dilation, conv_axis *a) {
    a->first = 0;
    a->step = 1;
    if (!backwards) {
        a->positions = result;
        a->begin = 0;
        a->stride = 1;
        a->mul = stride;
        a->off = -padding;
        a->move = dilation;
        a->count = window;
        return;
    }
    a->positions = (result - residue + stride - 1) / stride;
    a->begin = residue;
    a->stride = stride;
    a->mul = 1;
    a->count = 0;
    for (i32 k = 0; k < window; k++) {
        if ((residue + padding - k * dilation) % stride != 0) continue;
        if (a->count == 0) a->first = k;
        if (a->count == 1) a->step = k - a->first;
        a->count++;
    }
    a->off = (residue + padding - a->first * dilation) / stride;
    a->move = -(dilation * a->step / stride);
}

/* A place in what a product sums over: the th-th row and tw-th column of the window that count, and a channel. */
typedef struct {
    i32 th, tw, c;
} conv_place;

SG_FN void conv_advance(conv_place *p, i32 by, i32 depth, i32 across) {
    p->c += by;
    while (p->c >= depth) {
        p->c -= depth;
        if (++p->tw == across) {
            p->tw = 0;
            p->th++;
        }
    }
}

SG_KERNEL(256) conv_pack_f32(const SG_GLOBAL f32 *w, SG_GLOBAL f32 *packed, i64 copies, i32 groups, i32 each, i32 inner, i32 taps, i32 backwards) {
    i64 n = copies * groups * each * inner * taps;
    i32 columns = backwards ? inner : each, depth = backwards ? each : inner;
    for (i64 i = sg_item(); i < n; i += sg_all_items()) {
        i32 b = (i32)(i % columns), a = (i32)(i / columns % depth), k = (i32)(i / columns / depth % taps);
        i64 of = i / columns / depth / taps; /* copy and group */
        i32 o = backwards ? a : b, c = backwards ? b : a;
        packed[i] = w[((of * each + o) * inner + c) * taps + k];
    }
}

/* A tile of `columns` x 8192 / columns. */
SG_FN void conv_tile(const i32 columns, const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *packed, const SG_GLOBAL f32 *bias, SG_GLOBAL f32 *y, i32 batch, i32 x_height, i32 x_width,
                     i32 x_channels, i32 y_height, i32 y_width, i32 y_channels, i32 groups, i32 kernel_width, conv_axis down, conv_axis across, i64 tile, i64 stride_to, i64 stride_bias, f32 scale, i32 add,
                     SG_LOCAL f32 *xs, SG_LOCAL f32 *ws) {
    const i32 rows = 8192 / columns, xs_row = rows + CONV_PAD, ws_row = columns + CONV_PAD, part = CONV_K * rows / CONV_THREADS;
    const i32 lane = (i32)sg_local(0), depth = x_channels / groups, width = y_channels / groups, column_tiles = (width + columns - 1) / columns;
    const i32 group = (i32)sg_group(2) / column_tiles, b0 = (i32)sg_group(2) % column_tiles * columns;
    const i64 all = (i64)batch * down.positions * across.positions, r0 = tile * rows;
    const i32 per_image = down.positions * across.positions;
    /* what this work-item brings: `part` neighbouring rows of the product at one pixel, and four neighbouring columns of one row of the weight */
    const i32 my_row = lane * part / CONV_K, my_k = lane * part % CONV_K;
    const i64 r = r0 + my_row;
    const i32 in_image = r < all ? (i32)(r % per_image) : 0;
    const SG_GLOBAL f32 *image = x + (r < all ? r / per_image : 0) * x_height * x_width * x_channels + group * depth;
    const i32 line = across.positions > 0 ? across.positions : 1;
    const i32 top = r < all ? in_image / line * down.mul + down.off : CONV_NOWHERE, left = in_image % line * across.mul + across.off;
    const bool fours = depth % 4 == 0 && sg_takes_4(image), w_fours = width % 4 == 0 && sg_takes_4(packed);
    const i32 w_row = lane / (columns / 4), w_column = b0 + lane % (columns / 4) * 4, brings_w = w_row < CONV_K;
    const i32 steps = (down.count * across.count * depth + CONV_K - 1) / CONV_K;
    conv_place px = {0, 0, 0}, pw = {0, 0, 0};
    if (across.count > 0) {
        conv_advance(&px, my_k, depth, across.count);
        conv_advance(&pw, w_row, depth, across.count);
    }
    f32 sums[8][4], next_x[8], next_w[4]; /* loops of constant bounds: in registers */
#pragma unroll
    for (i32 i = 0; i < 8; i++)
#pragma unroll
        for (i32 j = 0; j < 4; j++) sums[i][j] = 0.0f;
    const i32 my_rows = lane / (columns / 4) * 4, my_columns = lane % (columns / 4) * 4;
    for (i32 step = 0; step <= steps; step++) {
        if (step < steps) {
            conv_place at = px;
#pragma unroll
            for (i32 e = 0; e < part; e += 4) {
                if (fours) {
                    const i32 h = top + at.th * down.move, v = left + at.tw * across.move;
                    const bool inside = at.th < down.count && h >= 0 && h < x_height && v >= 0 && v < x_width;
                    const float4 four = inside ? sg_load_4(image + (h * x_width + v) * x_channels + at.c) : sg_make_4(0.0f, 0.0f, 0.0f, 0.0f);
                    next_x[e] = four.x;
                    next_x[e + 1] = four.y;
                    next_x[e + 2] = four.z;
                    next_x[e + 3] = four.w;
                    conv_advance(&at, 4, depth, across.count);
                    continue;
                }
#pragma unroll
                for (i32 i = 0; i < 4; i++) {
                    const i32 h = top + at.th * down.move, v = left + at.tw * across.move;
                    const bool inside = at.th < down.count && h >= 0 && h < x_height && v >= 0 && v < x_width;
                    next_x[e + i] = inside ? image[(h * x_width + v) * x_channels + at.c] : 0.0f;
                    conv_advance(&at, 1, depth, across.count);
                }
            }
            conv_advance(&px, CONV_K, depth, across.count);
            if (brings_w) {
                const i32 tap = (down.first + pw.th * down.step) * kernel_width + across.first + pw.tw * across.step;
                const SG_GLOBAL f32 *from = packed + (tap * depth + pw.c) * width + w_column;
                const bool there = pw.th < down.count;
                if (w_fours) {
                    const float4 four = there && w_column < width ? sg_load_4(from) : sg_make_4(0.0f, 0.0f, 0.0f, 0.0f);
                    next_w[0] = four.x;
                    next_w[1] = four.y;
                    next_w[2] = four.z;
                    next_w[3] = four.w;
                } else
#pragma unroll
                    for (i32 e = 0; e < 4; e++) next_w[e] = there && w_column + e < width ? from[e] : 0.0f;
                conv_advance(&pw, CONV_K, depth, across.count);
            }
        }
        if (step > 0) {
            const SG_LOCAL f32 *a = xs + (step - 1) % 2 * CONV_K * xs_row, *b = ws + (step - 1) % 2 * CONV_K * ws_row;
#pragma unroll 2
            for (i32 k = 0; k < CONV_K; k++) {
                const float4 low = sg_shared_4(a + k * xs_row + my_rows), high = sg_shared_4(a + k * xs_row + rows / 2 + my_rows), v = sg_shared_4(b + k * ws_row + my_columns);
                const f32 u[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
                for (i32 i = 0; i < 8; i++) {
                    sums[i][0] += u[i] * v.x;
                    sums[i][1] += u[i] * v.y;
                    sums[i][2] += u[i] * v.z;
                    sums[i][3] += u[i] * v.w;
                }
            }
        }
        if (step < steps) {
            /* the other half of the shared arrays: nobody reads it before the barrier */
            SG_LOCAL f32 *a = xs + step % 2 * CONV_K * xs_row, *b = ws + step % 2 * CONV_K * ws_row;
#pragma unroll
            for (i32 e = 0; e < part; e++) a[(my_k + e) * xs_row + my_row] = next_x[e];
            if (brings_w) sg_put_shared_4(b + w_row * ws_row + w_column - b0, sg_make_4(next_w[0], next_w[1], next_w[2], next_w[3]));
        }
        SG_BARRIER();
    }
    /* what only the end reads is made here: registers are few before */
    const bool y_fours = width % 4 == 0 && sg_takes_4(y);
    y += (i64)sg_group(1) * stride_to;
    if (bias) bias += (i64)sg_group(1) * stride_bias;
#pragma unroll
    for (i32 i = 0; i < 8; i++) {
        const i64 row = r0 + (i < 4 ? my_rows + i : rows / 2 + my_rows + i - 4);
        if (row >= all) continue;
        const i32 place = (i32)(row % per_image);
        const i32 h = down.begin + down.stride * (place / across.positions), v = across.begin + across.stride * (place % across.positions);
        SG_GLOBAL f32 *to = y + ((row / per_image * y_height + h) * y_width + v) * y_channels + group * width;
#pragma unroll
        for (i32 j = 0; j < 4; j++) {
            const i32 b = b0 + my_columns + j;
            f32 sum = scale * sums[i][j];
            if (bias && b < width) sum += bias[group * width + b];
            if (add && b < width) sum += to[b];
            if (!y_fours && b < width) to[b] = sum;
            sums[i][j] = sum;
        }
        if (y_fours && b0 + my_columns < width) sg_store_4(to + b0 + my_columns, sg_make_4(sums[i][0], sums[i][1], sums[i][2], sums[i][3]));
    }
}

SG_KERNEL_OF(256, 2) conv_tiles_f32(const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *packed, const SG_GLOBAL f32 *bias, SG_GLOBAL f32 *y, CONV_EXTENTS, i64 stride_bias, i32 backwards,
                                    f32 scale, i32 add) {
    SG_SHARED_FOURS(xs, 2 * CONV_K * (256 + CONV_PAD));
    SG_SHARED_FOURS(ws, 2 * CONV_K * (64 + CONV_PAD));
    const i64 copy = sg_group(1);
    const i32 classes_across = backwards ? stride_width : 1, classes = classes_across * (backwards ? stride_height : 1);
    const i64 tiles = sg_groups(0) / classes, tile = sg_group(0) % tiles;
    const i32 residue = (i32)(sg_group(0) / tiles), each = (backwards ? channels : outputs) / groups;
    const i32 column_tiles = (i32)sg_groups(2) / groups, depth = (backwards ? outputs : channels) / groups;
    conv_axis down, across;
    conv_axis_of(backwards, residue / classes_across, backwards ? height : out_height, kernel_height, stride_height, padding_height, dilation_height, &down);
    conv_axis_of(backwards, residue % classes_across, backwards ? width : out_width, kernel_width, stride_width, padding_width, dilation_width, &across);
    x += copy * (backwards ? stride_y : stride_x);
    const i64 stride_to = backwards ? stride_x : stride_y;
    packed += copy * stride_w + (i64)((i32)sg_group(2) / column_tiles) * kernel_height * kernel_width * depth * each;
    const i64 rows = (i64)batch * down.positions * across.positions;
    const i32 of_tile = each <= 32 ? 256 : 128;
    if (tile * of_tile >= rows || across.count == 0) down.count = 0; /* no row of this residue is left, or none sees the window */
    const i32 x_height = backwards ? out_height : height, x_width = backwards ? out_width : width, x_channels = backwards ? outputs : channels;
    const i32 y_height = backwards ? height : out_height, y_width = backwards ? width : out_width, y_channels = backwards ? channels : outputs;
    if (each <= 32)
        conv_tile(32, x, packed, bias, y, batch, x_height, x_width, x_channels, y_height, y_width, y_channels, groups, kernel_width, down, across, tile, stride_to, stride_bias,
                  scale, add, xs, ws);
    else
        conv_tile(64, x, packed, bias, y, batch, x_height, x_width, x_channels, y_height, y_width, y_channels, groups, kernel_width, down, across, tile, stride_to, stride_bias,
                  scale, add, xs, ws);
}

SG_KERNEL_OF(256, 2) conv_weight_tiles_f32(const SG_GLOBAL f32 *dy, const SG_GLOBAL f32 *x, SG_GLOBAL f32 *dw, CONV_EXTENTS, i64 stride_slice, i32 add) {
    SG_SHARED_FOURS(ys, 2 * CONV_ROWS_K * (64 + CONV_PAD));
    SG_SHARED_FOURS(xs, 2 * CONV_ROWS_K * (64 + CONV_PAD));
    const i32 row_floats = 64 + CONV_PAD, lane = (i32)sg_local(0), inner = channels / groups, each = outputs / groups, taps = kernel_height * kernel_width;
    const i32 columns = inner * taps, column_tiles = (columns + 63) / 64, output_tiles = (each + 63) / 64;
    const i64 copy = sg_group(1), slice = sg_group(2), slices = sg_groups(2), pixels = (i64)batch * out_height * out_width;
    const i32 group = (i32)(sg_group(0) / (column_tiles * output_tiles)), o0 = (i32)(sg_group(0) / column_tiles % output_tiles) * 64, j0 = (i32)(sg_group(0) % column_tiles) * 64;
    const i64 begin = pixels * slice / slices, end = pixels * (slice + 1) / slices;
    dy += copy * stride_y + group * each;
    x += copy * stride_x + group * inner;
    dw += slice * stride_slice + copy * stride_w + (i64)group * each * columns;
    /* what this work-item brings: output o and column (k, c) of the pixels lane / 64, + 4, + 8, + 12 of a step; columns in the order in which channels are neighbours */
    const i32 o = o0 + lane % 64, j = j0 + lane % 64, c = j % inner, kh = j / inner / kernel_width, kw = j / inner % kernel_width;
    const i32 has_o = o < each, has_j = j < columns;
    const i32 steps = (i32)((end - begin + CONV_ROWS_K - 1) / CONV_ROWS_K);
    i64 p = begin + lane / 64, image = p / out_width / out_height;
    i32 pw = (i32)(p % out_width), ph = (i32)(p / out_width % out_height);
    f32 sums[4][4], next_y[4], next_x[4];
    for (i32 i = 0; i < 4; i++)
        for (i32 e = 0; e < 4; e++) sums[i][e] = 0.0f;
    const i32 my_o = lane / 16 * 4, my_j = lane % 16 * 4;
    for (i32 step = 0; step <= steps; step++) {
        if (step < steps) {
            for (i32 e = 0; e < 4; e++) {
                const i32 h = ph * stride_height - padding_height + kh * dilation_height, v = pw * stride_width - padding_width + kw * dilation_width;
                const bool counts = p < end;
                next_y[e] = counts && has_o ? dy[p * outputs + o] : 0.0f;
                next_x[e] = counts && has_j && h >= 0 && h < height && v >= 0 && v < width ? x[((image * height + h) * width + v) * channels + c] : 0.0f;
                p += 4;
                pw += 4;
                while (pw >= out_width) {
                    pw -= out_width;
                    if (++ph == out_height) {
                        ph = 0;
                        image++;
                    }
                }
            }
        }
        if (step > 0) {
            const SG_LOCAL f32 *a = ys + (step - 1) % 2 * CONV_ROWS_K * row_floats, *b = xs + (step - 1) % 2 * CONV_ROWS_K * row_floats;
            for (i32 k = 0; k < CONV_ROWS_K; k++) {
                const float4 u = sg_shared_4(a + k * row_floats + my_o), v = sg_shared_4(b + k * row_floats + my_j);
                const f32 of[4] = {u.x, u.y, u.z, u.w};
                for (i32 i = 0; i < 4; i++) {
                    sums[i][0] += of[i] * v.x;
                    sums[i][1] += of[i] * v.y;
                    sums[i][2] += of[i] * v.z;
                    sums[i][3] += of[i] * v.w;
                }
            }
        }
        if (step < steps) {
            SG_LOCAL f32 *a = ys + step % 2 * CONV_ROWS_K * row_floats, *b = xs + step % 2 * CONV_ROWS_K * row_floats;
            for (i32 e = 0; e < 4; e++) {
                a[(lane / 64 + 4 * e) * row_floats + lane % 64] = next_y[e];
                b[(lane / 64 + 4 * e) * row_floats + lane % 64] = next_x[e];
            }
        }
        SG_BARRIER();
    }
    for (i32 i = 0; i < 4; i++)
        for (i32 e = 0; e < 4; e++) {
            const i32 row = o0 + my_o + i, column = j0 + my_j + e;
            if (row >= each || column >= columns) continue;
            SG_GLOBAL f32 *to = dw + ((i64)row * inner + column % inner) * taps + column / inner;
            *to = add ? *to + sums[i][e] : sums[i][e];
        }
}
