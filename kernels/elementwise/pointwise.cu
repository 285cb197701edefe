/* Elementwise functions in the five modes of an op. For y = s(x), K probes, n elements, t = tangent, d = cotangent:

     NAME_forward_f32           y[i]       = s(x[i])
     NAME_backward_f32          dx[i]      = dy[i] s'(x[i])
     NAME_tangent_f32           yt[k n+i]  = s'(x[i]) xt[k n+i]
     NAME_tangent_backward_f32  dxt[k n+i] = dyt[k n+i] s'(x[i]) + dy[i] s''(x[i]) xt[k n+i]
     NAME_curvature_f32         partials[k, c] = (hi, lo), hi + lo = sum of dy[i] s''(x[i]) xt[k n+i]^2 over chunk c; sum_finish_f32 of reduce adds these

   x, y, dy, dx: [n]; xt, yt, dyt, dxt: [K, n], row-major. partials: [K, C, 2], C = ceil(n / chunk). An output may be the memory of an input of its shape.
   Block: 256; four elements per access. Forward and backward: two accesses per thread. Tangents: a thread keeps the derivatives of its
   four elements and takes probes y, y + grid y, ... Curvature: block c + C g sums chunk c for POINTWISE_PROBES probes from g POINTWISE_PROBES on.
   Bytes per element: forward 8, backward 12, tangent 8 + 4/K, tangent_backward 12 + 8/K, curvature 4 + 8/K (x and dy of later probes come from L2).
   Flops per element: forward 1 (relu) to about 35 (gelu), tangent_backward about 50. Source: the chain rule, differentiated once.
   WIDE *_forward_f32: 3 loads, 3 stores
   WIDE *_backward_f32: 6 loads, 3 stores
   WIDE *_tangent_f32: 4 loads, 3 stores
   WIDE *_tangent_backward_f32: 8 loads, 3 stores
   WIDE *_curvature_f32: 12 loads, 0 stores
   DIALECT: rounds of two probes, and of all probes of a curvature, are compiled twice by a template parameter (wide.cuh): whole, with all 16-byte loads
   before the first function, and by parts. OpenCL has no templates: there a round asks for its limits at each load. */
#include "lib/dialect.h"
#include "lib/functions.h"
#include "lib/cuda/sums.cuh"

#ifndef POINTWISE_PROBES
#define POINTWISE_PROBES 4 /* probes whose curvature one block sums: they share s'' */
#endif

#define FIRST_ELEMENT (4 * ((i64)blockIdx.x * blockDim.x + threadIdx.x))
#define ELEMENT_STEP (4 * (i64)gridDim.x * blockDim.x)

/* Elements i .. i + 3 of to[k, :] = EXPRESSION (see wide.cuh) for this thread's probes k, two per round; the inputs are f32 [K, n]. */
#define EACH_PROBE(to, EXPRESSION, ...) \
    { \
        const f32 *const sg_from[] = {__VA_ARGS__}; \
        const bool sg_wide = wide; \
        for (i64 k = blockIdx.y, step = gridDim.y; k < probes; k += 2 * step) { \
            if (wide && i + 4 <= n && k + step < probes) { \
                const i64 sg_n = probes * n; \
                SG_WHOLE_ROUND(k * n + i, (k + step) * n + i, SG_PUT(to, EXPRESSION)) \
            } else { \
                _Pragma("unroll 1") for (i64 j = k; j < probes && j <= k + step; j += step) { \
                    const i64 sg_n = (j + 1) * n; \
                    SG_PART_ROUND(j * n + i, SG_PUT(to, EXPRESSION)) \
                } \
            } \
        } \
    }

/* Adds to (hi[k], lo[k]) the curvature of elements i .. i + 3 under POINTWISE_PROBES probes from `first` on; END(k): where probe k's elements end. */
#define ADD_CURVATURE(NAME, END) \
    { \
        float4 v = sg_load_round<whole>(x, i, end, wide), d = sg_load_round<whole>(dy, i, end, wide), t[POINTWISE_PROBES]; \
        _Pragma("unroll") for (i32 k = 0; k < POINTWISE_PROBES; k++) t[k] = sg_load_round<whole>(xt + (first + k) * n, i, END, wide); \
        d = d * SG_EACH4(NAME##_d2, v); \
        _Pragma("unroll") for (i32 k = 0; k < POINTWISE_PROBES; k++) { \
            float4 c = t[k] * t[k] * d; \
            SG_TWO_SUM(f32, hi[k], lo[k], (c.x + c.y) + (c.z + c.w)); \
        } \
    }

#define POINTWISE(CODE, NAME) \
    SG_FN float4 NAME##_f_of4(float4 v) { return SG_EACH4(NAME##_f, v); } \
    SG_FN float4 NAME##_d1_of4(float4 v) { return SG_EACH4(NAME##_d1, v); } \
    extern "C" __global__ void __launch_bounds__(256) NAME##_forward_f32(const f32 *x, f32 *y, i64 n) { \
        const f32 *const in[] = {x}; \
        SG_MAP(y, in, n, NAME##_f_of4(SG_IN(0))) \
    } \
    extern "C" __global__ void __launch_bounds__(256) NAME##_backward_f32(const f32 *x, const f32 *dy, f32 *dx, i64 n) { \
        const f32 *const in[] = {x, dy}; \
        SG_MAP(dx, in, n, SG_IN(1) * NAME##_d1_of4(SG_IN(0))) \
    } \
    extern "C" __global__ void __launch_bounds__(256) NAME##_tangent_f32(const f32 *x, const f32 *xt, f32 *yt, i64 n, i64 probes) { \
        bool wide = sg_aligned16(x) && sg_aligned16(xt) && sg_aligned16(yt) && (n % 4 == 0 || probes == 1); \
        for (i64 i = FIRST_ELEMENT; i < n; i += ELEMENT_STEP) { \
            float4 d1 = NAME##_d1_of4(sg_load_up_to_4(x, i, n, wide, 0.0f)); \
            EACH_PROBE(yt, SG_IN(0) * d1, xt) \
        } \
    } \
    extern "C" __global__ void __launch_bounds__(256) NAME##_tangent_backward_f32(const f32 *x, const f32 *xt, const f32 *dy, \
                                            const f32 *dyt, f32 *dxt, i64 n, i64 probes) { \
        bool wide = sg_aligned16(x) && sg_aligned16(xt) && sg_aligned16(dy) && sg_aligned16(dyt) && sg_aligned16(dxt) && \
                    (n % 4 == 0 || probes == 1); \
        for (i64 i = FIRST_ELEMENT; i < n; i += ELEMENT_STEP) { \
            float4 v = sg_load_up_to_4(x, i, n, wide, 0.0f), d1 = NAME##_d1_of4(v); \
            float4 dyd2 = sg_load_up_to_4(dy, i, n, wide, 0.0f) * SG_EACH4(NAME##_d2, v); \
            EACH_PROBE(dxt, sg_fma4(SG_IN(1), d1, SG_IN(0) * dyd2), xt, dyt) \
        } \
    } \
    extern "C" __global__ void __launch_bounds__(256) NAME##_curvature_f32(const f32 *x, const f32 *xt, const f32 *dy, \
                                            f32 *partials, i64 n, i64 probes, i64 chunk) { \
        __shared__ f32 his[SG_SUM_THREADS], los[SG_SUM_THREADS]; \
        bool wide = sg_aligned16(x) && sg_aligned16(xt) && sg_aligned16(dy) && (n % 4 == 0 || probes == 1); \
        i64 chunks = n <= chunk ? 1 : (n + chunk - 1) / chunk, c = blockIdx.x % chunks, first = blockIdx.x / chunks * POINTWISE_PROBES; \
        i64 begin = c * chunk, end = begin + chunk < n ? begin + chunk : n; \
        bool full = wide && first + POINTWISE_PROBES <= probes; \
        f32 hi[POINTWISE_PROBES], lo[POINTWISE_PROBES]; \
        _Pragma("unroll") for (i32 k = 0; k < POINTWISE_PROBES; k++) hi[k] = lo[k] = 0.0f; \
        for (i64 i = begin + 4 * threadIdx.x; i < end; i += 4 * blockDim.x) { \
            if (full && i + 4 <= end) { \
                constexpr bool whole = true; \
                ADD_CURVATURE(NAME, end) \
            } else { \
                constexpr bool whole = false; \
                ADD_CURVATURE(NAME, first + k < probes ? end : 0) \
            } \
        } \
        _Pragma("unroll") for (i32 k = 0; k < POINTWISE_PROBES; k++) { \
            float2 sum = sg_row_sum(hi[k], lo[k], his, los); \
            if (threadIdx.x == 0 && first + k < probes) { \
                partials[2 * ((first + k) * chunks + c)] = sum.x; \
                partials[2 * ((first + k) * chunks + c) + 1] = sum.y; \
            } \
        } \
    }

SG_ALL_FUNCTIONS(POINTWISE)
