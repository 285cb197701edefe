/* Compensated sums (lib/sums.h) of 16 lanes at a time, for the variants for CPU devices. */
#ifndef SG_LIB_CPU_SUMS_H
#define SG_LIB_CPU_SUMS_H
#include "lib/sums.h"
#include "lib/cpu/vector.h"

/* The 16 lanes of a pair into one, lane 0 first. */
SG_FN float2 sg_sum_lanes(float16 hi, float16 lo) {
    f32 h[16], l[16], sum = 0.0f, rest = 0.0f;
    vstore16(hi, 0, h);
    vstore16(lo, 0, l);
    for (i32 e = 0; e < 16; e++) {
        SG_TWO_SUM(f32, sum, rest, h[e]);
        rest += l[e];
    }
    return (float2)(sum, rest);
}

/* Adds TERM(i) .. TERM(i + 15) to the pair (hi, lo) for i from `begin`, in blocks of 8 vectors that are added pairwise. TERM yields a float16;
   PART(i, count) the same for the last, shorter vector, 0 in the lanes beyond. */
#define SG_SUM_TERMS(begin, end, hi, lo, TERM, PART)                                                                        \
    do {                                                                                                                    \
        i64 i = (begin);                                                                                                    \
        for (; i + 128 <= (end); i += 128) {                                                                                \
            float16 a = (TERM(i) + TERM(i + 16)) + (TERM(i + 32) + TERM(i + 48));                                           \
            float16 b = (TERM(i + 64) + TERM(i + 80)) + (TERM(i + 96) + TERM(i + 112));                                     \
            SG_TWO_SUM(float16, hi, lo, a + b);                                                                             \
        }                                                                                                                   \
        for (; i < (end); i += 16) SG_TWO_SUM(float16, hi, lo, (PART(i, (end) - i)));                                       \
    } while (0)

#endif
