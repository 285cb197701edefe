/* Weights to packed codes on CPU devices: entries, arguments and layouts of kernels/packed/quantize.cl. Fitting is most of the work and runs
   16 elements of a group at a time; its error sums are over lanes, so that a near tie between two clips may be settled differently than on
   a GPU. Work-group 1: item x of X takes the x-th part of all groups. */
#define QUANT_STORE4(p, v) (*(global float4 *)(p) = (v))
#include "packed/quantize.h"
#include "packed/packed16.h"
#include "packed/quantize_pack.h"

SG_FN f32 fit_error(const int bits, const global f32 *w, i32 count, f32 s, f32 c) {
    const f32 reciprocal = quant_reciprocal(s), half_range = (f32)(1 << (bits - 1));
    float16 sum = (float16)(0.0f);
    for (i32 i = 0; i < count; i += 16) {
        const float16 v = packed16_load(w + i, count - i);
        float16 q = (v - c) * reciprocal;
        q = select((float16)(-half_range), q, q >= -half_range);
        q = select(q, (float16)(half_range - 1.0f), q > half_range - 1.0f);
        q = (q + QUANT_ROUND) - QUANT_ROUND;
        float16 d = v - fma((float16)(s), q, (float16)(c));
        if (i + 16 > count) d = select((float16)(0.0f), d, convert_int16(PACKED16_LANES) < count - i);
        sum = fma(d, d, sum);
    }
    return packed16_sum(sum);
}

SG_FN void fit_group(const int bits, const global f32 *w, i32 count, int symmetric, f32 *step, f32 *centre) {
    f32 low = w[0], high = w[0];
    int16 finite = (int16)(-1);
    float16 least = (float16)(low), most = least;
    for (i32 i = 0; i < count; i += 16) {
        float16 v = packed16_load(w + i, count - i);
        if (i + 16 > count) v = select((float16)(low), v, convert_int16(PACKED16_LANES) < count - i);
        least = select(least, v, v < least);
        most = select(most, v, v > most);
        finite &= fabs(v) <= QUANT_LARGEST;
    }
    f32 a[16], b[16];
    vstore16(least, 0, a);
    vstore16(most, 0, b);
    for (i32 i = 0; i < 16; i++) {
        low = a[i] < low ? a[i] : low;
        high = b[i] > high ? b[i] : high;
    }
    if (!all(finite.lo & finite.hi)) low = high = 0.0f;
    QUANT_FIT(fit_error(bits, w, count, s, c))
}

#define QUANTIZE_FIT(BITS) \
    kernel void quantize_fit_w##BITS##_f32(const global f32 *w, global f32 *scales, global f32 *offsets, i64 n, i64 k, i32 group) { \
        const i64 groups = packed_groups(k, group), all_groups = n * groups; \
        const i64 to = all_groups * (i64)(get_group_id(0) + 1) / (i64)get_num_groups(0); \
        for (i64 i = all_groups * (i64)get_group_id(0) / (i64)get_num_groups(0); i < to; i++) { \
            const i64 row = i / groups, from = (i - row * groups) * group; \
            f32 step, centre; \
            fit_group(BITS, w + row * k + from, (i32)min((i64)group, k - from), offsets == 0, &step, &centre); \
            scales[i] = step; \
            if (offsets) offsets[i] = centre; \
        } \
    }

QUANTIZE_FIT(2)
QUANTIZE_FIT(3)
QUANTIZE_FIT(4)
QUANTIZE_FIT(8)
