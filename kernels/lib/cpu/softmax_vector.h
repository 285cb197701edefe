/* Vectors of 16 floats for kernels on CPU devices: partial loads and stores, reductions in a fixed order, exp and log in fp32.
   exp: x = k ln 2 + r, |r| <= ln 2 / 2, a degree-6 minimax polynomial in r; log: x = 2^k m, sqrt(1/2) <= m < sqrt(2), the series of atanh in
   (m - 1) / (m + 1). Both stay within 2 units in the last place on their domains, which the comments state. */
#ifndef SG_LIB_CPU_SOFTMAX_VECTOR_H
#define SG_LIB_CPU_SOFTMAX_VECTOR_H
#include "lib/dialect.h"

#define SG_V 16
#define SG_LANES16 ((int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))

#if defined(__AVX512F__) && !defined(SG_PORTABLE)
#define SG_MASKED_MOVES 1 /* clang has no way to a masked move without a builtin that the OpenCL compiler lacks */
#endif

/* The first n of 16 elements at p, the rest `fill`; reads no byte beyond them. */
SG_FN float16 sg_load16(const global f32 *p, i64 n, f32 fill) {
    if (n >= SG_V) return vload16(0, p);
    float16 v = (float16)fill;
#ifdef SG_MASKED_MOVES
    __asm__ volatile("kmovw %2, %%k1\n\tvmovups (%1), %0%{%%k1%}" : "+v"(v) : "r"(p), "r"((1u << n) - 1u) : "k1", "memory");
    return v;
#else
    f32 t[SG_V];
    vstore16(v, 0, t);
    for (i64 i = 0; i < n; i++) t[i] = p[i];
    return vload16(0, t);
#endif
}

/* Stores the first n of 16 elements. */
SG_FN void sg_store16(global f32 *p, float16 v, i64 n) {
    if (n >= SG_V) {
        vstore16(v, 0, p);
        return;
    }
#ifdef SG_MASKED_MOVES
    __asm__ volatile("kmovw %2, %%k1\n\tvmovups %0, (%1)%{%%k1%}" : : "v"(v), "r"(p), "r"((1u << n) - 1u) : "k1", "memory");
#else
    f32 t[SG_V];
    vstore16(v, 0, t);
    for (i64 i = 0; i < n; i++) p[i] = t[i];
#endif
}

/* Brings the cache line of p nearer; p may be out of bounds. */
SG_FN void sg_prefetch(const global f32 *p) {
#ifdef SG_MASKED_MOVES
    __asm__ volatile("prefetcht0 (%0)" : : "r"(p));
#endif
}

SG_FN f32 sg_sum16(float16 v) {
    float8 a = v.lo + v.hi;
    float4 b = a.lo + a.hi;
    float2 c = b.lo + b.hi;
    return c.x + c.y;
}

/* A NaN may be dropped: callers that must show it have it in a sum. */
SG_FN float16 sg_larger16(float16 a, float16 b) { return select(b, a, a > b); }
SG_FN f32 sg_max16(float16 v) {
    float8 a = select(v.hi, v.lo, v.lo > v.hi);
    float4 b = select(a.hi, a.lo, a.lo > a.hi);
    float2 c = select(b.hi, b.lo, b.lo > b.hi);
    return c.x > c.y ? c.x : c.y;
}

/* x <= 0, -inf or NaN: what a softmax needs. Below -87.3, where the result would be denormal, it is 0. */
SG_FN float16 sg_exp16(float16 x) {
    const float16 magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer in the low bits */
    float16 t = fma(x, (float16)1.44269504088896341f, magic);
    float16 k = t - magic;
    float16 r = fma(k, (float16)-0.693359375f, x);
    r = fma(k, (float16)2.12194440e-4f, r);
    float16 q = fma(r, (float16)1.9875691500e-4f, (float16)1.3981999507e-3f);
    q = fma(q, r, (float16)8.3334519073e-3f);
    q = fma(q, r, (float16)4.1665795894e-2f);
    q = fma(q, r, (float16)1.6666665459e-1f);
    q = fma(q, r, (float16)5.0000001201e-1f);
    q = fma(q, r * r, r) + 1.0f;
    float16 e = as_float16(as_int16(q) + (as_int16(t) << 23));
    e = select(e, (float16)0.0f, x < -87.3f);
    return select(e, x, x != x);
}
SG_FN f32 sg_exp1(f32 x) { return sg_exp16((float16)x).s0; }

/* x normal and positive, 0 (-inf) or NaN. */
SG_FN float16 sg_log16(float16 x) {
    int16 bits = as_int16(x) - 0x3f3504f3; /* sqrt(1/2): the exponent of x / sqrt(1/2) */
    int16 k = bits >> 23;
    float16 m = as_float16(as_int16(x) - (k << 23));
    float16 f = m - 1.0f, u = f / (m + 1.0f), w = u * u;
    float16 s = fma(w, (float16)0.22222222f, (float16)0.28571429f);
    s = fma(s, w, (float16)0.4f);
    s = fma(s, w, (float16)0.66666667f);
    float16 g = convert_float16(k);
    float16 r = fma(u * w, s, 2.0f * u) + g * 2.12194440e-4f * -1.0f;
    r = fma(g, (float16)0.693359375f, r);
    r = select(r, (float16)-INFINITY, x == 0.0f);
    return select(r, x, x != x);
}

#endif
