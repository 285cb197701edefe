/* Integer intrinsics, reinterpretations and conversions. */
#ifndef SIMCUDA_BITS_H
#define SIMCUDA_BITS_H

#include <limits.h>
#include <math.h>

#define SIMCUDA_FN static inline

template <class To, class From>
SIMCUDA_FN To simcuda_cast(From from) {
    static_assert(sizeof(To) == sizeof(From), "same size");
    To to;
    __builtin_memcpy(&to, &from, sizeof to);
    return to;
}

SIMCUDA_FN unsigned __float_as_uint(float x) { return simcuda_cast<unsigned>(x); }
SIMCUDA_FN int __float_as_int(float x) { return simcuda_cast<int>(x); }
SIMCUDA_FN float __uint_as_float(unsigned x) { return simcuda_cast<float>(x); }
SIMCUDA_FN float __int_as_float(int x) { return simcuda_cast<float>(x); }
SIMCUDA_FN long long __double_as_longlong(double x) { return simcuda_cast<long long>(x); }
SIMCUDA_FN double __longlong_as_double(long long x) { return simcuda_cast<double>(x); }

SIMCUDA_FN int __popc(unsigned x) { return __builtin_popcount(x); }
SIMCUDA_FN int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
SIMCUDA_FN int __clz(int x) { return x == 0 ? 32 : __builtin_clz((unsigned)x); }
SIMCUDA_FN int __clzll(long long x) { return x == 0 ? 64 : __builtin_clzll((unsigned long long)x); }
SIMCUDA_FN int __ffs(int x) { return __builtin_ffs(x); }
SIMCUDA_FN int __ffsll(long long x) { return __builtin_ffsll(x); }

SIMCUDA_FN unsigned __brev(unsigned x) {
    x = ((x >> 1) & 0x55555555u) | ((x & 0x55555555u) << 1);
    x = ((x >> 2) & 0x33333333u) | ((x & 0x33333333u) << 2);
    x = ((x >> 4) & 0x0F0F0F0Fu) | ((x & 0x0F0F0F0Fu) << 4);
    return __builtin_bswap32(x);
}

/* Each selector nibble picks one of the 8 bytes of {b, a}; its high bit replicates that byte's sign instead. */
SIMCUDA_FN unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
    unsigned long long bytes = (unsigned long long)b << 32 | a;
    unsigned result = 0;
    for (int i = 0; i < 4; i++) {
        unsigned nibble = selector >> (4 * i) & 0xF;
        unsigned byte = (unsigned)(bytes >> (8 * (nibble & 7))) & 0xFF;
        if (nibble & 8) byte = byte & 0x80 ? 0xFF : 0;
        result |= byte << (8 * i);
    }
    return result;
}

SIMCUDA_FN unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }
SIMCUDA_FN int __mulhi(int a, int b) { return (int)((long long)a * b >> 32); }
SIMCUDA_FN unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}
SIMCUDA_FN unsigned __funnelshift_l(unsigned lo, unsigned hi, unsigned n) {
    return (unsigned)((((unsigned long long)hi << 32 | lo) << (n & 31)) >> 32);
}
SIMCUDA_FN unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned n) {
    return (unsigned)(((unsigned long long)hi << 32 | lo) >> (n & 31));
}
SIMCUDA_FN int __dp4a(int a, int b, int c) {
    for (int i = 0; i < 4; i++) c += (signed char)(a >> (8 * i)) * (signed char)(b >> (8 * i));
    return c;
}
SIMCUDA_FN unsigned __dp4a(unsigned a, unsigned b, unsigned c) {
    for (int i = 0; i < 4; i++) c += (a >> (8 * i) & 0xFF) * (b >> (8 * i) & 0xFF);
    return c;
}

/* CUDA's conversions saturate and send NaN to zero (64-bit ones to the lowest value); a C++ cast does neither. */
template <class I>
SIMCUDA_FN I simcuda_saturate(double rounded, double low, double high, I lowest, I highest) {
    return rounded != rounded ? (sizeof(I) == 8 ? lowest : I(0)) : rounded <= low ? lowest : rounded >= high ? highest : (I)rounded;
}
#define SIMCUDA_CONVERT(SUFFIX, ROUND)                                                                                                  \
    SIMCUDA_FN int __float2int_##SUFFIX(float x) { return simcuda_saturate<int>(ROUND(x), INT_MIN, INT_MAX, INT_MIN, INT_MAX); }        \
    SIMCUDA_FN unsigned __float2uint_##SUFFIX(float x) { return simcuda_saturate<unsigned>(ROUND(x), 0, UINT_MAX, 0u, UINT_MAX); }      \
    SIMCUDA_FN long long __float2ll_##SUFFIX(float x) {                                                                                 \
        return simcuda_saturate<long long>(ROUND(x), -0x1p63, 0x1p63, LLONG_MIN, LLONG_MAX);                                            \
    }
SIMCUDA_CONVERT(rn, nearbyintf)
SIMCUDA_CONVERT(rz, truncf)
SIMCUDA_CONVERT(ru, ceilf)
SIMCUDA_CONVERT(rd, floorf)
#undef SIMCUDA_CONVERT
SIMCUDA_FN float __int2float_rn(int x) { return (float)x; }
SIMCUDA_FN float __uint2float_rn(unsigned x) { return (float)x; }
SIMCUDA_FN float __ll2float_rn(long long x) { return (float)x; }
SIMCUDA_FN float __ull2float_rn(unsigned long long x) { return (float)x; }

#endif
