/* Sums that do not lose digits over long extents: (hi, lo) pairs, hi the running fp32 sum and lo what its roundings dropped (Knuth's TwoSum;
   Ogita, Rump & Oishi 2005). Callers first add a few neighbours pairwise, so the pair is touched once per handful of elements.
   A statement, for scalars and vectors alike; compilers must not reassociate (both dialects' defaults). */
#ifndef SG_LIB_SUMS_H
#define SG_LIB_SUMS_H
#include "lib/dialect.h"

#define SG_TWO_SUM(F, hi, lo, x)                          \
    do {                                                  \
        F sg_x = (x), sg_s = (hi) + sg_x, sg_b = sg_s - (hi); \
        (lo) += ((hi) - (sg_s - sg_b)) + (sg_x - sg_b);   \
        (hi) = sg_s;                                      \
    } while (0)

/* An infinity or NaN in hi has left nonsense in lo. */
SG_FN f32 sg_sum_value(f32 hi, f32 lo) { return hi - hi == 0.0f ? hi + lo : hi; }

#endif
