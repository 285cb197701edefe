/* Losses of one element, of an output y and a target t, in fp32: NAME_f, its derivatives by y NAME_d1 and NAME_d2. SG_ELEMENT_LOSSES(F, V) writes them for a
   type F, names ending in V, as SG_FUNCTIONS does; d = y - t.

   mse              d^2; 2 d; 2
   l1               |d|; sign d, 0 at 0; 0
   huber            d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2) (Huber 1964); d clamped to [-delta, delta]; 1 or 0
   bce_with_logits  -t log s - (1 - t) log(1 - s), s = 1 / (1 + e^-y), as log(1 + e^-|y|) + (y >= 0 ? y (1 - t) : -y t): both terms are at least 0 for t in
                    [0, 1], so nothing cancels; s - t; s (1 - s)

   A NaN gives NaN, but of the constant: what asks for mse's d2 need not read y and t. */
#ifndef SG_LOSS_ELEMENT_LOSS_H
#define SG_LOSS_ELEMENT_LOSS_H
#include "lib/functions.h"

/* M(NAME, y of an element that is none: with t = 0 its loss is 0) */
#define SG_EACH_ELEMENT_LOSS(M) M(mse, 0.0f) M(l1, 0.0f) M(huber, 0.0f) M(bce_with_logits, -1e30f)

#define SG_ELEMENT_LOSSES(F, V)                                                             \
    SG_FN F mse_f##V(F y, F t, f32 delta) { return (y - t) * (y - t); }                     \
    SG_FN F mse_d1##V(F y, F t, f32 delta) { return (y - t) * 2.0f; }                       \
    SG_FN F mse_d2##V(F y, F t, f32 delta) { return (F)(2.0f); }                            \
    SG_FN F l1_f##V(F y, F t, f32 delta) { return sg_fabs(y - t); }                         \
    SG_FN F l1_d1##V(F y, F t, f32 delta) {                                                 \
        F d = y - t;                                                                        \
        return d > (F)(0.0f) ? (F)(1.0f) : (d < (F)(0.0f) ? (F)(-1.0f) : d);                \
    }                                                                                       \
    SG_FN F l1_d2##V(F y, F t, f32 delta) {                                                 \
        F d = y - t;                                                                        \
        return d == d ? (F)(0.0f) : d;                                                      \
    }                                                                                       \
    SG_FN F huber_f##V(F y, F t, f32 delta) {                                               \
        F d = y - t, a = sg_fabs(d);                                                        \
        return a > (F)(delta) ? (a - 0.5f * delta) * delta : d * d * 0.5f;                  \
    }                                                                                       \
    SG_FN F huber_d1##V(F y, F t, f32 delta) {                                              \
        F d = y - t;                                                                        \
        return d > (F)(delta) ? (F)(delta) : (d < (F)(-delta) ? (F)(-delta) : d);           \
    }                                                                                       \
    SG_FN F huber_d2##V(F y, F t, f32 delta) {                                              \
        F a = sg_fabs(y - t);                                                               \
        return a > (F)(delta) ? (F)(0.0f) : (a <= (F)(delta) ? (F)(1.0f) : a);              \
    }                                                                                       \
    SG_FN F bce_with_logits_f##V(F y, F t, f32 delta) {                                     \
        return softplus_f##V(-sg_fabs(y)) + (y < (F)(0.0f) ? -y * t : y * ((F)(1.0f) - t)); \
    }                                                                                       \
    SG_FN F bce_with_logits_d1##V(F y, F t, f32 delta) {                                    \
        return y > (F)(0.0f) ? ((F)(1.0f) - t) - sigmoid_f##V(-y) : sigmoid_f##V(y) - t;    \
    }                                                                                       \
    SG_FN F bce_with_logits_d2##V(F y, F t, f32 delta) { return sigmoid_d1##V(y) + t * 0.0f; }
#endif
