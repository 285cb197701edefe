/* Many dot products at once, for CPU devices: arguments, partials and results as in reduce/dots.cl.

   Work-group: 1. dots: work-group c takes chunk c for DOTS_PROBES probes at a time, DOTS_BLOCK elements of each in turn: a
   shared v is read from memory once and from the first-level cache by the other probes. finish: work-group g takes every grid-th (k, l). Source of the summation: lib/sums.h, on 16 lanes. */
#include "lib/cpu/vector.h"
#include "lib/cpu/sums.h"

#ifndef DOTS_BLOCK
#define DOTS_BLOCK 2048 /* elements of a block, a multiple of 128 */
#endif
#ifndef DOTS_PROBES
#define DOTS_PROBES 8 /* probes that take turns at a block */
#endif

#define PRODUCT(i) (vload16(0, us + (i)) * vload16(0, vs + (i)))
#define PRODUCT_PART(i, count) (sg_load_part(us + (i), count, 0.0f) * sg_load_part(vs + (i), count, 0.0f))

kernel void dots_f32(const global f32 *u, const global f32 *v, const global i64 *offsets, global f32 *partials, i64 n, i64 probes,
                     i64 blocks, i64 chunk, i64 v_stride) {
    i64 chunks = n <= chunk ? 1 : (n + chunk - 1) / chunk, c = (i64)get_group_id(0);
    i64 begin = c * chunk, end = min(begin + chunk, n);
    float16 his[DOTS_PROBES], los[DOTS_PROBES];
    i64 l = 0; /* the first block that ends after `begin` */
    for (i64 beyond = blocks; l < beyond;) {
        i64 middle = (l + beyond) / 2;
        if (offsets[middle + 1] > begin) beyond = middle;
        else l = middle + 1;
    }
    for (; l < blocks && offsets[l] < end; l++) {
        i64 from = max(offsets[l], begin), to = min(offsets[l + 1], end);
        if (from >= to) continue;
        for (i64 first = 0; first < probes; first += DOTS_PROBES) {
            i64 last = min(first + DOTS_PROBES, probes);
            for (i32 k = 0; k < DOTS_PROBES; k++) his[k] = los[k] = (float16)(0.0f);
            for (i64 block = from; block < to; block += DOTS_BLOCK) {
                i64 stop = min(block + DOTS_BLOCK, to);
                for (i64 k = first; k < last; k++) {
                    const global f32 *us = u + k * n, *vs = v + k * v_stride;
                    float16 hi = his[k - first], lo = los[k - first];
                    SG_SUM_TERMS(block, stop, hi, lo, PRODUCT, PRODUCT_PART);
                    his[k - first] = hi;
                    los[k - first] = lo;
                }
            }
            for (i64 k = first; k < last; k++) {
                vstore2(sg_sum_lanes(his[k - first], los[k - first]), k * (chunks + blocks) + c + l, partials);
            }
        }
    }
}

kernel void dots_finish_f32(const global f32 *partials, const global i64 *offsets, global f32 *out, i64 n, i64 probes, i64 blocks,
                            i64 chunk) {
    i64 chunks = n <= chunk ? 1 : (n + chunk - 1) / chunk, rows = probes * blocks;
    for (i64 row = (i64)get_group_id(0); row < rows; row += (i64)get_num_groups(0)) {
        i64 k = row / blocks, l = row % blocks, from = max(offsets[l], (i64)0), to = min(offsets[l + 1], n);
        f32 hi = 0.0f, lo = 0.0f;
        for (i64 c = from / chunk; c * chunk < to && from < to; c++) {
            float2 sum = vload2(k * (chunks + blocks) + c + l, partials);
            SG_TWO_SUM(f32, hi, lo, sum.x);
            lo += sum.y;
        }
        out[row] = sg_sum_value(hi, lo);
    }
}
