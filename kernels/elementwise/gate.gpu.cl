/* A product of two values, the first under a function, in the five modes of an op: y = s(a) b, s the identity for a plain product, silu for SwiGLU. K probes:

     NAME_gate_forward_f32           y = s(a) b
     NAME_gate_backward_f32          da[k] = dy[k] s'(a) b,  db[k] = dy[k] s(a)
     NAME_gate_tangent_f32           yt[k] = s'(a) b at[k] + s(a) bt[k]
     NAME_gate_tangent_backward_f32  dat[k] = dyt[k] s'(a) b + dy (s''(a) b at[k] + s'(a) bt[k]),  dbt[k] = dyt[k] s(a) + dy s'(a) at[k]
     NAME_gate_curvature_f32         partials[k, c] = (hi, lo), hi + lo = sum of dy (s''(a) b at[k]^2 + 2 s'(a) at[k] bt[k]) over chunk c; sum_finish_f32 adds these

   a, b, y, dy of tangent_backward and curvature: [n]; what has k: [K, n], row-major; partials: [K, C, 2], C = ceil(n / chunk). Null: at or bt where it is zero;
   da, db, dat, dbt where it is not wanted, and then what only it needs of a and b of an identity. An output may be the memory of an input of its shape.
   Work-group: 256; four elements per access; a work-item keeps the functions of its four elements and takes probes y, y + grid y, ... Curvature: work-group
   c + C g sums chunk c for GATE_PROBES probes from g GATE_PROBES on.
   Bytes per element: forward 12, backward 8/K + 12, tangent 8/K + 12, tangent_backward 12/K + 20, curvature 12/K + 8. Flops per element: 2 to about 60 (gelu).
   Source: the product rule, differentiated once; Shazeer, GLU Variants Improve Transformer (2020). */
#include "lib/gpu_sums.h"
#include "lib/gpu_wide.h"
#include "lib/functions.h"

#ifndef GATE_PROBES
#define GATE_PROBES 4 /* probes whose curvature one work-group sums: they share s' and s'' */
#endif

#define GATE_FUNCTIONS(M) M(identity) M(silu) M(gelu) M(gelu_tanh)

#define GATE_FIRST (4 * sg_item())
#define GATE_STEP (4 * sg_all_items())
#define GATE_ROWS(p) (!(p) || sg_aligned16(p))
/* Four of an array that may be absent. */
#define GATE_LOAD(p, from, end) ((p) ? sg_load_up_to_4((p) + (from), i, end, wide, 0.0f) : sg_splat4(0.0f))

#define GATE(NAME) \
    SG_FN float4 NAME##_gate_f(float4 v) { return SG_EACH4(NAME##_f, v); } \
    SG_FN float4 NAME##_gate_d1(float4 v) { return SG_EACH4(NAME##_d1, v); } \
    SG_FN float4 NAME##_gate_d2(float4 v) { return SG_EACH4(NAME##_d2, v); } \
    SG_KERNEL(256) NAME##_gate_forward_f32(const SG_GLOBAL f32 *a, const SG_GLOBAL f32 *b, SG_GLOBAL f32 *y, i64 n) { \
        const SG_GLOBAL f32 *const in[] = {a, b}; \
        SG_MAP(y, in, n, NAME##_gate_f(SG_IN(0)) * SG_IN(1)) \
    } \
    SG_KERNEL(256) NAME##_gate_backward_f32(const SG_GLOBAL f32 *a, const SG_GLOBAL f32 *b, const SG_GLOBAL f32 *dy, SG_GLOBAL f32 *da, SG_GLOBAL f32 *db, \
                                            i64 n, i64 probes) { \
        bool wide = GATE_ROWS(a) && GATE_ROWS(b) && sg_aligned16(dy) && GATE_ROWS(da) && GATE_ROWS(db) && (n % 4 == 0 || probes == 1); \
        for (i64 i = GATE_FIRST; i < n; i += GATE_STEP) { \
            float4 v = GATE_LOAD(a, 0, n), w = GATE_LOAD(b, 0, n), f = NAME##_gate_f(v), d = NAME##_gate_d1(v) * w; \
            for (i64 k = sg_group(1); k < probes; k += sg_groups(1)) { \
                float4 g = sg_load_up_to_4(dy + k * n, i, n, wide, 0.0f); \
                if (da) sg_store_up_to_4(da + k * n, i, n, wide, g * d); \
                if (db) sg_store_up_to_4(db + k * n, i, n, wide, g * f); \
            } \
        } \
    } \
    SG_KERNEL(256) NAME##_gate_tangent_f32(const SG_GLOBAL f32 *a, const SG_GLOBAL f32 *b, const SG_GLOBAL f32 *at, const SG_GLOBAL f32 *bt, \
                                           SG_GLOBAL f32 *yt, i64 n, i64 probes) { \
        bool wide = GATE_ROWS(a) && GATE_ROWS(b) && GATE_ROWS(at) && GATE_ROWS(bt) && sg_aligned16(yt) && (n % 4 == 0 || probes == 1); \
        for (i64 i = GATE_FIRST; i < n; i += GATE_STEP) { \
            float4 v = GATE_LOAD(a, 0, n), w = GATE_LOAD(b, 0, n), f = NAME##_gate_f(v), d = NAME##_gate_d1(v) * w; \
            for (i64 k = sg_group(1); k < probes; k += sg_groups(1)) { \
                float4 p = GATE_LOAD(at, k * n, n), q = GATE_LOAD(bt, k * n, n); \
                sg_store_up_to_4(yt + k * n, i, n, wide, sg_fma4(p, d, q * f)); \
            } \
        } \
    } \
    SG_KERNEL(256) NAME##_gate_tangent_backward_f32(const SG_GLOBAL f32 *a, const SG_GLOBAL f32 *b, const SG_GLOBAL f32 *at, const SG_GLOBAL f32 *bt, \
                                                    const SG_GLOBAL f32 *dy, const SG_GLOBAL f32 *dyt, SG_GLOBAL f32 *dat, SG_GLOBAL f32 *dbt, \
                                                    i64 n, i64 probes) { \
        bool wide = GATE_ROWS(a) && GATE_ROWS(b) && GATE_ROWS(at) && GATE_ROWS(bt) && sg_aligned16(dy) && sg_aligned16(dyt) && GATE_ROWS(dat) && \
                    GATE_ROWS(dbt) && (n % 4 == 0 || probes == 1); \
        for (i64 i = GATE_FIRST; i < n; i += GATE_STEP) { \
            float4 v = GATE_LOAD(a, 0, n), w = GATE_LOAD(b, 0, n), g = GATE_LOAD(dy, 0, n); \
            float4 f = NAME##_gate_f(v), d1 = NAME##_gate_d1(v), d = d1 * w, e = d1 * g, c = NAME##_gate_d2(v) * w * g; \
            for (i64 k = sg_group(1); k < probes; k += sg_groups(1)) { \
                float4 p = GATE_LOAD(at, k * n, n), q = GATE_LOAD(bt, k * n, n), r = GATE_LOAD(dyt, k * n, n); \
                if (dat) sg_store_up_to_4(dat + k * n, i, n, wide, sg_fma4(r, d, sg_fma4(p, c, q * e))); \
                if (dbt) sg_store_up_to_4(dbt + k * n, i, n, wide, sg_fma4(r, f, p * e)); \
            } \
        } \
    } \
    SG_KERNEL(256) NAME##_gate_curvature_f32(const SG_GLOBAL f32 *a, const SG_GLOBAL f32 *b, const SG_GLOBAL f32 *at, const SG_GLOBAL f32 *bt, \
                                             const SG_GLOBAL f32 *dy, SG_GLOBAL f32 *partials, i64 n, i64 probes, i64 chunk) { \
        SG_SHARED(f32, his, SG_SUM_THREADS); \
        SG_SHARED(f32, los, SG_SUM_THREADS); \
        bool wide = GATE_ROWS(a) && GATE_ROWS(b) && GATE_ROWS(at) && GATE_ROWS(bt) && sg_aligned16(dy) && (n % 4 == 0 || probes == 1); \
        i64 chunks = n <= chunk ? 1 : (n + chunk - 1) / chunk, part = (i64)sg_group(0) % chunks, first = (i64)sg_group(0) / chunks * GATE_PROBES; \
        i64 begin = part * chunk, end = begin + chunk < n ? begin + chunk : n; \
        f32 hi[GATE_PROBES], lo[GATE_PROBES]; \
        for (i32 k = 0; k < GATE_PROBES; k++) hi[k] = lo[k] = 0.0f; \
        for (i64 i = begin + 4 * (i64)sg_local(0); i < end; i += 4 * (i64)sg_locals(0)) { \
            float4 v = GATE_LOAD(a, 0, end), g = GATE_LOAD(dy, 0, end); \
            float4 c = NAME##_gate_d2(v) * GATE_LOAD(b, 0, end) * g, e = 2.0f * (NAME##_gate_d1(v) * g); \
            for (i32 k = 0; k < GATE_PROBES; k++) { \
                i64 limit = first + k < probes ? end : 0; \
                float4 p = GATE_LOAD(at, (first + k) * n, limit), q = GATE_LOAD(bt, (first + k) * n, limit); \
                SG_TWO_SUM(f32, hi[k], lo[k], sg_sum4(p * sg_fma4(p, c, q * e))); \
            } \
        } \
        for (i32 k = 0; k < GATE_PROBES; k++) { \
            float2 sum = sg_row_sum(hi[k], lo[k], his, los); \
            if (sg_local(0) == 0 && first + k < probes) { \
                partials[2 * ((first + k) * chunks + part)] = sum.x; \
                partials[2 * ((first + k) * chunks + part) + 1] = sum.y; \
            } \
        } \
    }

GATE_FUNCTIONS(GATE)
