/* The grid of one group of the activation codec: x is coded as q = floor((x - minimum) / step + noise), and comes back as minimum + step q.

   16-bit fixed point carries the noise: v = (x - minimum) scale, rounded to an integer, is (x - minimum) / step in units of 2^-16, and q = (v + r) >> 16
   with r one of 0 .. 65535. So P(up) is the fraction of v exactly; rounding v costs a bias of step 2^-17 at most, fp32 arithmetic 4 2^-24 of the group's
   range, and no code exceeds 2^bits - 1.

   fp32 metadata: minimum exact; step = range / (2^bits - 1), rounded up; scale is the least that takes the maximum to the top code, so that both end points
   get their own code whatever r. bf16 metadata: the minimum is rounded down, then the step of what is above it is rounded up: nothing wraps.
   Steps are at least 2^-90, or a group of subnormals would divide by nothing: such a group decodes to its minimum, within 2^-106. */
#ifndef SG_CODEC_CODEC_H
#define SG_CODEC_CODEC_H
#include "lib/exact.h"

#define SG_STEP_LEAST 8.0779356694631609e-28f  /* 2^-90 */
#define SG_RANGE_MOST 8.5070591730234616e37f   /* 2^126 */
#define SG_F32_MOST 3.40282346638528859812e38f
#define SG_CODEC_NAN 0x7FC00000u
#define SG_FLAG_NON_FINITE 1u
/* p (1 - p) is summed in integers, in these units: 2^-22 */
#define SG_VARIANCE_UNIT 2.384185791015625e-7f

typedef struct {
    f32 minimum, step, scale;
} sg_grid;

/* To bf16 values: bits below the upper 16 are zero. For the second, x >= 0. */
SG_FN f32 sg_bf16_down(f32 x) {
    u32 bits = SG_F32_TO_BITS(x);
    u32 cut = bits & 0xFFFF0000u;
    return SG_BITS_TO_F32((bits >> 31) != 0u && cut != bits ? cut + 0x10000u : cut);
}
SG_FN f32 sg_bf16_up(f32 x) { return SG_BITS_TO_F32((SG_F32_TO_BITS(x) + 0xFFFFu) & 0xFFFF0000u); }

/* low, high: the group's extremes; levels: 2^bits - 1. A range above 2^126 or not a number, or a top code beyond
   fp32 (bf16 metadata, near the end of fp32), gives NaN for minimum and step and scale 0; codes are to be 0. */
SG_FN void sg_grid_of(f32 low, f32 high, f32 levels, i32 bf16, sg_grid *result) {
    sg_grid grid;
    /* no negative zero: which of two zeros is the minimum depends on the order of comparison */
    grid.minimum = low == 0.0f ? 0.0f : (bf16 ? sg_bf16_down(low) : low);
    f32 range = sg_sub_rn(high, grid.minimum);
    /* what can be divided, without a branch: a range below gives the steps of 2^-90, one above or a NaN is seen to afterwards */
    f32 width = sg_fmin(sg_fmax(range, sg_mul_rn(levels, SG_STEP_LEAST)), SG_RANGE_MOST);
    grid.step = sg_div_up(width, levels);
    if (bf16) {
        grid.step = sg_bf16_up(grid.step);
        grid.scale = sg_div_up(65536.0f, grid.step);
    } else {
        grid.scale = sg_div_up(sg_mul_rn(levels, 65536.0f), width);
    }
    if (!(range <= SG_RANGE_MOST) || !(sg_fma(levels, grid.step, grid.minimum) <= SG_F32_MOST)) {
        grid.minimum = grid.step = SG_BITS_TO_F32(SG_CODEC_NAN);
        grid.scale = 0.0f;
    }
    *result = grid;
}

/* v: add one half, truncate. */
SG_FN u32 sg_fixed_point(f32 x, sg_grid grid, f32 top) {
    f32 v = sg_fma(sg_sub_rn(x, grid.minimum), grid.scale, 0.5f);
    return (u32)(i32)(v < top ? v : top);
}
/* p (1 - p) for the fraction of v */
SG_FN u32 sg_fraction_variance(u32 v) {
    u32 p = v & 0xFFFFu;
    return (p * (65536u - p)) >> 10;
}
/* sum of step^2 p (1 - p) from the integer sum */
SG_FN f32 sg_group_variance(f32 step, u32 sum) { return sg_mul_rn(sg_mul_rn(step, step), sg_mul_rn((f32)sum, SG_VARIANCE_UNIT)); }

#endif
