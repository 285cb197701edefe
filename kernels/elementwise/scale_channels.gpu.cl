/* Each channel of an image times a number of its own, as squeeze-and-excitation has it: what the five modes of y[n, p, c] = x[n, p, c] g[n, c] are made of.

     scale_channels_f32  y[k, n, p, c]   = scale (x[k, n, p, c] g[k, n, c] + z[k, n, p, c] h[k, n, c])
     channel_dots_f32    out[k, n, c]    = sum over p of x[k, n, p, c] u[k, n, p, c] + z[k, n, p, c] v[k, n, p, c]

   x, z, u, v, y: f32 [copies, batch, pixels, channels]; g, h, out: [copies, batch, channels]. A bit of `copied` says of each operand in this order (x g z h; x u z v) whether it has
   copies; without, all copies share it. A null z is a term less. Work-group of scale: 256, grid x: elements of y, grid y: copies. Of dots: CHANNEL_DOTS_TILE channels x
   256 / CHANNEL_DOTS_TILE pixels at a time, grid x: tiles of channels of each example, grid y: copies; the sums of a tile's rows are added in a fixed order.
   Bytes per element: 8 with one term, 12 or 16 with two. Flops: 2 per term. */
#include "lib/gpu.h"
#include "elementwise/scale_channels.h"

SG_KERNEL(256) scale_channels_f32(const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *g, const SG_GLOBAL f32 *z, const SG_GLOBAL f32 *h, SG_GLOBAL f32 *y, i64 batch, i64 pixels,
                                  i64 channels, i32 copied, f32 scale) {
    i64 n = batch * pixels * channels, rows = batch * channels, k = sg_group(1);
    x += channels_of(copied, 0, k, n);
    g += channels_of(copied, 1, k, rows);
    if (z) z += channels_of(copied, 2, k, n);
    if (z) h += channels_of(copied, 3, k, rows);
    for (i64 i = sg_item(); i < n; i += sg_all_items()) {
        i64 row = i / channels / pixels * channels + i % channels;
        f32 sum = x[i] * g[row];
        if (z) sum += z[i] * h[row];
        y[k * n + i] = scale * sum;
    }
}

SG_KERNEL(256) channel_dots_f32(const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *u, const SG_GLOBAL f32 *z, const SG_GLOBAL f32 *v, SG_GLOBAL f32 *out, i64 batch, i64 pixels,
                                i64 channels, i32 copied) {
    SG_SHARED(f32, sums, 256);
    i64 n = batch * pixels * channels, k = sg_group(1), tiles = (channels + CHANNEL_DOTS_TILE - 1) / CHANNEL_DOTS_TILE;
    i32 across = (i32)sg_local(0) % CHANNEL_DOTS_TILE, down = (i32)sg_local(0) / CHANNEL_DOTS_TILE, rows = 256 / CHANNEL_DOTS_TILE;
    x += channels_of(copied, 0, k, n);
    u += channels_of(copied, 1, k, n);
    if (z) z += channels_of(copied, 2, k, n);
    if (z) v += channels_of(copied, 3, k, n);
    for (i64 tile = sg_group(0); tile < batch * tiles; tile += sg_groups(0)) {
        i64 c = tile % tiles * CHANNEL_DOTS_TILE + across, image = tile / tiles;
        f32 sum = 0.0f;
        for (i64 p = down; c < channels && p < pixels; p += rows) {
            i64 i = (image * pixels + p) * channels + c;
            sum += x[i] * u[i];
            if (z) sum += z[i] * v[i];
        }
        sums[sg_local(0)] = sum;
        SG_BARRIER();
        if (down == 0 && c < channels) {
            for (i32 r = 1; r < rows; r++) sum += sums[r * CHANNEL_DOTS_TILE + across];
            out[(k * batch + image) * channels + c] = sum;
        }
        SG_BARRIER();
    }
}
