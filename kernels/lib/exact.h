/* Arithmetic that gives the same bits on every device: each operation is rounded once, to nearest, and none is fused unless sg_fma says so. In OpenCL C
   the pragma holds for the rest of the file. Subnormal results are avoided by the callers: some devices flush them. */
#ifndef SG_LIB_EXACT_H
#define SG_LIB_EXACT_H
#include "lib/dialect.h"

#if defined(__OPENCL_VERSION__)
#pragma OPENCL FP_CONTRACT OFF
#endif

#if defined(__OPENCL_VERSION__) || defined(SG_SIMULATED)
#define sg_add_rn(a, b) ((a) + (b))
#define sg_sub_rn(a, b) ((a) - (b))
#define sg_mul_rn(a, b) ((a) * (b))
#else
#define sg_add_rn(a, b) __fadd_rn(a, b)
#define sg_sub_rn(a, b) __fsub_rn(a, b)
#define sg_mul_rn(a, b) __fmul_rn(a, b)
#endif

/* The smallest q with q b >= a, for a, b > 0 whose quotient, reciprocals and products are far from overflow and underflow. */
SG_FN f32 sg_div_up(f32 a, f32 b) {
#if defined(__OPENCL_VERSION__)
    /* OpenCL allows a division 2.5 units off; the residual a - q b is exact in its sign, and sets it right */
    f32 q = a / b;
    /* without a branch: it is up as often as not, and enough where division rounds correctly */
    q = SG_BITS_TO_F32(SG_F32_TO_BITS(q) + (sg_fma(q, b, -a) < 0.0f ? 1u : 0u));
    while (sg_fma(q, b, -a) < 0.0f) q = SG_BITS_TO_F32(SG_F32_TO_BITS(q) + 1u);
    f32 below = SG_BITS_TO_F32(SG_F32_TO_BITS(q) - 1u);
    while (sg_fma(below, b, -a) >= 0.0f) {
        q = below;
        below = SG_BITS_TO_F32(SG_F32_TO_BITS(q) - 1u);
    }
    return q;
#else
    /* the reciprocal is 2 units off at most, so a step of Newton comes within 2^-40 of the quotient before it rounds to q: one of the quotient's two
       neighbours, or the quotient itself where that is an fp32 number */
    f32 r = sg_quick_rcp(b), q = sg_mul_rn(a, r);
    q = sg_fma(sg_fma(-q, b, a), r, q);
    return SG_BITS_TO_F32(SG_F32_TO_BITS(q) + (sg_fma(q, b, -a) < 0.0f ? 1u : 0u));
#endif
}

#endif
