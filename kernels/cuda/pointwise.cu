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
   Flops per element: forward 1 (relu) to about 35 (gelu), tangent_backward about 50. Source: the chain rule, differentiated once. */
#include "common/dialect.h"
#include "common/functions.h"
#include "cuda/sums.cuh"

#ifndef POINTWISE_PROBES
#define POINTWISE_PROBES 4 /* probes whose curvature one block sums: they share s'' */
#endif

#define FIRST_ELEMENT (4 * ((i64)blockIdx.x * blockDim.x + threadIdx.x))
#define ELEMENT_STEP (4 * (i64)gridDim.x * blockDim.x)

#define POINTWISE(NAME) \
    extern "C" __global__ void __launch_bounds__(256) NAME##_forward_f32(const f32 *x, f32 *y, i64 n) { \
        bool wide = sg_aligned16(x) && sg_aligned16(y); \
        for (i64 i = FIRST_ELEMENT, step = ELEMENT_STEP; i < n; i += 2 * step) { \
            float4 v = sg_load_up_to_4(x, i, n, wide, 0.0f), w = sg_load_up_to_4(x, i + step, n, wide, 0.0f); \
            sg_store_up_to_4(y, i, n, wide, SG_EACH4(NAME##_f, v)); \
            sg_store_up_to_4(y, i + step, n, wide, SG_EACH4(NAME##_f, w)); \
        } \
    } \
    extern "C" __global__ void __launch_bounds__(256) NAME##_backward_f32(const f32 *x, const f32 *dy, f32 *dx, i64 n) { \
        bool wide = sg_aligned16(x) && sg_aligned16(dy) && sg_aligned16(dx); \
        for (i64 i = FIRST_ELEMENT, step = ELEMENT_STEP; i < n; i += 2 * step) { \
            float4 v = sg_load_up_to_4(x, i, n, wide, 0.0f), w = sg_load_up_to_4(x, i + step, n, wide, 0.0f); \
            float4 p = sg_load_up_to_4(dy, i, n, wide, 0.0f), q = sg_load_up_to_4(dy, i + step, n, wide, 0.0f); \
            sg_store_up_to_4(dx, i, n, wide, p * SG_EACH4(NAME##_d1, v)); \
            sg_store_up_to_4(dx, i + step, n, wide, q * SG_EACH4(NAME##_d1, w)); \
        } \
    } \
    extern "C" __global__ void __launch_bounds__(256) NAME##_tangent_f32(const f32 *x, const f32 *xt, f32 *yt, i64 n, i64 probes) { \
        bool wide = sg_aligned16(x) && sg_aligned16(xt) && sg_aligned16(yt) && (n % 4 == 0 || probes == 1); \
        for (i64 i = FIRST_ELEMENT; i < n; i += ELEMENT_STEP) { \
            float4 v = sg_load_up_to_4(x, i, n, wide, 0.0f), d1 = SG_EACH4(NAME##_d1, v); \
            for (i64 k = blockIdx.y; k < probes; k += 2 * gridDim.y) { \
                i64 next = k + gridDim.y, limit = next < probes ? n : 0; \
                float4 p = sg_load_up_to_4(xt + k * n, i, n, wide, 0.0f), q = sg_load_up_to_4(xt + next * n, i, limit, wide, 0.0f); \
                sg_store_up_to_4(yt + k * n, i, n, wide, p * d1); \
                sg_store_up_to_4(yt + next * n, i, limit, wide, q * d1); \
            } \
        } \
    } \
    extern "C" __global__ void __launch_bounds__(256) NAME##_tangent_backward_f32(const f32 *x, const f32 *xt, const f32 *dy, \
                                            const f32 *dyt, f32 *dxt, i64 n, i64 probes) { \
        bool wide = sg_aligned16(x) && sg_aligned16(xt) && sg_aligned16(dy) && sg_aligned16(dyt) && sg_aligned16(dxt) && \
                    (n % 4 == 0 || probes == 1); \
        for (i64 i = FIRST_ELEMENT; i < n; i += ELEMENT_STEP) { \
            float4 v = sg_load_up_to_4(x, i, n, wide, 0.0f), d1 = SG_EACH4(NAME##_d1, v); \
            float4 dyd2 = sg_load_up_to_4(dy, i, n, wide, 0.0f) * SG_EACH4(NAME##_d2, v); \
            for (i64 k = blockIdx.y; k < probes; k += 2 * gridDim.y) { \
                i64 next = k + gridDim.y, limit = next < probes ? n : 0; \
                float4 p = sg_load_up_to_4(xt + k * n, i, n, wide, 0.0f), q = sg_load_up_to_4(xt + next * n, i, limit, wide, 0.0f); \
                float4 r = sg_load_up_to_4(dyt + k * n, i, n, wide, 0.0f), s = sg_load_up_to_4(dyt + next * n, i, limit, wide, 0.0f); \
                sg_store_up_to_4(dxt + k * n, i, n, wide, sg_fma4(r, d1, p * dyd2)); \
                sg_store_up_to_4(dxt + next * n, i, limit, wide, sg_fma4(s, d1, q * dyd2)); \
            } \
        } \
    } \
    extern "C" __global__ void __launch_bounds__(256) NAME##_curvature_f32(const f32 *x, const f32 *xt, const f32 *dy, \
                                            f32 *partials, i64 n, i64 probes, i64 chunk) { \
        bool wide = sg_aligned16(x) && sg_aligned16(xt) && sg_aligned16(dy) && (n % 4 == 0 || probes == 1); \
        i64 chunks = n <= chunk ? 1 : (n + chunk - 1) / chunk, c = blockIdx.x % chunks, first = blockIdx.x / chunks * POINTWISE_PROBES; \
        i64 begin = c * chunk, end = begin + chunk < n ? begin + chunk : n; \
        f32 hi[POINTWISE_PROBES], lo[POINTWISE_PROBES]; \
        _Pragma("unroll") for (i32 k = 0; k < POINTWISE_PROBES; k++) hi[k] = lo[k] = 0.0f; \
        for (i64 i = begin + 4 * threadIdx.x; i < end; i += 4 * blockDim.x) { \
            float4 v = sg_load_up_to_4(x, i, end, wide, 0.0f); \
            float4 dyd2 = sg_load_up_to_4(dy, i, end, wide, 0.0f) * SG_EACH4(NAME##_d2, v); \
            _Pragma("unroll") for (i32 k = 0; k < POINTWISE_PROBES; k++) { \
                float4 t = sg_load_up_to_4(xt + (first + k) * n, i, first + k < probes ? end : 0, wide, 0.0f); \
                t = t * t * dyd2; \
                SG_TWO_SUM(f32, hi[k], lo[k], (t.x + t.y) + (t.z + t.w)); \
            } \
        } \
        _Pragma("unroll") for (i32 k = 0; k < POINTWISE_PROBES; k++) { \
            float2 sum = sg_row_sum(hi[k], lo[k]); \
            if (threadIdx.x == 0 && first + k < probes) { \
                partials[2 * ((first + k) * chunks + c)] = sum.x; \
                partials[2 * ((first + k) * chunks + c) + 1] = sum.y; \
            } \
        } \
    }

POINTWISE(relu)
POINTWISE(gelu)
POINTWISE(gelu_tanh)
POINTWISE(silu)
POINTWISE(tanh)
POINTWISE(sigmoid)
