/* Statistics of a row of logits on a CPU device, in blocks of SOFTMAX_BLOCK that stay in the L1 cache between the search for the maximum and the
   exponentials. m starts at the lowest finite number rather than at -inf: a block of nothing but -inf then gives exp(-inf) = 0, not NaN. */
#ifndef SG_LIB_CPU_SOFTMAX_ROW_H
#define SG_LIB_CPU_SOFTMAX_ROW_H
#include "lib/cpu/row_group.h"

#define SOFTMAX_BLOCK 1024

/* Sum over j of exp(z[j] - m), m the maximum. Where c <= SOFTMAX_BLOCK, e[j] = exp(z[j] - m) on return, 0 from c to the next multiple of 16. */
SG_FN f32 softmax_row(const global f32 *z, i64 c, f32 *e, f32 *maximum) {
    f32 m = -FLT_MAX;
    float16 s = 0.0f;
    for (i64 b = 0; b < c; b += SOFTMAX_BLOCK) {
        const global f32 *block = z + b;
        i32 width = (i32)min(c - b, (i64)SOFTMAX_BLOCK);
        float16 top = m;
        for (i32 j = 0; j < width; j += SG_V) top = sg_larger16(sg_load16(block + j, width - j, -INFINITY), top);
        f32 next = sg_max16(top);
        float16 part = 0.0f; /* sums of sums: the error grows with the number of blocks, not of columns */
        if (b > 0) s *= sg_exp1(m - next);
        m = next;
        for (i32 j = 0; j < width; j += SG_V) {
            sg_prefetch(block + j + SOFTMAX_BLOCK); /* the exponentials leave the memory idle */
            float16 x = sg_exp16(sg_load16(block + j, width - j, -INFINITY) - m);
            vstore16(x, 0, e + j);
            part += x;
        }
        s += part;
    }
    *maximum = m;
    return sg_sum16(s);
}

/* exp(z[j] - m) for 16 j: from e where the row was short enough to be kept, computed again where not. */
SG_FN float16 softmax_exp(const global f32 *z, i64 c, i64 j, const f32 *e, f32 m) {
    if (c <= SOFTMAX_BLOCK) return vload16(0, e + j);
    return sg_exp16(sg_load16(z + j, c - j, -INFINITY) - m);
}

#endif
