/* Maxima over windows of an image for CPU devices: formulas, arguments and bytes as in pool/max_pool.gpu.cl.

   Work-group: one work-item with a piece of the rows of the output (scatter: of the input), 16 channels at a time; grid y: copies. */
#include "lib/cpu/vector16.h"
#include "pool/pool.h"

#define POOL_LANES ((uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))

SG_FN u32 pool_or8(uint8 v) {
    const uint4 a = v.lo | v.hi;
    return (a.x | a.y) | (a.z | a.w);
}

/* Offsets of 16 channels to their words, of which `count` channels need some. */
SG_FN void pool_put(global u32 *words, uint16 offsets, i32 bits, i32 count) {
    if (bits == 2) {
        const uint16 moved = offsets << (2 * POOL_LANES);
        words[0] = pool_or8(moved.lo | moved.hi);
        return;
    }
    u32 packed[4];
    if (bits == 4) {
        const uint16 moved = offsets << (4 * (POOL_LANES & 7));
        packed[0] = pool_or8(moved.lo);
        packed[1] = pool_or8(moved.hi);
    } else {
        const uint16 moved = offsets << (8 * (POOL_LANES & 3));
        for (i32 i = 0; i < 4; i++) {
            u32 lanes[16];
            vstore16(moved, 0, lanes);
            packed[i] = (lanes[4 * i] | lanes[4 * i + 1]) | (lanes[4 * i + 2] | lanes[4 * i + 3]);
        }
    }
    for (i32 i = 0; i * 32 < count * bits; i++) words[i] = packed[i];
}

SG_FN uint16 pool_get(const global u32 *words, i32 bits, i32 count) {
    if (bits == 2) return ((uint16)(words[0]) >> (2 * POOL_LANES)) & 3u;
    u32 packed[4] = {0, 0, 0, 0};
    for (i32 i = 0; i * 32 < count * bits; i++) packed[i] = words[i];
    if (bits == 4) {
        uint16 both;
        both.lo = (uint8)(packed[0]);
        both.hi = (uint8)(packed[1]);
        return (both >> (4 * (POOL_LANES & 7))) & 15u;
    }
    uint16 all;
    all.lo.lo = (uint4)(packed[0]);
    all.lo.hi = (uint4)(packed[1]);
    all.hi.lo = (uint4)(packed[2]);
    all.hi.hi = (uint4)(packed[3]);
    return (all >> (8 * (POOL_LANES & 3))) & 255u;
}

#define POOL_PIECE(rows) \
    const i64 first_row = (rows) * get_group_id(0) / get_num_groups(0), last_row = (rows) * (get_group_id(0) + 1) / get_num_groups(0); \
    const i64 copy = get_group_id(1); \
    const i32 each = 32 / bits, words = (channels + each - 1) / each

kernel void max_pool_forward_f32(const global f32 *x, global f32 *y, global u32 *offsets, POOL_EXTENTS, i32 bits) {
    POOL_PIECE((i64)batch * out_height);
    x += copy * batch * height * width * channels;
    for (i64 row = first_row; row < last_row; row++) {
        const i32 ph = (i32)(row % out_height), top = ph * stride_height - padding_height;
        const global f32 *image = x + row / out_height * height * width * channels;
        for (i32 pw = 0; pw < out_width; pw++) {
            const i32 left = pw * stride_width - padding_width;
            const i64 pixel = row * out_width + pw;
            for (i32 c = 0; c < channels; c += 16) {
                const i32 count = min(16, channels - c);
                float16 best = (float16)(0.0f);
                uint16 at = (uint16)(0);
                int some = 0;
                for (i32 kh = 0; kh < kernel_height; kh++) {
                    const i32 h = top + kh * dilation_height;
                    if (h < 0 || h >= height) continue;
                    for (i32 kw = 0; kw < kernel_width; kw++) {
                        const i32 w = left + kw * dilation_width;
                        if (w < 0 || w >= width) continue;
                        const float16 v = v16_load_tail(V16_F32, image, ((i64)h * width + w) * channels + c, count);
                        const uint16 k = (uint16)(kh * kernel_width + kw);
                        const int16 better = some ? (v > best) | (v != v) : (int16)(-1);
                        best = select(best, v, better);
                        at = select(at, k, better);
                        some = 1;
                    }
                }
                v16_store_tail(V16_F32, y, pixel * channels + c, best, count);
                if (offsets) pool_put(offsets + pixel * words + c / each, count < 16 ? select(at, (uint16)(0), POOL_LANES >= (uint)count) : at, bits, count);
            }
        }
    }
}

kernel void max_pool_gather_f32(const global f32 *xt, const global u32 *offsets, global f32 *yt, POOL_EXTENTS, i32 bits) {
    POOL_PIECE((i64)batch * out_height);
    xt += copy * batch * height * width * channels;
    yt += copy * batch * out_height * out_width * channels;
    for (i64 row = first_row; row < last_row; row++) {
        const i32 ph = (i32)(row % out_height), top = ph * stride_height - padding_height;
        const global f32 *image = xt + row / out_height * height * width * channels;
        for (i32 pw = 0; pw < out_width; pw++) {
            const i32 left = pw * stride_width - padding_width;
            const i64 pixel = row * out_width + pw;
            for (i32 c = 0; c < channels; c += 16) {
                const i32 count = min(16, channels - c);
                const uint16 at = pool_get(offsets + pixel * words + c / each, bits, count);
                float16 sum = (float16)(0.0f);
                for (i32 kh = 0; kh < kernel_height; kh++) {
                    const i32 h = top + kh * dilation_height;
                    if (h < 0 || h >= height) continue;
                    for (i32 kw = 0; kw < kernel_width; kw++) {
                        const i32 w = left + kw * dilation_width;
                        if (w < 0 || w >= width) continue;
                        sum = select(sum, v16_load_tail(V16_F32, image, ((i64)h * width + w) * channels + c, count), at == (uint)(kh * kernel_width + kw));
                    }
                }
                v16_store_tail(V16_F32, yt, pixel * channels + c, sum, count);
            }
        }
    }
}

kernel void max_pool_scatter_f32(const global f32 *dy, const global u32 *offsets, global f32 *dx, POOL_EXTENTS, i32 bits) {
    POOL_PIECE((i64)batch * height);
    dx += copy * batch * height * width * channels;
    dy += copy * batch * out_height * out_width * channels;
    for (i64 row = first_row; row < last_row; row++) {
        const i32 h = (i32)(row % height);
        const i64 image = row / height * out_height;
        for (i32 w = 0; w < width; w++)
            for (i32 c = 0; c < channels; c += 16) {
                const i32 count = min(16, channels - c);
                float16 sum = (float16)(0.0f);
                for (i32 kh = 0; kh < kernel_height; kh++) {
                    const i32 ph = pool_output(h, kh, stride_height, padding_height, dilation_height, out_height);
                    if (ph < 0) continue;
                    for (i32 kw = 0; kw < kernel_width; kw++) {
                        const i32 pw = pool_output(w, kw, stride_width, padding_width, dilation_width, out_width);
                        if (pw < 0) continue;
                        const i64 pixel = (image + ph) * out_width + pw;
                        const uint16 at = pool_get(offsets + pixel * words + c / each, bits, count);
                        sum += select((float16)(0.0f), v16_load_tail(V16_F32, dy, pixel * channels + c, count), at == (uint)(kh * kernel_width + kw));
                    }
                }
                v16_store_tail(V16_F32, dx, (row * width + w) * channels + c, sum, count);
            }
    }
}
