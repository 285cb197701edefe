/* Elementwise functions with their first and second derivatives, in fp32: NAME_f(x), NAME_d1(x), NAME_d2(x). SG_FUNCTIONS(F, V) writes them
   for a type F, names ending in V; here for f32, in lib/cpu/vector.h for float16 (suffix _v16). No branches.

   silu, gelu and gelu_tanh are x S(x) with S a distribution function that is symmetric about (0, 1/2). With a = |x|, Q = S(-a) and the even
   density p = S':   f = max(x, 0) - a Q;   f' = D for x < 0, else 1 - D, D = Q - a p;   f'' = 2 p + a p'(a).
   Nothing cancels in the tails, and one exponential serves Q and p. `a` is clamped where Q has vanished in fp32, so that an infinity is not
   multiplied by 0; the clamps keep a NaN (a comparison with NaN is false, fmin would drop it).

   silu       Q = sigma(-a), p = sigma'
   gelu       Q = Phi(-a), p = phi, f'' = (2 - a^2) phi (Hendrycks & Gimpel 2016). Phi(-a) = exp(-a^2/2) G(a), G = Mills' ratio / sqrt(2 pi) as a
              polynomial in t = 1/(1 + 0.3 a), minimax on [0, 13.3] by Lawson's iteration: relative error 5.7e-8
   gelu_tanh  Q = sigma(-w), w = 2 sqrt(2/pi) (a + 0.044715 a^3)

   hardswish is x clamp(x + 3, 0, 6) / 6 (Howard et al. 2019), its slope at 3 that from the left, as PyTorch has it; hardsigmoid the factor of x in it.
   relu6 is clamp(x, 0, 6), flat at both ends as PyTorch's.
   leaky_relu has the slope 0.01 below 0 and at it. elu is e^x - 1 below 0 (Clevert et al. 2016), there 2 t / (1 - t) with t = tanh(x/2), which keeps its
   relative accuracy near 0.
   softplus is max(x, 0) + log(1 + e), e = e^-|x|, the logarithm 2 artanh(s) with s = e / (2 + e) <= 1/3 by its series to s^15; its slope is sigma.
   mish is x T (Misra 2019), T = tanh(softplus(x)), rational in e: with D = e^2 + 2 e + 2 for x < 0, T = e (e + 2) / D, T' = 4 e (1 + e) / D^2,
   2 T' + x T'' the second derivative; for x >= 0 the same with numerator and denominator multiplied by powers of e, D = 1 + 2 e + 2 e^2.

   Each type brings sg_expn (e^x, x in [-88.3, 0]), sg_exp2n (2^x, x in [-127.4, 0]), both may give 0 below 2^-126, sg_rcp (1/x, x in [1, 10]), sg_tanh.
   Errors against fp64, values of any size: a few ulp, or 1e-7 where the result is smaller than its terms or in gelu's tail. */
#ifndef SG_LIB_FUNCTIONS_H
#define SG_LIB_FUNCTIONS_H
#include "lib/dialect.h"

#define SG_INV_SQRT_2PI 0.39894228040143267794f
#define SG_GELU_MAX 13.25f
#define SG_GELU_TANH_MAX 10.04f
#define SG_SIGMOID_MAX 88.0f
#define SG_GELU_TANH_2A 1.59576912160573071176f /* 2 sqrt(2/pi) */
#define SG_GELU_TANH_LOG2 (-2.30220819813845f) /* -2 sqrt(2/pi) / ln 2 */
#define SG_GELU_TANH_B 0.044715f

/* The functions that have kernels, M(CODE, NAME) of each: the code is what gemm is told to end with, one more than the ordinal of Function in Java. relu keeps a
   bit per element, so no kernel reads codes for it. */
#define SG_SMOOTH_FUNCTIONS(M) M(2, gelu) M(3, gelu_tanh) M(4, silu) M(5, tanh) M(6, sigmoid) M(7, hardswish) \
    M(8, hardsigmoid) M(9, leaky_relu) M(10, elu) M(11, softplus) M(12, mish) M(13, relu6)
#define SG_ALL_FUNCTIONS(M) M(1, relu) SG_SMOOTH_FUNCTIONS(M)

#define SG_FUNCTIONS(F, V)                                                                                                      \
    SG_FN F sg_magnitude##V(F x, f32 most) {                                                                                    \
        F a = sg_fabs(x);                                                                                                       \
        return a > (F)(most) ? (F)(most) : a;                                                                                   \
    }                                                                                                                           \
    SG_FN F sg_positive##V(F x) { return x < (F)(0.0f) ? (F)(0.0f) : x; }                                                       \
    SG_FN F sg_mirror##V(F x, F d) { return x < (F)(0.0f) ? d : (F)(1.0f) - d; }                                                \
                                                                                                                                \
    SG_FN F identity_f##V(F x) { return x; }                                                                                    \
    SG_FN F identity_d1##V(F x) { return (F)(1.0f); }                                                                           \
    SG_FN F identity_d2##V(F x) { return (F)(0.0f); }                                                                           \
                                                                                                                                \
    SG_FN F relu_f##V(F x) { return sg_positive##V(x); }                                                                        \
    SG_FN F relu_d1##V(F x) { return x > (F)(0.0f) ? (F)(1.0f) : (x <= (F)(0.0f) ? (F)(0.0f) : x); }                            \
    SG_FN F relu_d2##V(F x) { return x == x ? (F)(0.0f) : x; }                                                                  \
                                                                                                                                \
    SG_FN F hardswish_f##V(F x) { return x < (F)(-3.0f) ? (F)(0.0f) : (x > (F)(3.0f) ? x : x * (x + 3.0f) * 0.16666667f); }      \
    SG_FN F hardswish_d1##V(F x) {                                                                                              \
        return x < (F)(-3.0f) ? (F)(0.0f) : (x > (F)(3.0f) ? (F)(1.0f) : sg_fma(x, (F)(0.33333333f), (F)(0.5f)));               \
    }                                                                                                                           \
    SG_FN F hardswish_d2##V(F x) {                                                                                              \
        return x < (F)(-3.0f) ? (F)(0.0f) : (x > (F)(3.0f) ? (F)(0.0f) : sg_fma(x, (F)(0.0f), (F)(0.33333333f)));               \
    }                                                                                                                           \
                                                                                                                                \
    SG_FN F hardsigmoid_f##V(F x) {                                                                                             \
        return x < (F)(-3.0f) ? (F)(0.0f) : (x > (F)(3.0f) ? (F)(1.0f) : sg_fma(x, (F)(0.16666667f), (F)(0.5f)));               \
    }                                                                                                                           \
    SG_FN F hardsigmoid_d1##V(F x) {                                                                                            \
        return x < (F)(-3.0f) ? (F)(0.0f) : (x > (F)(3.0f) ? (F)(0.0f) : sg_fma(x, (F)(0.0f), (F)(0.16666667f)));               \
    }                                                                                                                           \
    SG_FN F hardsigmoid_d2##V(F x) { return x == x ? (F)(0.0f) : x; }                                                           \
                                                                                                                                \
    SG_FN F relu6_f##V(F x) { return x < (F)(0.0f) ? (F)(0.0f) : (x > (F)(6.0f) ? (F)(6.0f) : x); }                             \
    SG_FN F relu6_d1##V(F x) {                                                                                                  \
        return x > (F)(0.0f) ? (x < (F)(6.0f) ? (F)(1.0f) : (F)(0.0f)) : (x <= (F)(0.0f) ? (F)(0.0f) : x);                      \
    }                                                                                                                           \
    SG_FN F relu6_d2##V(F x) { return x == x ? (F)(0.0f) : x; }                                                                 \
                                                                                                                                \
    SG_FN F leaky_relu_f##V(F x) { return x < (F)(0.0f) ? (F)(0.01f) * x : x; }                                                 \
    SG_FN F leaky_relu_d1##V(F x) { return x > (F)(0.0f) ? (F)(1.0f) : (x <= (F)(0.0f) ? (F)(0.01f) : x); }                     \
    SG_FN F leaky_relu_d2##V(F x) { return x == x ? (F)(0.0f) : x; }                                                            \
                                                                                                                                \
    SG_FN F elu_f##V(F x) {                                                                                                     \
        F t = sg_tanh##V((F)(0.5f) * (x > (F)(0.0f) ? (F)(0.0f) : x));                                                          \
        return x > (F)(0.0f) ? x : (F)(2.0f) * t * sg_rcp##V((F)(1.0f) - t);                                                    \
    }                                                                                                                           \
    SG_FN F elu_d1##V(F x) { return x > (F)(0.0f) ? (F)(1.0f) : sg_expn##V(-sg_magnitude##V(x, SG_SIGMOID_MAX)); }              \
    SG_FN F elu_d2##V(F x) { return x > (F)(0.0f) ? (F)(0.0f) : sg_expn##V(-sg_magnitude##V(x, SG_SIGMOID_MAX)); }              \
                                                                                                                                \
    SG_FN F sigmoid_f##V(F x) {                                                                                                 \
        F e = sg_expn##V(-sg_magnitude##V(x, SG_SIGMOID_MAX)), r = sg_rcp##V((F)(1.0f) + e);                                    \
        return x < (F)(0.0f) ? e * r : r;                                                                                       \
    }                                                                                                                           \
    SG_FN F sigmoid_d1##V(F x) {                                                                                                \
        F e = sg_expn##V(-sg_magnitude##V(x, SG_SIGMOID_MAX)), r = sg_rcp##V((F)(1.0f) + e);                                    \
        return e * r * r;                                                                                                       \
    }                                                                                                                           \
    SG_FN F sigmoid_d2##V(F x) {                                                                                                \
        F e = sg_expn##V(-sg_magnitude##V(x, SG_SIGMOID_MAX)), r = sg_rcp##V((F)(1.0f) + e);                                    \
        F t = e * r * r * (((F)(1.0f) - e) * r);                                                                                \
        return x < (F)(0.0f) ? t : -t;                                                                                          \
    }                                                                                                                           \
                                                                                                                                \
    SG_FN F softplus_f##V(F x) {                                                                                                \
        F e = sg_expn##V(-sg_magnitude##V(x, SG_SIGMOID_MAX)), s = e * sg_rcp##V((F)(2.0f) + e), z = s * s;                     \
        F p = sg_fma((F)(0.13333334f), z, (F)(0.15384616f));                                                                    \
        p = sg_fma(p, z, (F)(0.18181819f));                                                                                     \
        p = sg_fma(p, z, (F)(0.22222222f));                                                                                     \
        p = sg_fma(p, z, (F)(0.2857143f));                                                                                      \
        p = sg_fma(p, z, (F)(0.4f));                                                                                            \
        p = sg_fma(p, z, (F)(0.6666667f));                                                                                      \
        p = sg_fma(p, z, (F)(2.0f));                                                                                            \
        return sg_fma(p, s, sg_positive##V(x));                                                                                 \
    }                                                                                                                           \
    SG_FN F softplus_d1##V(F x) { return sigmoid_f##V(x); }                                                                     \
    SG_FN F softplus_d2##V(F x) { return sigmoid_d1##V(x); }                                                                    \
                                                                                                                                \
    /* 1 / D */                                                                                                                 \
    SG_FN F mish_rcp##V(F x, F e) {                                                                                             \
        return sg_rcp##V(x < (F)(0.0f) ? sg_fma(e, e + (F)(2.0f), (F)(2.0f)) : sg_fma((F)(2.0f) * e, e + (F)(1.0f), (F)(1.0f)));\
    }                                                                                                                           \
    SG_FN F mish_t##V(F x, F e, F r) { return (x < (F)(0.0f) ? e * (e + (F)(2.0f)) : sg_fma((F)(2.0f), e, (F)(1.0f))) * r; }    \
    SG_FN F mish_t1##V(F x, F e, F r) {                                                                                         \
        return (F)(4.0f) * e * ((F)(1.0f) + e) * r * r * (x < (F)(0.0f) ? (F)(1.0f) : e);                                       \
    }                                                                                                                           \
    SG_FN F mish_f##V(F x) {                                                                                                    \
        F a = sg_magnitude##V(x, SG_SIGMOID_MAX), e = sg_expn##V(-a), t = mish_t##V(x, e, mish_rcp##V(x, e));                   \
        return x < (F)(0.0f) ? -a * t : x * t;                                                                                  \
    }                                                                                                                           \
    SG_FN F mish_d1##V(F x) {                                                                                                   \
        F a = sg_magnitude##V(x, SG_SIGMOID_MAX), e = sg_expn##V(-a), r = mish_rcp##V(x, e);                                    \
        return sg_fma(x < (F)(0.0f) ? -a : a, mish_t1##V(x, e, r), mish_t##V(x, e, r));                                         \
    }                                                                                                                           \
    SG_FN F mish_d2##V(F x) {                                                                                                   \
        F a = sg_magnitude##V(x, SG_SIGMOID_MAX), e = sg_expn##V(-a), r = mish_rcp##V(x, e);                                    \
        F low = sg_fma(e, sg_fma(e, sg_fma(e, (F)(-2.0f), (F)(-3.0f)), (F)(2.0f)), (F)(2.0f));                                  \
        F high = e * sg_fma(e, sg_fma(e, sg_fma(e, (F)(2.0f), (F)(2.0f)), (F)(-3.0f)), (F)(-2.0f));                             \
        F bend = (F)(4.0f) * e * (x < (F)(0.0f) ? low : high) * r * r * r;                                                      \
        return sg_fma(x < (F)(0.0f) ? -a : a, bend, (F)(2.0f) * mish_t1##V(x, e, r));                                           \
    }                                                                                                                           \
                                                                                                                                \
    SG_FN F tanh_f##V(F x) { return sg_tanh##V(x); }                                                                            \
    SG_FN F tanh_d1##V(F x) {                                                                                                   \
        F e = sg_expn##V((F)(-2.0f) * sg_magnitude##V(x, 44.0f)), r = sg_rcp##V((F)(1.0f) + e);                                 \
        return (F)(4.0f) * e * r * r;                                                                                           \
    }                                                                                                                           \
    SG_FN F tanh_d2##V(F x) { return (F)(-2.0f) * sg_tanh##V(x) * tanh_d1##V(x); }                                              \
                                                                                                                                \
    SG_FN F silu_f##V(F x) {                                                                                                    \
        F a = sg_magnitude##V(x, SG_SIGMOID_MAX), e = sg_expn##V(-a);                                                           \
        return sg_fma(-a, e * sg_rcp##V((F)(1.0f) + e), sg_positive##V(x));                                                     \
    }                                                                                                                           \
    SG_FN F silu_d1##V(F x) {                                                                                                   \
        F a = sg_magnitude##V(x, SG_SIGMOID_MAX), e = sg_expn##V(-a), r = sg_rcp##V((F)(1.0f) + e), q = e * r;                  \
        return sg_mirror##V(x, sg_fma(-a, q * r, q));                                                                           \
    }                                                                                                                           \
    SG_FN F silu_d2##V(F x) {                                                                                                   \
        F a = sg_magnitude##V(x, SG_SIGMOID_MAX), e = sg_expn##V(-a), r = sg_rcp##V((F)(1.0f) + e);                             \
        return e * r * r * sg_fma(-a, ((F)(1.0f) - e) * r, (F)(2.0f));                                                          \
    }                                                                                                                           \
                                                                                                                                \
    SG_FN F gelu_bell##V(F a) { return sg_exp2n##V((F)(-0.72134752f) * (a * a)); } /* e^(-a^2/2) */                             \
    SG_FN F gelu_mills##V(F a) {                                                                                                \
        F t = sg_rcp##V(sg_fma(a, (F)(0.3f), (F)(1.0f)));                                                                       \
        F g = sg_fma((F)(0.0383115374f), t, (F)(-0.168841228f));                                                                \
        g = sg_fma(g, t, (F)(0.22798799f));                                                                                     \
        g = sg_fma(g, t, (F)(-0.0757365525f));                                                                                  \
        g = sg_fma(g, t, (F)(0.142002761f));                                                                                    \
        g = sg_fma(g, t, (F)(0.0949109346f));                                                                                   \
        g = sg_fma(g, t, (F)(0.121862017f));                                                                                    \
        g = sg_fma(g, t, (F)(0.119495891f));                                                                                    \
        return sg_fma(g, t, (F)(6.6861362e-06f));                                                                               \
    }                                                                                                                           \
    SG_FN F gelu_f##V(F x) {                                                                                                    \
        F a = sg_magnitude##V(x, SG_GELU_MAX);                                                                                  \
        return sg_fma(-a, gelu_bell##V(a) * gelu_mills##V(a), sg_positive##V(x));                                               \
    }                                                                                                                           \
    SG_FN F gelu_d1##V(F x) {                                                                                                   \
        F a = sg_magnitude##V(x, SG_GELU_MAX);                                                                                  \
        return sg_mirror##V(x, gelu_bell##V(a) * sg_fma(a, (F)(-SG_INV_SQRT_2PI), gelu_mills##V(a)));                           \
    }                                                                                                                           \
    SG_FN F gelu_d2##V(F x) {                                                                                                   \
        F a = sg_magnitude##V(x, SG_GELU_MAX);                                                                                  \
        return SG_INV_SQRT_2PI * gelu_bell##V(a) * sg_fma(-a, a, (F)(2.0f));                                                    \
    }                                                                                                                           \
                                                                                                                                \
    /* e^(-w) */                                                                                                                \
    SG_FN F gelu_tanh_e##V(F a) { return sg_exp2n##V(SG_GELU_TANH_LOG2 * sg_fma(SG_GELU_TANH_B * a * a, a, a)); }               \
    SG_FN F gelu_tanh_w1##V(F a) { return SG_GELU_TANH_2A * sg_fma(3.0f * SG_GELU_TANH_B * a, a, (F)(1.0f)); }                  \
    SG_FN F gelu_tanh_f##V(F x) {                                                                                               \
        F a = sg_magnitude##V(x, SG_GELU_TANH_MAX), e = gelu_tanh_e##V(a);                                                      \
        return sg_fma(-a, e * sg_rcp##V((F)(1.0f) + e), sg_positive##V(x));                                                     \
    }                                                                                                                           \
    SG_FN F gelu_tanh_d1##V(F x) {                                                                                              \
        F a = sg_magnitude##V(x, SG_GELU_TANH_MAX), e = gelu_tanh_e##V(a), r = sg_rcp##V((F)(1.0f) + e), q = e * r;             \
        return sg_mirror##V(x, sg_fma(-a * gelu_tanh_w1##V(a), q * r, q));                                                      \
    }                                                                                                                           \
    SG_FN F gelu_tanh_d2##V(F x) {                                                                                              \
        F a = sg_magnitude##V(x, SG_GELU_TANH_MAX), e = gelu_tanh_e##V(a), r = sg_rcp##V((F)(1.0f) + e);                        \
        F w1 = gelu_tanh_w1##V(a), w2 = 6.0f * SG_GELU_TANH_2A * SG_GELU_TANH_B * a, skew = ((F)(1.0f) - e) * r;                \
        return e * r * r * ((F)(2.0f) * w1 + a * (w2 - skew * w1 * w1));                                                        \
    }

SG_FN f32 sg_expn(f32 x) { return sg_exp(x); }
SG_FN f32 sg_exp2n(f32 x) { return sg_exp2(x); }
SG_FN f32 sg_rcp(f32 x) { return sg_quick_rcp(x); }
SG_FUNCTIONS(f32, )

#endif
