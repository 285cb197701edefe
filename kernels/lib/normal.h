/* Pairs of standard normal numbers from pairs of 32-bit words (Box & Muller 1958): z = sqrt(-2 ln u) (cos, sin)(2 pi v), u = (a + 1/2) / 2^32, v = b / 2^32.
   Multiplications, additions and fused multiply-adds only, in one order, so the same bits on every device. |z| < 6.8.
   Error against the exact formula at the same a, b: at most 4e-7 of sqrt(-2 ln u), where u is rounded to fp32.

   SG_NORMAL_PAIR(SUFFIX, F, I, U, AS_F, AS_I, TO_F) defines sg_normal_pair_SUFFIX(a, b, &cosine, &sine) on scalars or on vectors: F, I, U are the
   types, AS_F and AS_I reinterpret, TO_F converts I to F to nearest. */
#ifndef SG_LIB_NORMAL_H
#define SG_LIB_NORMAL_H
#include "lib/exact.h"

/* 1 - ln: ln(1 + f) on [sqrt(1/2) - 1, sqrt(2) - 1] = f - f^2/2 + f^3 P(f), coefficients of Cephes' logf (Moshier).
   2 - square root by Newton steps on 1/sqrt from a shifted exponent: no device's sqrt is asked.
   3 - the angle is reduced exactly in integers to a quarter turn, |r| <= pi/4; Taylor-like minimax of sine and cosine, Cephes' sinf and cosf. */
#define SG_NORMAL_PAIR(SUFFIX, F, I, U, AS_F, AS_I, TO_F)                                                                                      \
    SG_FN void sg_normal_pair_##SUFFIX(U a, U b, F *cosine, F *sine) {                                                                     \
        /* u from the two halves of a, each exact in fp32; one rounding */                                                                 \
        F high = TO_F(AS_I(a >> 16)), low = sg_add_rn(TO_F(AS_I(a & (U)(0xFFFFu))), (F)(0.5f));                                             \
        F u = sg_mul_rn(sg_fma(high, (F)(65536.0f), low), (F)(2.3283064365386963e-10f));                                                   \
        I bits = AS_I(u) - (I)(0x3F3504F3);                                                                                                \
        F e = TO_F(bits >> 23);                                                                                                            \
        F f = sg_sub_rn(AS_F((bits & (I)(0x7FFFFF)) + (I)(0x3F3504F3)), (F)(1.0f));                                                        \
        F p = (F)(7.0376836292e-2f);                                                                                                       \
        p = sg_fma(p, f, (F)(-1.1514610310e-1f));                                                                                          \
        p = sg_fma(p, f, (F)(1.1676998740e-1f));                                                                                           \
        p = sg_fma(p, f, (F)(-1.2420140846e-1f));                                                                                          \
        p = sg_fma(p, f, (F)(1.4249322787e-1f));                                                                                           \
        p = sg_fma(p, f, (F)(-1.6668057665e-1f));                                                                                          \
        p = sg_fma(p, f, (F)(2.0000714765e-1f));                                                                                           \
        p = sg_fma(p, f, (F)(-2.4999993993e-1f));                                                                                          \
        p = sg_fma(p, f, (F)(3.3333331174e-1f));                                                                                           \
        F f2 = sg_mul_rn(f, f);                                                                                                            \
        F tail = sg_fma(sg_mul_rn(f2, f), p, sg_mul_rn(f2, (F)(-0.5f)));                                                                   \
        F ln = sg_fma(e, (F)(0.693359375f), sg_add_rn(f, sg_fma(e, (F)(-2.12194440e-4f), tail)));                                          \
        F t = sg_fma(ln, (F)(-2.0f), (F)(0.0f)); /* +0 for u = 1 */                                                                         \
        /* t = 0 gives 0: y stays finite */                                                                                                \
        F y = AS_F((I)(0x5F3759DF) - (AS_I(t) >> 1)), half_t = sg_mul_rn(t, (F)(0.5f));                                                    \
        y = sg_mul_rn(y, sg_fma(sg_mul_rn(-half_t, y), y, (F)(1.5f)));                                                                     \
        y = sg_mul_rn(y, sg_fma(sg_mul_rn(-half_t, y), y, (F)(1.5f)));                                                                     \
        y = sg_mul_rn(y, sg_fma(sg_mul_rn(-half_t, y), y, (F)(1.5f)));                                                                     \
        F root = sg_mul_rn(t, y);                                                                                                          \
        root = sg_fma(sg_mul_rn(sg_fma(-root, root, t), (F)(0.5f)), y, root);                                                              \
        U turn = b + (U)(0x20000000u), quarter = turn >> 30;                                                                               \
        F r = sg_mul_rn(TO_F(AS_I((turn & (U)(0x3FFFFFFFu)) - (U)(0x20000000u))), (F)(1.4629180792671596e-9f)); /* pi / 2^31 */           \
        F r2 = sg_mul_rn(r, r);                                                                                                            \
        F s = sg_fma((F)(-1.9515295891e-4f), r2, (F)(8.3321608736e-3f));                                                                   \
        s = sg_fma(s, r2, (F)(-1.6666654611e-1f));                                                                                         \
        s = sg_fma(sg_mul_rn(s, r2), r, r);                                                                                                \
        F c = sg_fma((F)(2.443315711809948e-5f), r2, (F)(-1.388731625493765e-3f));                                                         \
        c = sg_fma(c, r2, (F)(4.166664568298827e-2f));                                                                                     \
        c = sg_fma(sg_mul_rn(c, r2), r2, sg_fma((F)(-0.5f), r2, (F)(1.0f)));                                                               \
        /* quarter 1: (-s, c); 2: (-c, -s); 3: (s, -c) */                                                                                  \
        I swap = -AS_I(quarter & (U)(1u));                                                                                                 \
        I cosine_bits = (AS_I(c) & ~swap) | (AS_I(s) & swap), sine_bits = (AS_I(s) & ~swap) | (AS_I(c) & swap);                            \
        cosine_bits ^= AS_I(((quarter + (U)(1u)) >> 1) << 31);                                                                             \
        sine_bits ^= AS_I((quarter >> 1) << 31);                                                                                           \
        *cosine = sg_mul_rn(root, AS_F(cosine_bits));                                                                                      \
        *sine = sg_mul_rn(root, AS_F(sine_bits));                                                                                          \
    }

#if defined(__OPENCL_VERSION__)
SG_NORMAL_PAIR(f32, f32, i32, u32, as_float, as_int, (f32))
#else
#define SG_AS_I32(x) sg_as_i32(x)
SG_FN i32 sg_as_i32(f32 x) { return (i32)SG_F32_TO_BITS(x); }
SG_FN i32 sg_as_i32(u32 x) { return (i32)x; }
#define SG_AS_F32(x) SG_BITS_TO_F32((u32)(x))
SG_NORMAL_PAIR(f32, f32, i32, u32, SG_AS_F32, SG_AS_I32, (f32))
#endif

#endif
