/* An image whose rows and columns are weighted sums of another's, channels last: upsampling, adaptive means, padding, and the transposes of all three, which are maps of the same kind.

     y[n, p, q, c] = sum over taps (h, a) of row p, (w, b) of column q, of a b x[n, h, w, c]     fill where row p or column q has no tap

   x: f32 [images, height, width, channels]; y: [images, out_height, out_width, channels]. map: i64, the numbers of the first taps of rows 0 to out_height, then of columns
   0 to out_width, then the position of each tap; weights: f32, of each tap. Work-group: 256; grid: elements of y, in steps of the grid; neighbours share taps and read neighbours.
   Bytes per element of y: 4 (1 + elements of x per element of y). Flops: 2 per pair of taps. */
#include "lib/gpu.h"

SG_KERNEL(256) resample_f32(const SG_GLOBAL f32 *x, const SG_GLOBAL i64 *map, const SG_GLOBAL f32 *weights, SG_GLOBAL f32 *y, i64 images, i32 height, i32 width, i32 channels,
                            i32 out_height, i32 out_width, f32 fill) {
    const SG_GLOBAL i64 *columns = map + out_height + 1, *positions = columns + out_width + 1;
    i64 n = images * out_height * out_width * channels;
    for (i64 i = sg_item(); i < n; i += sg_all_items()) {
        i32 c = (i32)(i % channels), q = (i32)(i / channels % out_width), p = (i32)(i / channels / out_width % out_height);
        const SG_GLOBAL f32 *image = x + i / channels / out_width / out_height * height * width * channels + c;
        i64 top = map[p], bottom = map[p + 1], left = columns[q], right = columns[q + 1];
        f32 sum = top == bottom || left == right ? fill : 0.0f;
        for (i64 h = top; h < bottom; h++) {
            const SG_GLOBAL f32 *row = image + positions[h] * width * channels;
            f32 across = 0.0f;
            for (i64 w = left; w < right; w++) across += weights[w] * row[positions[w] * channels];
            sum += weights[h] * across;
        }
        y[i] = sum;
    }
}
