/* An image whose rows and columns are weighted sums of another's, for CPU devices: formula, arguments and bytes as in resample/resample.gpu.cl.

   Work-group: one work-item with a piece of the rows of y, 16 channels at a time. */
#include "lib/cpu/vector16.h"

kernel void resample_f32(const global f32 *x, const global i64 *map, const global f32 *weights, global f32 *y, i64 images, i32 height, i32 width, i32 channels, i32 out_height,
                         i32 out_width, f32 fill) {
    const global i64 *columns = map + out_height + 1, *positions = columns + out_width + 1;
    const i64 rows = images * out_height;
    for (i64 row = rows * get_group_id(0) / get_num_groups(0); row < rows * (get_group_id(0) + 1) / get_num_groups(0); row++) {
        const i32 p = (i32)(row % out_height);
        const global f32 *image = x + row / out_height * height * width * channels;
        const i64 top = map[p], bottom = map[p + 1];
        for (i32 q = 0; q < out_width; q++) {
            const i64 left = columns[q], right = columns[q + 1];
            for (i32 c = 0; c < channels; c += 16) {
                float16 sum = (float16)(top == bottom || left == right ? fill : 0.0f);
                for (i64 h = top; h < bottom; h++) {
                    float16 across = (float16)(0.0f);
                    for (i64 w = left; w < right; w++)
                        across += weights[w] * v16_load_tail(V16_F32, image, (positions[h] * width + positions[w]) * channels + c, channels - c);
                    sum += weights[h] * across;
                }
                v16_store_tail(V16_F32, y, (row * out_width + q) * channels + c, sum, channels - c);
            }
        }
    }
}
