/* Floating-point functions that <math.h> lacks. The "fast" ones are the accurate host functions: a kernel's tolerance must cover the device's. */
#ifndef SIMCUDA_MATHS_H
#define SIMCUDA_MATHS_H

#include "bits.h"

/* Macros, because glibc's headers already declare __expf and its kin without defining them. */
#define __expf(x) expf(x)
#define __exp10f(x) powf(10.0f, x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)
#define __log10f(x) log10f(x)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)
#define __tanf(x) tanf(x)
#define __powf(x, y) powf(x, y)
#define __sincosf(x, s, c) (*(s) = sinf(x), *(c) = cosf(x))
#define __fdividef(x, y) ((float)(x) / (float)(y))
#define __saturatef(x) fminf(fmaxf(x, 0.0f), 1.0f)

SIMCUDA_FN float rsqrtf(float x) { return 1.0f / sqrtf(x); }
SIMCUDA_FN float rcbrtf(float x) { return 1.0f / cbrtf(x); }
SIMCUDA_FN float normcdff(float x) { return 0.5f * erfcf(-x * 0.70710678118654752f); }
SIMCUDA_FN float __frcp_rn(float x) { return 1.0f / x; }
SIMCUDA_FN float __fsqrt_rn(float x) { return sqrtf(x); }
SIMCUDA_FN float __frsqrt_rn(float x) { return (float)(1.0 / sqrt((double)x)); }
SIMCUDA_FN float __fadd_rn(float x, float y) { return x + y; }
/* Towards zero: the double is the sum to 53 bits, `lost` the rest of it. */
SIMCUDA_FN float __fadd_rz(float x, float y) {
    double sum = (double)x + y, part = sum - x, lost = (x - (sum - part)) + (y - part);
    float r = (float)sum;
    bool beyond = r > 0 ? r > sum || (r == sum && lost < 0) : r < sum || (r == sum && lost > 0);
    return beyond && sum == sum ? nextafterf(r, 0.0f) : r;
}
SIMCUDA_FN float __fsub_rn(float x, float y) { return x - y; }
SIMCUDA_FN float __fmul_rn(float x, float y) { return x * y; }
SIMCUDA_FN float __fdiv_rn(float x, float y) { return x / y; }
SIMCUDA_FN float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
SIMCUDA_FN double __fma_rn(double x, double y, double z) { return fma(x, y, z); }

#define SIMCUDA_MINMAX(T)                                   \
    SIMCUDA_FN T min(T a, T b) { return b < a ? b : a; }    \
    SIMCUDA_FN T max(T a, T b) { return a < b ? b : a; }
SIMCUDA_MINMAX(int)
SIMCUDA_MINMAX(unsigned)
SIMCUDA_MINMAX(long long)
SIMCUDA_MINMAX(unsigned long long)
#undef SIMCUDA_MINMAX
SIMCUDA_FN float min(float a, float b) { return fminf(a, b); }
SIMCUDA_FN float max(float a, float b) { return fmaxf(a, b); }
SIMCUDA_FN double min(double a, double b) { return fmin(a, b); }
SIMCUDA_FN double max(double a, double b) { return fmax(a, b); }

/* Loads and stores with a cache hint: the hint has no meaning here. */
template <class T> SIMCUDA_FN T __ldg(const T* p) { return *p; }
template <class T> SIMCUDA_FN T __ldcs(const T* p) { return *p; }
template <class T> SIMCUDA_FN T __ldcg(const T* p) { return *p; }
template <class T> SIMCUDA_FN T __ldlu(const T* p) { return *p; }
template <class T> SIMCUDA_FN void __stcs(T* p, T value) { *p = value; }
template <class T> SIMCUDA_FN void __stcg(T* p, T value) { *p = value; }
template <class T> SIMCUDA_FN void __stwt(T* p, T value) { *p = value; }

#endif
