/* Sixteen fp32 values at a time, for the kernels of CPU devices: loads and stores of fp32, bf16 and f16 rows whose length is no multiple of
   16, and the activations as branch-free polynomials (a scalar call per element costs more than the product before it).
   `format` is a constant at every call, so the tests on it fold. An address need only be aligned to its element.
   With AVX-512 a tail of fp32 is one masked instruction. Compiler builtins for it are gated by target features that OpenCL kernels
   cannot ask for, hence inline assembly; SG_PORTABLE (set for interpreters such as Oclgrind) selects plain OpenCL C. */
#ifndef SG_LIB_CPU_VECTOR16_H
#define SG_LIB_CPU_VECTOR16_H
#include "lib/dialect.h"
#include "lib/numbers.h"

#define V16_F32 0
#define V16_BF16 1
#define V16_F16 2

#if defined(__AVX512F__) && !defined(SG_PORTABLE)
#define V16_AVX512
#endif

/* One load or store at any alignment of the element: vload16 is compiled to four of them by PoCL. */
typedef float16 __attribute__((aligned(4))) v16_f32_at;
typedef ushort16 __attribute__((aligned(2))) v16_u16_at;
#define V16_GET(space, p) (*(const space v16_f32_at *)(p))
#define V16_PUT(space, p, v) (*(space v16_f32_at *)(p) = (v))

SG_FN float16 v16_widen(const int format, ushort16 stored) {
    uint16 h = convert_uint16(stored);
    if (format == V16_BF16) return as_float16(h << 16);
#ifdef V16_AVX512
    float16 x;
    __asm__("vcvtph2ps %1, %0" : "=v"(x) : "v"(stored));
    return x;
#endif
    uint16 shifted = (h & 0x7fffu) << 13;                            /* sg_f16_to_f32, 16 at a time */
    uint16 exponent = h & 0x7c00u;
    uint16 bits = shifted + 0x38000000u + select((uint16)0, (uint16)0x38000000u, exponent == 0x7c00u);
    float16 tiny = as_float16(shifted + 0x38800000u) - as_float16((uint16)0x38800000u);
    bits = select(bits, as_uint16(tiny), exponent == 0u);
    return as_float16(bits | ((h & 0x8000u) << 16));
}

SG_FN float16 v16_load(const int format, const global void *p, i64 i) {
    if (format == V16_F32) return V16_GET(global, (const global f32 *)p + i);
    return v16_widen(format, *(const global v16_u16_at *)((const global u16 *)p + i));
}

SG_FN f32 v16_load_1(const int format, const global void *p, i64 i) {
    if (format == V16_F32) return ((const global f32 *)p)[i];
    u16 h = ((const global u16 *)p)[i];
    return format == V16_BF16 ? sg_bf16_to_f32(h) : sg_f16_to_f32(h);
}

/* The first n of 16 elements, the rest 0; reads no byte beyond them. */
SG_FN float16 v16_load_tail(const int format, const global void *p, i64 i, i32 n) {
    if (n >= 16) return v16_load(format, p, i);
    if (n <= 0) return (float16)(0.0f);
#ifdef V16_AVX512
    if (format == V16_F32) {
        float16 v;
        __asm__ volatile("kmovw %2, %%k1\n\tvmovups (%1), %0%{%%k1%}%{z%}"
                         : "=v"(v) : "r"((const global f32 *)p + i), "r"((1u << n) - 1u) : "k1", "memory");
        return v;
    }
#endif
    f32 t[16];
#pragma unroll
    for (i32 e = 0; e < 16; e++) t[e] = 0.0f;
    for (i32 e = 0; e < n; e++) t[e] = v16_load_1(format, p, i + e);
    return V16_GET(private, t);
}

SG_FN void v16_store_1(const int format, global void *p, i64 i, f32 x) {
    if (format == V16_F32) ((global f32 *)p)[i] = x;
    else ((global u16 *)p)[i] = format == V16_BF16 ? sg_f32_to_bf16(x) : sg_f32_to_f16(x);
}

SG_FN void v16_store_tail(const int format, global void *p, i64 i, float16 v, i32 n) {
    if (format == V16_F32 && n >= 16) {
        V16_PUT(global, (global f32 *)p + i, v);
        return;
    }
#ifdef V16_AVX512
    if (format == V16_F32) {
        __asm__ volatile("kmovw %2, %%k1\n\tvmovups %0, (%1)%{%%k1%}"
                         : : "v"(v), "r"((global f32 *)p + i), "r"((1u << n) - 1u) : "k1", "memory");
        return;
    }
#endif
    f32 t[16];
    V16_PUT(private, t, v);
    for (i32 e = 0; e < n && e < 16; e++) v16_store_1(format, p, i + e, t[e]);
}

/* exp(x) for x <= 88; below -105 it is 0. Cody & Waite reduction, polynomial of Cephes expf: error below 1.5 ulp. */
SG_FN float16 v16_exp(float16 x) {
    x = select(x, (float16)(-105.0f), x < -105.0f);
    float16 magic = x * 1.44269504f + 12582912.0f;                     /* 1.5 * 2^23: the sum is rounded to an integer */
    int16 n = as_int16(magic) - as_int16((float16)(12582912.0f));
    float16 whole = magic - 12582912.0f;
    float16 r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    float16 p = (float16)(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    int16 half_n = n >> 1;                                              /* 2^n as a product of two, so that subnormal results round once */
    return p * as_float16((half_n + 127) << 23) * as_float16((n - half_n + 127) << 23);
}

SG_FN float16 v16_sigmoid(float16 x) {
    float16 e = v16_exp(-fabs(x));
    return select(e, (float16)(1.0f), x >= 0.0f) / (1.0f + e);
}

SG_FN float16 v16_tanh(float16 x) {
    float16 a = fabs(x), e = v16_exp(-2.0f * a), z = x * x;
    float16 p = (float16)(-5.70498872745e-3f);                          /* Cephes tanhf, for |x| < 0.625 */
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    return select(p * z * x + x, copysign((1.0f - e) / (1.0f + e), x), a >= 0.625f);
}

/* x Phi(x). The tail of Phi is erfc's rational Chebyshev fit (Numerical Recipes, erfcc; relative error below 1.2e-7). */
SG_FN float16 v16_gelu(float16 x) {
    float16 z = fabs(x) * 0.70710678118654752440f, t = 1.0f / (1.0f + 0.5f * z);
    float16 p = (float16)(0.17087277f);
    p = p * t - 0.82215223f;
    p = p * t + 1.48851587f;
    p = p * t - 1.13520398f;
    p = p * t + 0.27886807f;
    p = p * t - 0.18628806f;
    p = p * t + 0.09678418f;
    p = p * t + 0.37409196f;
    p = p * t + 1.00002368f;
    float16 tail = 0.5f * t * v16_exp(p * t - 1.26551223f - z * z);
    return x * select(tail, 1.0f - tail, x > 0.0f);
}

/* e^x - 1 for x <= 0. */
SG_FN float16 v16_expm1(float16 x) {
    float16 t = v16_tanh(0.5f * x);
    return 2.0f * t / (1.0f - t);
}

/* log(1 + e) for 0 <= e <= 1: 2 artanh(e / (2 + e)) by its series. */
SG_FN float16 v16_log1p_unit(float16 e) {
    float16 s = e / (2.0f + e), z = s * s;
    float16 p = z * 0.13333334f + 0.15384616f;
    p = p * z + 0.18181819f;
    p = p * z + 0.22222222f;
    p = p * z + 0.2857143f;
    p = p * z + 0.4f;
    p = p * z + 0.6666667f;
    return (p * z + 2.0f) * s;
}

/* x tanh(log(1 + e^x)), rational in e = e^-|x|. */
SG_FN float16 v16_mish(float16 x) {
    float16 e = v16_exp(-fabs(x)), low = e * (e + 2.0f), high = 2.0f * e + 1.0f;
    int16 below = x < 0.0f;
    float16 t = select(high, low, below) / select(2.0f * e * e + high, low + 2.0f, below);
    return select(x, (float16)(-88.0f), x < -88.0f) * t;
}

/* 0 none, 1 relu, 2 gelu, 3 gelu by tanh, 4 silu, 5 tanh, 6 sigmoid, 7 hardswish, 8 hardsigmoid, 9 leaky relu, 10 elu, 11 softplus, 12 mish, 13 relu6: as NAME_f of lib/functions.h; NaN passes through. */
SG_FN float16 v16_activate(float16 x, i32 code) {
    switch (code) {
        case 1: return select(x, (float16)(0.0f), x < 0.0f);
        case 2: return v16_gelu(x);
        case 3: return x * v16_sigmoid(1.59576912160573071176f * (x + 0.044715f * x * x * x));
        case 4: return x * v16_sigmoid(x);
        case 5: return v16_tanh(x);
        case 6: return v16_sigmoid(x);
        case 7: return select(select(x * (x + 3.0f) * 0.16666667f, x, x > 3.0f), (float16)(0.0f), x < -3.0f);
        case 8: return select(select(x * 0.16666667f + 0.5f, (float16)(1.0f), x > 3.0f), (float16)(0.0f), x < -3.0f);
        case 9: return select(x, 0.01f * x, x < 0.0f);
        case 10: return select(x, v16_expm1(select(x, (float16)(0.0f), x > 0.0f)), x <= 0.0f);
        case 11: return select(x, (float16)(0.0f), x < 0.0f) + v16_log1p_unit(v16_exp(-fabs(x)));
        case 12: return v16_mish(x);
        case 13: return select(select(x, (float16)(6.0f), x > 6.0f), (float16)(0.0f), x < 0.0f);
        default: return x;
    }
}

#endif
