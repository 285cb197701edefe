/* Elementwise functions in the five modes of an op. For y = s(x), K probes, n elements, t = tangent, d = cotangent:

     NAME_forward_f32           y[i]       = s(x[i])
     NAME_backward_f32          dx[i]      = dy[i] s'(x[i])
     NAME_tangent_f32           yt[k n+i]  = s'(x[i]) xt[k n+i]
     NAME_tangent_backward_f32  dxt[k n+i] = dyt[k n+i] s'(x[i]) + dy[i] s''(x[i]) xt[k n+i]
     NAME_curvature_f32         partials[k, c] = (hi, lo), hi + lo = sum of dy[i] s''(x[i]) xt[k n+i]^2 over chunk c; sum_finish_f32 of reduce adds these

   x, y, dy, dx: [n]; xt, yt, dyt, dxt: [K, n], row-major. partials: [K, C, 2], C = ceil(n / chunk). An output may be the memory of an input of its shape.
   Work-group: 256; four elements per access. Forward and backward: two accesses per work-item. Tangents: a work-item keeps the derivatives of its
   four elements and takes probes y, y + grid y, ... Curvature: work-group c + C g sums chunk c for POINTWISE_PROBES probes from g POINTWISE_PROBES on.
   Bytes per element: forward 8, backward 12, tangent 8 + 4/K, tangent_backward 12 + 8/K, curvature 4 + 8/K (x and dy of later probes come from L2).
   Flops per element: forward 1 (relu) to about 35 (gelu), tangent_backward about 50. Source: the chain rule, differentiated once. */
#include "lib/dialect.h"
#include "lib/functions.h"
#include "lib/opencl/sums.h"

#ifndef POINTWISE_PROBES
#define POINTWISE_PROBES 4 /* probes whose curvature one work-group sums: they share s'' */
#endif

#define FIRST_ELEMENT (4 * (i64)get_global_id(0))
#define ELEMENT_STEP (4 * (i64)get_global_size(0))

#define POINTWISE(CODE, NAME) \
    kernel void NAME##_forward_f32(const global f32 *x, global f32 *y, i64 n) { \
        bool wide = sg_aligned16(x) && sg_aligned16(y); \
        for (i64 i = FIRST_ELEMENT, step = ELEMENT_STEP; i < n; i += 2 * step) { \
            float4 v = sg_load_up_to_4(x, i, n, wide, 0.0f), w = sg_load_up_to_4(x, i + step, n, wide, 0.0f); \
            sg_store_up_to_4(y, i, n, wide, SG_EACH4(NAME##_f, v)); \
            sg_store_up_to_4(y, i + step, n, wide, SG_EACH4(NAME##_f, w)); \
        } \
    } \
    kernel void NAME##_backward_f32(const global f32 *x, const global f32 *dy, global f32 *dx, i64 n) { \
        bool wide = sg_aligned16(x) && sg_aligned16(dy) && sg_aligned16(dx); \
        for (i64 i = FIRST_ELEMENT, step = ELEMENT_STEP; i < n; i += 2 * step) { \
            float4 v = sg_load_up_to_4(x, i, n, wide, 0.0f), w = sg_load_up_to_4(x, i + step, n, wide, 0.0f); \
            float4 p = sg_load_up_to_4(dy, i, n, wide, 0.0f), q = sg_load_up_to_4(dy, i + step, n, wide, 0.0f); \
            sg_store_up_to_4(dx, i, n, wide, p * SG_EACH4(NAME##_d1, v)); \
            sg_store_up_to_4(dx, i + step, n, wide, q * SG_EACH4(NAME##_d1, w)); \
        } \
    } \
    kernel void NAME##_tangent_f32(const global f32 *x, const global f32 *xt, global f32 *yt, i64 n, i64 probes) { \
        bool wide = sg_aligned16(x) && sg_aligned16(xt) && sg_aligned16(yt) && (n % 4 == 0 || probes == 1); \
        for (i64 i = FIRST_ELEMENT; i < n; i += ELEMENT_STEP) { \
            float4 v = sg_load_up_to_4(x, i, n, wide, 0.0f), d1 = SG_EACH4(NAME##_d1, v); \
            for (i64 k = (i64)get_group_id(1); k < probes; k += 2 * (i64)get_num_groups(1)) { \
                i64 next = k + (i64)get_num_groups(1), limit = next < probes ? n : 0; \
                float4 p = sg_load_up_to_4(xt + k * n, i, n, wide, 0.0f), q = sg_load_up_to_4(xt + next * n, i, limit, wide, 0.0f); \
                sg_store_up_to_4(yt + k * n, i, n, wide, p * d1); \
                sg_store_up_to_4(yt + next * n, i, limit, wide, q * d1); \
            } \
        } \
    } \
    kernel void NAME##_tangent_backward_f32(const global f32 *x, const global f32 *xt, const global f32 *dy, \
                                            const global f32 *dyt, global f32 *dxt, i64 n, i64 probes) { \
        bool wide = sg_aligned16(x) && sg_aligned16(xt) && sg_aligned16(dy) && sg_aligned16(dyt) && sg_aligned16(dxt) && \
                    (n % 4 == 0 || probes == 1); \
        for (i64 i = FIRST_ELEMENT; i < n; i += ELEMENT_STEP) { \
            float4 v = sg_load_up_to_4(x, i, n, wide, 0.0f), d1 = SG_EACH4(NAME##_d1, v); \
            float4 dyd2 = sg_load_up_to_4(dy, i, n, wide, 0.0f) * SG_EACH4(NAME##_d2, v); \
            for (i64 k = (i64)get_group_id(1); k < probes; k += 2 * (i64)get_num_groups(1)) { \
                i64 next = k + (i64)get_num_groups(1), limit = next < probes ? n : 0; \
                float4 p = sg_load_up_to_4(xt + k * n, i, n, wide, 0.0f), q = sg_load_up_to_4(xt + next * n, i, limit, wide, 0.0f); \
                float4 r = sg_load_up_to_4(dyt + k * n, i, n, wide, 0.0f), s = sg_load_up_to_4(dyt + next * n, i, limit, wide, 0.0f); \
                sg_store_up_to_4(dxt + k * n, i, n, wide, fma(r, d1, p * dyd2)); \
                sg_store_up_to_4(dxt + next * n, i, limit, wide, fma(s, d1, q * dyd2)); \
            } \
        } \
    } \
    kernel void NAME##_curvature_f32(const global f32 *x, const global f32 *xt, const global f32 *dy, \
                                            global f32 *partials, i64 n, i64 probes, i64 chunk) { \
        bool wide = sg_aligned16(x) && sg_aligned16(xt) && sg_aligned16(dy) && (n % 4 == 0 || probes == 1); \
        i64 chunks = n <= chunk ? 1 : (n + chunk - 1) / chunk, c = (i64)get_group_id(0) % chunks, first = (i64)get_group_id(0) / chunks * POINTWISE_PROBES; \
        i64 begin = c * chunk, end = begin + chunk < n ? begin + chunk : n; \
        local f32 his[SG_SUM_THREADS], los[SG_SUM_THREADS]; \
        f32 hi[POINTWISE_PROBES], lo[POINTWISE_PROBES]; \
        for (i32 k = 0; k < POINTWISE_PROBES; k++) hi[k] = lo[k] = 0.0f; \
        for (i64 i = begin + 4 * (i64)get_local_id(0); i < end; i += 4 * (i64)get_local_size(0)) { \
            float4 v = sg_load_up_to_4(x, i, end, wide, 0.0f); \
            float4 dyd2 = sg_load_up_to_4(dy, i, end, wide, 0.0f) * SG_EACH4(NAME##_d2, v); \
            for (i32 k = 0; k < POINTWISE_PROBES; k++) { \
                float4 t = sg_load_up_to_4(xt + (first + k) * n, i, first + k < probes ? end : 0, wide, 0.0f); \
                t = t * t * dyd2; \
                SG_TWO_SUM(f32, hi[k], lo[k], (t.x + t.y) + (t.z + t.w)); \
            } \
        } \
        for (i32 k = 0; k < POINTWISE_PROBES; k++) { \
            float2 sum = sg_row_sum(hi[k], lo[k], his, los); \
            if ((i64)get_local_id(0) == 0 && first + k < probes) { \
                partials[2 * ((first + k) * chunks + c)] = sum.x; \
                partials[2 * ((first + k) * chunks + c) + 1] = sum.y; \
            } \
        } \
    }

SG_ALL_FUNCTIONS(POINTWISE)
