/* Elementwise functions in the five modes of an op. For y = s(x), K probes, n elements, t = tangent, d = cotangent:

     NAME_forward_f32           y[i]      = s(x[i])
     NAME_backward_f32          dx[i]     = dy[i] s'(x[i])
     NAME_tangent_f32           yt[k n+i] = s'(x[i]) xt[k n+i]
     NAME_tangent_backward_f32  dxt[k n+i] = dyt[k n+i] s'(x[i]) + dy[i] s''(x[i]) xt[k n+i]

   x, y, dy, dx: [n]; xt, yt, dyt, dxt: [K, n], row-major. Outputs may be the same memory as an input of the same shape.
   Work-group: 256; work-item i of row k (grid y) handles element i.
   Bytes per element: forward 8, backward 12, tangent 8 + 4/K, tangent_backward 12 + 8/K. Source: the chain rule, differentiated once. */
#include "common/dialect.h"
#include "common/functions.h"

#define POINTWISE(NAME) \
    extern "C" __global__ void NAME##_forward_f32(const f32 *x, f32 *y, i64 n) { \
        i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; \
        if (i < n) y[i] = NAME##_f(x[i]); \
    } \
    extern "C" __global__ void NAME##_backward_f32(const f32 *x, const f32 *dy, f32 *dx, i64 n) { \
        i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; \
        if (i < n) dx[i] = dy[i] * NAME##_d1(x[i]); \
    } \
    extern "C" __global__ void NAME##_tangent_f32(const f32 *x, const f32 *xt, f32 *yt, i64 n) { \
        i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x, k = (i64)blockIdx.y; \
        if (i < n) yt[k * n + i] = NAME##_d1(x[i]) * xt[k * n + i]; \
    } \
    extern "C" __global__ void NAME##_tangent_backward_f32(const f32 *x, const f32 *xt, const f32 *dy, \
                                            const f32 *dyt, f32 *dxt, i64 n) { \
        i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x, k = (i64)blockIdx.y; \
        if (i < n) dxt[k * n + i] = dyt[k * n + i] * NAME##_d1(x[i]) + dy[i] * NAME##_d2(x[i]) * xt[k * n + i]; \
    }

POINTWISE(relu)
POINTWISE(gelu)
POINTWISE(gelu_tanh)
POINTWISE(silu)
POINTWISE(tanh)
POINTWISE(sigmoid)
