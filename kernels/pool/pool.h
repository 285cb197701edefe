/* What the texts of pools share: their extents. */
#ifndef SG_POOL_POOL_H
#define SG_POOL_POOL_H
#include "lib/dialect.h"

/* Of an image, of the output, and of the window. */
#define POOL_EXTENTS \
    i32 batch, i32 height, i32 width, i32 channels, i32 out_height, i32 out_width, i32 kernel_height, i32 kernel_width, i32 stride_height, i32 stride_width, \
        i32 padding_height, i32 padding_width, i32 dilation_height, i32 dilation_width

/* The output position whose window has a position of the input as its k-th along one axis; -1 for none. */
SG_FN i32 pool_output(i32 position, i32 k, i32 stride, i32 padding, i32 dilation, i32 outputs) {
    i32 p = position + padding - k * dilation;
    return p < 0 || p % stride != 0 || p / stride >= outputs ? -1 : p / stride;
}

/* Positions of a window along one axis that count in a mean. */
SG_FN i32 pool_count(i32 output, i32 kernel_extent, i32 stride, i32 padding, i32 extent, i32 include_padding) {
    i32 first = output * stride - padding, end = first + kernel_extent, low = include_padding ? -padding : 0, high = include_padding ? extent + padding : extent;
    return (end < high ? end : high) - (first > low ? first : low);
}

#endif
