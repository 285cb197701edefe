/* Random flips and shifts of images, made again from the counter of (seed, stream, step, image) each time.

     augment_f32  y[n, c, r, w] = x[n, c, r + row, first + step w], 0 where that is beyond the image; row, first, step of image n % batch: random/augment.h

   transposed: the map's transpose, which is such a map, too: turned back, then shifted back. So one kernel serves forward, backward and tangents, and K copies of
   a batch move alike.
   state: u32[4] = seed low, seed high, step low, step high. flip: 0 or 1. padding: the farthest shift, 0 for none. x, y: [images, channels, height, width], images a
   multiple of batch, rows = channels height.
   Work-group: T x R = 256, T a power of two: T work-items side by side in a row, R rows; each makes the image's numbers once and goes on down the image. Grid x: images; y: parts of
   one. Bytes per element: 8. Flops: 0; 100 integer operations per image and work-item, 10 per element. Source: zero padding and a crop, as in He et al. 2015, section 4.2.
   WIDE augment_f32: 0 loads, 0 stores */
#include "lib/gpu.h"
#include "random/augment.h"

SG_KERNEL(256) augment_f32(const SG_GLOBAL u32 *state, u32 stream, i32 flip, i32 padding, i32 transposed, i64 images, i64 batch, i64 rows, i64 height, i64 width, const SG_GLOBAL f32 *x, SG_GLOBAL f32 *y) {
    sg_random_key key;
    sg_random_key_of(state, stream, &key);
    i64 down = (i64)sg_groups(1) * sg_locals(1), start = (i64)sg_group(1) * sg_locals(1) + sg_local(1);
    for (i64 image = sg_group(0); image < images; image += sg_groups(0)) {
        sg_move move;
        sg_augment_move(key, image % batch, flip, padding, transposed, (i32)width, &move);
        const SG_GLOBAL f32 *from = x + image * rows * width;
        SG_GLOBAL f32 *to = y + image * rows * width;
        for (i64 row = start; row < rows; row += down) {
            i64 r = row % height + move.row;
            bool inside = r >= 0 && r < height;
            for (i64 w = sg_local(0); w < width; w += sg_locals(0)) {
                i64 c = move.first + move.step * w;
                to[row * width + w] = inside && c >= 0 && c < width ? from[(row + move.row) * width + c] : 0.0f;
            }
        }
    }
}
