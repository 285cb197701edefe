/* Elementwise functions with their first and second derivatives, in fp32. NAME(x), NAME_d1(x), NAME_d2(x).
   Derivatives are written to stay accurate in the tails: none subtracts two nearly equal numbers where it need not.
   gelu: x Phi(x), Phi the normal distribution function; gelu' = Phi + x phi; gelu'' = (2 - x^2) phi (Hendrycks & Gimpel 2016). */
#ifndef SG_FUNCTIONS_H
#define SG_FUNCTIONS_H
#include "common/dialect.h"

#define SG_SQRT_HALF 0.70710678118654752440f
#define SG_INV_SQRT_2PI 0.39894228040143267794f
#define SG_GELU_TANH_A 0.79788456080286535588f /* sqrt(2/pi) */
#define SG_GELU_TANH_B 0.044715f

SG_FN f32 identity_f(f32 x) { return x; }
SG_FN f32 identity_d1(f32 x) { return 1.0f; }
SG_FN f32 identity_d2(f32 x) { return 0.0f; }

/* NaN passes through: fmax would swallow it */
SG_FN f32 relu_f(f32 x) { return x < 0.0f ? 0.0f : x; }
SG_FN f32 relu_d1(f32 x) { return x > 0.0f ? 1.0f : 0.0f; }
SG_FN f32 relu_d2(f32 x) { return 0.0f; }

SG_FN f32 sigmoid_f(f32 x) {
    f32 e = sg_exp(-sg_fabs(x));
    f32 r = 1.0f / (1.0f + e);
    return x >= 0.0f ? r : (x < 0.0f ? e * r : x);
}
/* sigma(x) sigma(-x) from one exponential: exact in both tails */
SG_FN f32 sigmoid_d1(f32 x) {
    f32 e = sg_exp(-sg_fabs(x));
    f32 r = 1.0f / (1.0f + e);
    return e * r * r;
}
SG_FN f32 sigmoid_d2(f32 x) {
    f32 e = sg_exp(-sg_fabs(x));
    f32 r = 1.0f / (1.0f + e);
    f32 t = e * r * r * (1.0f - e) * r; /* |sigma''| */
    return x >= 0.0f ? -t : t;
}

SG_FN f32 tanh_f(f32 x) { return sg_tanh(x); }
/* sech^2 by the exponential: 1 - tanh^2 cancels in the tails */
SG_FN f32 tanh_d1(f32 x) {
    f32 e = sg_exp(-2.0f * sg_fabs(x));
    f32 r = 1.0f / (1.0f + e);
    return 4.0f * e * r * r;
}
SG_FN f32 tanh_d2(f32 x) { return -2.0f * sg_tanh(x) * tanh_d1(x); }

SG_FN f32 silu_f(f32 x) { return x * sigmoid_f(x); }
SG_FN f32 silu_d1(f32 x) { return sigmoid_f(x) + x * sigmoid_d1(x); }
SG_FN f32 silu_d2(f32 x) { return 2.0f * sigmoid_d1(x) + x * sigmoid_d2(x); }

SG_FN f32 gelu_phi(f32 x) { return SG_INV_SQRT_2PI * sg_exp(-0.5f * x * x); }
SG_FN f32 gelu_f(f32 x) { return 0.5f * x * sg_erfc(-x * SG_SQRT_HALF); }
SG_FN f32 gelu_d1(f32 x) { return 0.5f * sg_erfc(-x * SG_SQRT_HALF) + x * gelu_phi(x); }
SG_FN f32 gelu_d2(f32 x) { return (2.0f - x * x) * gelu_phi(x); }

/* gelu_tanh(x) = x sigma(2u), u = a (x + b x^3): the same function as 0.5 x (1 + tanh u), without its cancellation */
SG_FN f32 gelu_tanh_u(f32 x) { return 2.0f * SG_GELU_TANH_A * (x + SG_GELU_TANH_B * x * x * x); }
SG_FN f32 gelu_tanh_u1(f32 x) { return 2.0f * SG_GELU_TANH_A * (1.0f + 3.0f * SG_GELU_TANH_B * x * x); }
SG_FN f32 gelu_tanh_u2(f32 x) { return 12.0f * SG_GELU_TANH_A * SG_GELU_TANH_B * x; }
SG_FN f32 gelu_tanh_f(f32 x) { return x * sigmoid_f(gelu_tanh_u(x)); }
SG_FN f32 gelu_tanh_d1(f32 x) {
    f32 u = gelu_tanh_u(x);
    return sigmoid_f(u) + x * sigmoid_d1(u) * gelu_tanh_u1(x);
}
SG_FN f32 gelu_tanh_d2(f32 x) {
    f32 u = gelu_tanh_u(x), u1 = gelu_tanh_u1(x), s1 = sigmoid_d1(u);
    return 2.0f * s1 * u1 + x * (sigmoid_d2(u) * u1 * u1 + s1 * gelu_tanh_u2(x));
}

#endif
