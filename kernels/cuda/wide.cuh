/* Four neighbouring elements per thread: 16-byte accesses where the address allows, single ones elsewhere and at the end. */
#ifndef SG_WIDE_CUH
#define SG_WIDE_CUH
#include "cuda/cuda.cuh"
#include "cuda/ptx.cuh"

SG_FN float4 operator+(float4 a, float4 b) { return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }
SG_FN float4 operator*(float4 a, float4 b) { return make_float4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w); }
SG_FN float4 operator*(f32 a, float4 b) { return make_float4(a * b.x, a * b.y, a * b.z, a * b.w); }
SG_FN float4 sg_fma4(float4 a, float4 b, float4 c) {
    return make_float4(fmaf(a.x, b.x, c.x), fmaf(a.y, b.y, c.y), fmaf(a.z, b.z, c.z), fmaf(a.w, b.w, c.w));
}
SG_FN float4 sg_splat4(f32 a) { return make_float4(a, a, a, a); }
#define SG_EACH4(f, v) make_float4(f((v).x), f((v).y), f((v).z), f((v).w))

/* Elements i .. i + 3 of p in global memory, `rest` from n on. `wide`: p + i is 16-byte aligned. A load may move across stores, as ptx.cuh says. */
SG_FN float4 sg_load_up_to_4(const f32 *p, i64 i, i64 n, bool wide, f32 rest) {
    if (wide && i + 4 <= n) return ptx_ld_global_f32x4(p + i);
    float4 v = sg_splat4(rest);
    if (i < n) v.x = p[i];
    if (i + 1 < n) v.y = p[i + 1];
    if (i + 2 < n) v.z = p[i + 2];
    if (i + 3 < n) v.w = p[i + 3];
    return v;
}
SG_FN void sg_store_up_to_4(f32 *p, i64 i, i64 n, bool wide, float4 v) {
    if (wide && i + 4 <= n) {
        ptx_st_global_f32x4(p + i, v);
        return;
    }
    if (i < n) p[i] = v.x;
    if (i + 1 < n) p[i + 1] = v.y;
    if (i + 2 < n) p[i + 2] = v.z;
    if (i + 3 < n) p[i + 3] = v.w;
}

/* A branch round each access would keep the accesses of a thread apart: the first would be waited for before the second is issued. So rounds of several are
   written twice: whole, with all loads first, and one by one. */
template <bool WHOLE>
SG_FN float4 sg_load_round(const f32 *p, i64 i, i64 n, bool wide) {
    return WHOLE ? ptx_ld_global_f32x4(p + i) : sg_load_up_to_4(p, i, n, wide, 0.0f);
}
template <i32 INPUTS>
SG_FN bool sg_all_aligned16(const f32 *const (&from)[INPUTS]) {
    bool all = true;
#pragma unroll
    for (i32 a = 0; a < INPUTS; a++) all = all && sg_aligned16(from[a]);
    return all;
}
template <bool WHOLE, i32 INPUTS>
SG_FN void sg_load_inputs(float4 (&v)[INPUTS], const f32 *const (&from)[INPUTS], i64 i, i64 n, bool wide) {
#pragma unroll
    for (i32 a = 0; a < INPUTS; a++) v[a] = sg_load_round<WHOLE>(from[a], i, n, wide);
}

/* A round of two: elements ONE .. ONE + 3 and TWO .. TWO + 3 of `to` from the same elements of the arrays sg_from. In EXPRESSION, SG_IN(a) is what was loaded
   from array a. `to` may be one of them. */
#define SG_IN(a) sg_in[a]
#define SG_INPUTS_OF(sg_from) (sizeof(sg_from) / sizeof((sg_from)[0]))
#define SG_WHOLE_ROUND(to, ONE, TWO, EXPRESSION)                                       \
    float4 sg_one[SG_INPUTS_OF(sg_from)], sg_two[SG_INPUTS_OF(sg_from)], *sg_in = sg_one; \
    sg_load_inputs<true>(sg_one, sg_from, ONE, 0, true);                               \
    sg_load_inputs<true>(sg_two, sg_from, TWO, 0, true);                               \
    float4 sg_v = EXPRESSION;                                                          \
    sg_in = sg_two;                                                                    \
    float4 sg_w = EXPRESSION;                                                          \
    ptx_st_global_f32x4((to) + (ONE), sg_v);                                           \
    ptx_st_global_f32x4((to) + (TWO), sg_w);

/* to[i] .. to[i + 3] = EXPRESSION for all i < n, by all threads of a one-dimensional grid; the inputs are f32 [n]. */
#define SG_MAP(to, n, EXPRESSION, ...)                                                                                    \
    {                                                                                                                     \
        const f32 *const sg_from[] = {__VA_ARGS__};                                                                       \
        const bool sg_wide = sg_aligned16(to) && sg_all_aligned16(sg_from);                                               \
        const i64 sg_n = (n), sg_step = 4 * (i64)gridDim.x * blockDim.x;                                                  \
        for (i64 sg_i = 4 * ((i64)blockIdx.x * blockDim.x + threadIdx.x); sg_i < sg_n; sg_i += 2 * sg_step) {             \
            if (sg_wide && sg_i + sg_step + 4 <= sg_n) {                                                                  \
                SG_WHOLE_ROUND(to, sg_i, sg_i + sg_step, EXPRESSION)                                                      \
            } else {                                                                                                      \
                _Pragma("unroll 1") for (i64 sg_j = sg_i; sg_j < sg_n && sg_j <= sg_i + sg_step; sg_j += sg_step) {       \
                    float4 sg_in[SG_INPUTS_OF(sg_from)];                                                                  \
                    sg_load_inputs<false>(sg_in, sg_from, sg_j, sg_n, sg_wide);                                           \
                    sg_store_up_to_4(to, sg_j, sg_n, sg_wide, EXPRESSION);                                                \
                }                                                                                                         \
            }                                                                                                             \
        }                                                                                                                 \
    }

#endif
