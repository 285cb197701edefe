/* Four neighbouring elements per thread: 16-byte accesses where the address allows, single ones elsewhere and at the end. */
#ifndef SG_LIB_CUDA_WIDE_CUH
#define SG_LIB_CUDA_WIDE_CUH
#include "lib/cuda/cuda.cuh"
#include "lib/cuda/ptx.cuh"

SG_FN float4 operator+(float4 a, float4 b) { return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }
SG_FN float4 operator-(float4 a, float4 b) { return make_float4(a.x - b.x, a.y - b.y, a.z - b.z, a.w - b.w); }
SG_FN float4 operator*(float4 a, float4 b) { return make_float4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w); }
SG_FN float4 operator*(f32 a, float4 b) { return make_float4(a * b.x, a * b.y, a * b.z, a * b.w); }
SG_FN float4 sg_fma4(float4 a, float4 b, float4 c) {
    return make_float4(fmaf(a.x, b.x, c.x), fmaf(a.y, b.y, c.y), fmaf(a.z, b.z, c.z), fmaf(a.w, b.w, c.w));
}
SG_FN float4 sg_splat4(f32 a) { return make_float4(a, a, a, a); }
SG_FN f32 sg_sum4(float4 v) { return (v.x + v.y) + (v.z + v.w); }
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
template <bool WHOLE>
SG_FN void sg_store_round(f32 *p, i64 i, i64 n, bool wide, float4 v) {
    if (WHOLE) ptx_st_global_f32x4(p + i, v);
    else sg_store_up_to_4(p, i, n, wide, v);
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

#define SG_LOAD_INPUTS(v, from, i, n, wide, WHOLE) sg_load_inputs<WHOLE>(v, from, i, n, wide)

/* What STATEMENT and EXPRESSION below may say: SG_IN(a) is what was loaded from array a, SG_PUT(p, v) stores to the same four elements of p, and sg_i is the
   first of them. An output may be an input: all loads of a round precede its stores. No comma in them outside parentheses. */
#define SG_IN(a) sg_in[a]
#define SG_PUT(p, v) sg_store_round<sg_whole>(p, sg_i, sg_n, sg_wide, v);
#define SG_INPUTS_OF(from) (sizeof(from) / sizeof((from)[0]))

/* Two fours that are whole: from ONE and from TWO on. */
#define SG_WHOLE_ROUND(ONE, TWO, STATEMENT)                                  \
    {                                                                        \
        [[maybe_unused]] constexpr bool sg_whole = true;                     \
        float4 sg_one[SG_INPUTS_OF(sg_from)], sg_two[SG_INPUTS_OF(sg_from)]; \
        sg_load_inputs<true>(sg_one, sg_from, ONE, sg_n, true);              \
        sg_load_inputs<true>(sg_two, sg_from, TWO, sg_n, true);              \
        {                                                                    \
            [[maybe_unused]] const i64 sg_i = (ONE);                         \
            const float4 *sg_in = sg_one;                                    \
            STATEMENT                                                        \
        }                                                                    \
        {                                                                    \
            [[maybe_unused]] const i64 sg_i = (TWO);                         \
            const float4 *sg_in = sg_two;                                    \
            STATEMENT                                                        \
        }                                                                    \
    }
/* One four, of which elements from sg_n on are not there: 0 where loaded. */
#define SG_PART_ROUND(ONE, STATEMENT)                               \
    {                                                               \
        [[maybe_unused]] constexpr bool sg_whole = false;           \
        [[maybe_unused]] const i64 sg_i = (ONE);                    \
        float4 sg_in[SG_INPUTS_OF(sg_from)];                        \
        sg_load_inputs<false>(sg_in, sg_from, sg_i, sg_n, sg_wide); \
        STATEMENT                                                   \
    }

/* Runs STATEMENT for every four of n elements, by all threads along x of the grid, two per thread and round. `from` is the array of the inputs, each f32 [n];
   `wide`: outputs that are no inputs are 16-byte aligned. */
#define SG_EACH_FOUR(from, n, wide, STATEMENT)                                                                                        \
    {                                                                                                                                 \
        const auto &sg_from = (from);                                                                                                 \
        const bool sg_wide = (wide) && sg_all_aligned16(sg_from);                                                                     \
        const i64 sg_n = (n), sg_step = 4 * (i64)gridDim.x * blockDim.x;                                                              \
        for (i64 sg_first = 4 * ((i64)blockIdx.x * blockDim.x + threadIdx.x); sg_first < sg_n; sg_first += 2 * sg_step) {             \
            if (sg_wide && sg_first + sg_step + 4 <= sg_n) SG_WHOLE_ROUND(sg_first, sg_first + sg_step, STATEMENT)                    \
            else {                                                                                                                    \
                _Pragma("unroll 1") for (i64 sg_next = sg_first; sg_next < sg_n && sg_next <= sg_first + sg_step; sg_next += sg_step) \
                    SG_PART_ROUND(sg_next, STATEMENT)                                                                                 \
            }                                                                                                                         \
        }                                                                                                                             \
    }

/* to = EXPRESSION, element by element. */
#define SG_MAP(to, from, n, EXPRESSION) SG_EACH_FOUR(from, n, sg_aligned16(to), SG_PUT(to, EXPRESSION))

#endif
