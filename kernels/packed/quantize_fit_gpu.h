/* quantize_fit for GPUs, shared by kernels/packed/quantize.cu and kernels/packed/quantize.cl. The dialects supply QUANT_LOCAL and QUANT_BARRIER.

   FIT_LANES threads share a group, and each tries every FIT_LANES-th clip: so a clip's error is one chain over the group's elements, whatever
   the number of threads, and an element is loaded once for all of a thread's clips. The clip of least error wins, of equal ones the first. */
#ifndef SG_PACKED_QUANTIZE_FIT_GPU_H
#define SG_PACKED_QUANTIZE_FIT_GPU_H
#include "packed/quantize.h"

#define FIT_THREADS 256
#define FIT_LANES 8
#define FIT_GROUPS (FIT_THREADS / FIT_LANES) /* of a work-group */
#define FIT_MOST_CLIPS ((2 * QUANT_TRIALS + FIT_LANES - 1) / FIT_LANES) /* of a thread */

typedef struct {
    f32 error, step, centre;
    i32 clip; /* -1: none */
} FitBest;

SG_FN void fit_range(f32 x, f32 *low, f32 *high, i32 *finite) {
    *low = sg_fmin(*low, x);
    *high = sg_fmax(*high, x);
    *finite &= quant_finite(x);
}

/* Adds the squared error of x at each clip: quant_centred for numbers that are finite. */
SG_FN void fit_add(const int bits, const int clips, f32 x, const f32 *s, const f32 *c, const f32 *reciprocal, f32 *sum) {
    const f32 half_range = (f32)(1 << (bits - 1));
#pragma unroll
    for (int j = 0; j < clips; j++) {
        const f32 q = sg_fmin(sg_fmax((x - c[j]) * reciprocal[j], -half_range), half_range - 1.0f);
        const f32 d = x - sg_fma(s[j], (q + QUANT_ROUND) - QUANT_ROUND, c[j]);
        sum[j] = sg_fma(d, d, sum[j]);
    }
}

/* The best of lane's clips. A group that holds a NaN or an infinity counts as zeros: no clip. `wide`: w is 16-byte aligned. */
SG_FN FitBest fit_lane(const int bits, const int symmetric, const SG_GLOBAL f32 *w, i32 count, i32 lane, int wide) {
    const int all = symmetric ? 2 * QUANT_TRIALS : QUANT_TRIALS, clips = (all + FIT_LANES - 1) / FIT_LANES;
    f32 s[FIT_MOST_CLIPS], c[FIT_MOST_CLIPS], reciprocal[FIT_MOST_CLIPS], sum[FIT_MOST_CLIPS];
    i32 clip[FIT_MOST_CLIPS];
    f32 low = w[0], high = w[0];
    i32 finite = 1, i = 0, any = 0;
    FitBest best;
    if (wide) {
        for (; i + 4 <= count; i += 4) {
            const float4 v = *(const SG_GLOBAL float4 *)(w + i);
            fit_range(v.x, &low, &high, &finite);
            fit_range(v.y, &low, &high, &finite);
            fit_range(v.z, &low, &high, &finite);
            fit_range(v.w, &low, &high, &finite);
        }
    }
    for (; i < count; i++) fit_range(w[i], &low, &high, &finite);
    if (!finite) low = high = 0.0f;
#pragma unroll
    for (int j = 0; j < clips; j++) {
        const i32 t = lane + j * FIT_LANES, second = symmetric && t >= QUANT_TRIALS;
        const f32 sign = second ? -1.0f : 1.0f, base = quant_base(bits, low, high, symmetric, sign);
        clip[j] = t < all && base >= QUANT_LEAST_STEP ? t : -1;
        s[j] = sign * quant_trial(base, second ? t - QUANT_TRIALS : t);
        c[j] = quant_centre(low, high, symmetric, s[j]);
        reciprocal[j] = quant_reciprocal(s[j]);
        sum[j] = 0.0f;
        any |= clip[j] >= 0;
    }
    i = 0;
    if (any && wide) {
        for (; i + 4 <= count; i += 4) {
            const float4 v = *(const SG_GLOBAL float4 *)(w + i);
            fit_add(bits, clips, v.x, s, c, reciprocal, sum);
            fit_add(bits, clips, v.y, s, c, reciprocal, sum);
            fit_add(bits, clips, v.z, s, c, reciprocal, sum);
            fit_add(bits, clips, v.w, s, c, reciprocal, sum);
        }
    }
    for (; any && i < count; i++) fit_add(bits, clips, w[i], s, c, reciprocal, sum);
    best.error = 0.0f;
    best.step = 0.0f;
    best.centre = quant_centre(low, high, symmetric, 0.0f);
    best.clip = -1;
#pragma unroll
    for (int j = 0; j < clips; j++) {
        if (clip[j] >= 0 && (best.clip < 0 || sum[j] < best.error)) {
            best.error = sum[j];
            best.step = s[j];
            best.centre = c[j];
            best.clip = clip[j];
        }
    }
    return best;
}

/* Group block * FIT_GROUPS + thread / FIT_LANES of [n][ceil(k / group)]. `shared` has FIT_THREADS elements. */
SG_FN void fit_group(const int bits, const SG_GLOBAL f32 *w, SG_GLOBAL f32 *scales, SG_GLOBAL f32 *offsets, i64 n, i64 k, i32 group, i64 block,
                     i32 thread, QUANT_LOCAL FitBest *shared) {
    const i64 groups = packed_groups(k, group), i = block * FIT_GROUPS + thread / FIT_LANES, row = i / groups;
    const i64 from = (i - row * groups) * group;
    const int wide = (group & 3) == 0 && (k & 3) == 0 && quant_aligned16(w);
    FitBest best;
    if (row < n) {
        const i32 count = (i32)(k - from < group ? k - from : group);
        if (offsets) best = fit_lane(bits, 0, w + row * k + from, count, thread % FIT_LANES, wide);
        else best = fit_lane(bits, 1, w + row * k + from, count, thread % FIT_LANES, wide);
        shared[thread] = best;
    }
    QUANT_BARRIER();
    if (row >= n || thread % FIT_LANES != 0) return;
    for (i32 lane = 1; lane < FIT_LANES; lane++) {
        const FitBest other = shared[thread + lane];
        const int wins = other.error < best.error || (other.error == best.error && other.clip < best.clip);
        if (other.clip >= 0 && (best.clip < 0 || wins)) best = other;
    }
    scales[i] = best.step;
    if (offsets) offsets[i] = best.centre;
}

#endif
