/* For the variants of kernels for CPU devices: a work-item works alone on a long piece of contiguous memory, 16 elements at a time. */
#ifndef SG_LIB_CPU_VECTOR_H
#define SG_LIB_CPU_VECTOR_H
#include "lib/dialect.h"
#include "lib/functions.h"

#ifndef STREAM_ELEMENTS
#define STREAM_ELEMENTS 4194304 /* outputs longer than this bypass the caches: no line is read only to be overwritten */
#endif

#if defined(__AVX512F__) && !defined(SG_PORTABLE)
#define SG_AVX512
#endif

/* The part of [0, n) that is this work-group's: pieces of equal length, a multiple of 64, in the order of the group numbers. */
SG_FN i64 sg_piece_begin(i64 n) {
    i64 groups = (i64)get_num_groups(0), length = ((n + groups - 1) / groups + 63) / 64 * 64, begin = length * (i64)get_group_id(0);
    return begin < n ? begin : n;
}
SG_FN i64 sg_piece_end(i64 n) {
    i64 groups = (i64)get_num_groups(0), length = ((n + groups - 1) / groups + 63) / 64 * 64, end = length * ((i64)get_group_id(0) + 1);
    return end < n ? end : n;
}

/* Up to 16 elements; lanes beyond `count` hold `rest` and touch no memory. */
SG_FN float16 sg_load_part(const global f32 *p, i64 count, f32 rest) {
    if (count >= 16) return vload16(0, p);
#ifdef SG_AVX512
    float16 v = (float16)(rest);
    __asm__ volatile("kmovw %2, %%k1\n\tvmovups (%1), %0%{%%k1%}" : "+v"(v) : "r"(p), "r"((1u << count) - 1u) : "k1", "memory");
    return v;
#else
    f32 lane[16];
    for (i32 e = 0; e < 16; e++) lane[e] = e < count ? p[e] : rest;
    return vload16(0, lane);
#endif
}
SG_FN void sg_store_part(float16 v, global f32 *p, i64 count) {
    if (count >= 16) {
        vstore16(v, 0, p);
        return;
    }
#ifdef SG_AVX512
    __asm__ volatile("kmovw %2, %%k1\n\tvmovups %0, (%1)%{%%k1%}" : : "v"(v), "r"(p), "r"((1u << count) - 1u) : "k1", "memory");
#else
    f32 lane[16];
    vstore16(v, 0, lane);
    for (i32 e = 0; e < count; e++) p[e] = lane[e];
#endif
}

/* Whether an output is worth streaming: long, and at an address where 16 elements are one cache line. */
SG_FN bool sg_worth_streaming(const global f32 *p, i64 n) { return n > STREAM_ELEMENTS && ((u64)p & 63) == 0; }
SG_FN void sg_store_v16(float16 v, global f32 *p, bool stream) {
    if (stream) {
        __builtin_nontemporal_store(v, (global float16 *)p);
    } else {
        vstore16(v, 0, p);
    }
}

/* e^r = 1 + r + r^2 q(r) for |r| <= ln 2 / 2, q minimax of degree 4: 3e-9. n is ready for the exponent field: its low bits hold n + 127. */
#define SG_EXP_PARTS(x)                                                            \
    float16 n = fma(x, (float16)(1.44269504f), (float16)(12583039.0f)); /* 1.5 2^23 + 127 */ \
    float16 scale = as_float16(as_uint16(n) << 23);                                \
    n -= (float16)(12583039.0f);                                                   \
    float16 r = fma(n, (float16)(-0.693359375f), x);                               \
    r = fma(n, (float16)(2.12194440e-4f), r);                                      \
    float16 q = fma((float16)(0.00139530096f), r, (float16)(0.00836890936f));      \
    q = fma(q, r, (float16)(0.0416661687f));                                       \
    q = fma(q, r, (float16)(0.166665182f));                                        \
    q = fma(q, r, (float16)(0.5f))

SG_FN float16 sg_expn_v16(float16 x) {
    SG_EXP_PARTS(x);
    return fma(fma(q, r, (float16)(1.0f)), r, (float16)(1.0f)) * scale;
}

/* 2^x = scale 2^f with |f| <= 1/2, minimax of degree 5: 9e-8. */
SG_FN float16 sg_exp2n_v16(float16 x) {
    float16 n = x + (float16)(12583039.0f);
    float16 scale = as_float16(as_uint16(n) << 23), f = x - (n - (float16)(12583039.0f));
    float16 p = fma((float16)(0.00134072872f), f, (float16)(0.0096718967f));
    p = fma(p, f, (float16)(0.0555030815f));
    p = fma(p, f, (float16)(0.24022235f));
    p = fma(p, f, (float16)(0.693147242f));
    return fma(p, f, (float16)(1.0f)) * scale;
}

/* A Newton step on a 14-bit guess leaves 2^-28 and costs less than a division, which is not pipelined. */
SG_FN float16 sg_rcp_v16(float16 x) {
#ifdef SG_AVX512
    float16 y;
    __asm__("vrcp14ps %1, %0" : "=v"(y) : "v"(x));
    return fma(fma(-x, y, (float16)(1.0f)), y, y);
#else
    return (float16)(1.0f) / x;
#endif
}

/* tanh = -m / (2 + m) with m = e^(-2a) - 1, which keeps its relative accuracy near 0. The sign goes through the bits: -0 stays. */
SG_FN float16 sg_tanh_v16(float16 x) {
    float16 y = (float16)(-2.0f) * sg_fabs(x);
    y = y < (float16)(-40.0f) ? (float16)(-40.0f) : y;
    SG_EXP_PARTS(y);
    float16 m = fma(scale, fma(q * r, r, r), scale - (float16)(1.0f));
    float16 t = -m * sg_rcp_v16((float16)(2.0f) + m);
    return as_float16((as_uint16(t) & 0x7FFFFFFFu) | (as_uint16(x) & 0x80000000u));
}

SG_FUNCTIONS(float16, _v16)

#endif
