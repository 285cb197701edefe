/* Four neighbouring elements per work-item: 16-byte accesses where the address allows, single ones elsewhere and at the end. */
#ifndef SG_LIB_OPENCL_WIDE_H
#define SG_LIB_OPENCL_WIDE_H
#include "lib/dialect.h"

#define SG_EACH4(f, v) (float4)(f((v).x), f((v).y), f((v).z), f((v).w))

SG_FN bool sg_aligned16(const global void *p) { return ((u64)p & 15) == 0; }

/* Elements i .. i + 3 of p, `rest` from n on. `wide`: p + i is 16-byte aligned. */
SG_FN float4 sg_load_up_to_4(const global f32 *p, i64 i, i64 n, bool wide, f32 rest) {
    if (wide && i + 4 <= n) return *(const global float4 *)(p + i);
    float4 v = (float4)(rest);
    if (i < n) v.x = p[i];
    if (i + 1 < n) v.y = p[i + 1];
    if (i + 2 < n) v.z = p[i + 2];
    if (i + 3 < n) v.w = p[i + 3];
    return v;
}
SG_FN void sg_store_up_to_4(global f32 *p, i64 i, i64 n, bool wide, float4 v) {
    if (wide && i + 4 <= n) {
        *(global float4 *)(p + i) = v;
        return;
    }
    if (i < n) p[i] = v.x;
    if (i + 1 < n) p[i + 1] = v.y;
    if (i + 2 < n) p[i + 2] = v.z;
    if (i + 3 < n) p[i + 3] = v.w;
}

#define SG_INPUTS_OF(from) (sizeof(from) / sizeof((from)[0]))
#define sg_all_aligned16(from) sg_aligned16_of(from, SG_INPUTS_OF(from))
SG_FN bool sg_aligned16_of(const global f32 *const *from, u32 inputs) {
    bool all = true;
    for (u32 a = 0; a < inputs; a++) all = all && sg_aligned16(from[a]);
    return all;
}
/* One four of every input; WHOLE is CUDA's. */
#define SG_LOAD_INPUTS(v, from, i, n, wide, WHOLE) \
    for (u32 sg_a = 0; sg_a < SG_INPUTS_OF(from); sg_a++) (v)[sg_a] = sg_load_up_to_4((from)[sg_a], i, n, wide, 0.0f)

/* What STATEMENT and EXPRESSION below may say: SG_IN(a) is what was loaded from array a, SG_PUT(p, v) stores to the same four elements of p, and sg_i is the
   first of them. An output may be an input: all loads of a round precede its stores. No comma in them outside parentheses. */
#define SG_IN(a) sg_in[a]
#define SG_PUT(p, v) sg_store_up_to_4(p, sg_i, sg_n, sg_wide, v);
#define sg_fma4(a, b, c) fma(a, b, c)
SG_FN float4 sg_splat4(f32 a) { return (float4)(a); }
SG_FN f32 sg_sum4(float4 v) { return (v.x + v.y) + (v.z + v.w); }

/* Runs STATEMENT for every four of n elements, by all work-items along x of the grid, two per work-item and round. `from` is the array of the inputs, each
   f32 [n]; `wide`: outputs that are no inputs are 16-byte aligned. */
#define SG_EACH_FOUR(from, n, wide, STATEMENT)                                                     \
    {                                                                                              \
        bool sg_wide = (wide) && sg_all_aligned16(from);                                           \
        i64 sg_n = (n), sg_step = 4 * (i64)get_global_size(0);                                     \
        for (i64 sg_first = 4 * (i64)get_global_id(0); sg_first < sg_n; sg_first += 2 * sg_step) { \
            float4 sg_both[2][SG_INPUTS_OF(from)];                                                 \
            SG_LOAD_INPUTS(sg_both[0], from, sg_first, sg_n, sg_wide, false);                      \
            SG_LOAD_INPUTS(sg_both[1], from, sg_first + sg_step, sg_n, sg_wide, false);            \
            for (u32 sg_u = 0; sg_u < 2; sg_u++) {                                                 \
                i64 sg_i = sg_first + sg_u * sg_step;                                              \
                const float4 *sg_in = sg_both[sg_u];                                               \
                if (sg_i < sg_n) {                                                                 \
                    STATEMENT                                                                      \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

/* to = EXPRESSION, element by element. */
#define SG_MAP(to, from, n, EXPRESSION) SG_EACH_FOUR(from, n, sg_aligned16(to), SG_PUT(to, EXPRESSION))

#endif
