/* What batch, group and instance norm make of the sums of their channels (norm/channel_norm): statistics, parameters' gradients, and the terms of an affine map per
   channel. y = w xh + b, xh = (x - mean) r, r = (variance + epsilon)^(-1/2), mean and variance over the N elements of a set: the rows of a segment and the channels of a group.

     g = w dy,  m1 = mean g,  m2 = mean (g xh)
     backward         dx = r (g - m1 - xh m2)                          dw = sum dy xh, db = sum dy
     tangent          mt = mean xt,  ht = mean (xh xt),  rt = -r^2 ht,  xht = r (xt - mt - xh ht)
                      yt = w xht + wt xh + bt
     tangentBackward  m1t = mean (w dyt + wt dy),  m2t = mean (w dyt xh + wt dy xh + w dy xht)
                      dxt = rt (g - m1 - xh m2) + r (w dyt + wt dy - m1t - xht m2 - xh m2t)
                      dwt = sum (dyt xh + dy xht),  dbt = sum dyt
     curvature        sum of w dy (2 rt (xt - mt) + rtt (x - mean)) + 2 wt dy xht,  rtt = 3 r^3 ht^2 - r^3 (mean xt^2 - mt^2)

   Statistics that are given (fixed) do not move: mt, ht, m1, m2 and their tangents are 0.

     channel_stats_f32             mean, r from kind 0 of channel_sums; terms of forward; running_mean and running_variance += momentum (batch's - theirs), the variance unbiased
     channel_given_f32             the same from given statistics
     channel_backward_f32          terms and dw, db from kind 1 of K cotangents
     channel_tangent_f32           terms, mt and rt from kind 1 of K tangents
     channel_tangent_backward_f32  terms and dwt, dbt from kind 2 of K tangents and kind 1 of the cotangent
     channel_curvature_f32         out[k] from kind 3 of K tangents and kind 1 of the cotangent

   partials: [pieces, copies, segments, 4, channels], those of the cotangent with copies 1; terms: [copies, segments, 5, channels], factors of u, v, z, x - mean and the constant;
   mean, r: [segments, channels], equal within a group; mt, rt: [copies, segments, channels]; w, b: [channels] or null (1, 0); wt, bt, dw, db: [copies, channels] or null;
   n: elements of a set. Work-group: 256; a work-item per (copy, segment, group), of gradients per (copy, channel), of curvature a group per copy. All arrays are small. */
#include "lib/gpu.h"
#include "norm/channel_norm.h"

#define CHANNEL_SHAPE i64 pieces, i64 copies, i64 segments, i64 channels, i64 groups

/* A channel's sum of one kind over all pieces, in order. */
SG_FN f32 channel_sum(const SG_GLOBAL f32 *partials, i64 pieces, i64 copies, i64 segments, i64 channels, i64 copy, i64 segment, i32 place, i64 c) {
    f32 hi = 0.0f;
    for (i64 p = 0; p < pieces; p++) hi += partials[(((p * copies + copy) * segments + segment) * CHANNEL_SUMS_OF + place) * channels + c];
    return hi;
}
#define CHANNEL_SUM(from, of_copies, copy, place, c) channel_sum(from, pieces, of_copies, segments, channels, copy, segment, place, c)

/* A channel's weight, or 1; its tangent, or 0. */
#define CHANNEL_W(c) (w ? w[c] : 1.0f)
#define CHANNEL_WT(c) (wt ? wt[copy * channels + (c)] : 0.0f)

/* f32 terms[5] of one channel. */
SG_FN void channel_put(SG_GLOBAL f32 *terms, i64 segments, i64 channels, i64 copy, i64 segment, i64 c, f32 u, f32 v, f32 z, f32 x, f32 rest) {
    SG_GLOBAL f32 *at = terms + (copy * segments + segment) * CHANNEL_TERMS * channels + c;
    at[0] = u;
    at[channels] = v;
    at[2 * channels] = z;
    at[3 * channels] = x;
    at[4 * channels] = rest;
}

SG_KERNEL_OF(256, 3) channel_stats_f32(const SG_GLOBAL f32 *partials, const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *w, const SG_GLOBAL f32 *b, SG_GLOBAL f32 *mean,
                                 SG_GLOBAL f32 *r, SG_GLOBAL f32 *terms, SG_GLOBAL f32 *running_mean, SG_GLOBAL f32 *running_variance, CHANNEL_SHAPE, i64 rows,
                                 f32 epsilon, f32 momentum) {
    i64 width = channels / groups;
    for (i64 i = sg_item(); i < segments * groups; i += sg_all_items()) {
        i64 segment = i / groups, first = i % groups * width;
        const SG_GLOBAL f32 *shifts = x + segment * rows * channels;
        /* means of channels, then of the group; squares about it */
        f32 centre = 0.0f, squares = 0.0f;
        for (i64 c = first; c < first + width; c++) {
            f32 m = shifts[c] + CHANNEL_SUM(partials, 1, 0, 0, c) / (f32)rows;
            mean[segment * channels + c] = m;
            centre += (m - shifts[first]) / (f32)width;
        }
        centre += shifts[first];
        for (i64 c = first; c < first + width; c++) {
            f32 sum = CHANNEL_SUM(partials, 1, 0, 0, c), m = mean[segment * channels + c];
            squares += (CHANNEL_SUM(partials, 1, 0, 3, c) - sum * (sum / (f32)rows)) / (f32)rows + (m - centre) * (m - centre);
        }
        f32 variance = squares > 0.0f ? squares / (f32)width : squares == squares ? 0.0f : squares, inverse = 1.0f / sg_sqrt(variance + epsilon);
        for (i64 c = first; c < first + width; c++) {
            mean[segment * channels + c] = centre;
            r[segment * channels + c] = inverse;
            channel_put(terms, segments, channels, 0, segment, c, 0.0f, 0.0f, 0.0f, CHANNEL_W(c) * inverse, b ? b[c] : 0.0f);
            if (running_mean) {
                running_mean[c] += momentum * (centre - running_mean[c]);
                running_variance[c] += momentum * (variance * ((f32)rows / (f32)(rows - 1)) - running_variance[c]);
            }
        }
    }
}

SG_KERNEL(256) channel_given_f32(const SG_GLOBAL f32 *given_mean, const SG_GLOBAL f32 *given_variance, const SG_GLOBAL f32 *w, const SG_GLOBAL f32 *b,
                                 SG_GLOBAL f32 *mean, SG_GLOBAL f32 *r, SG_GLOBAL f32 *terms, i64 channels, f32 epsilon) {
    for (i64 c = sg_item(); c < channels; c += sg_all_items()) {
        f32 inverse = 1.0f / sg_sqrt(given_variance[c] + epsilon);
        mean[c] = given_mean[c];
        r[c] = inverse;
        channel_put(terms, 1, channels, 0, 0, c, 0.0f, 0.0f, 0.0f, CHANNEL_W(c) * inverse, b ? b[c] : 0.0f);
    }
}

SG_KERNEL_OF(256, 3) channel_backward_f32(const SG_GLOBAL f32 *partials, const SG_GLOBAL f32 *r, const SG_GLOBAL f32 *w, SG_GLOBAL f32 *terms, SG_GLOBAL f32 *dw,
                                    SG_GLOBAL f32 *db, CHANNEL_SHAPE, i64 n, i32 fixed, i32 add_w, i32 add_b) {
    i64 width = channels / groups, sets = terms ? copies * segments * groups : 0;
    for (i64 i = sg_item(); i < sets; i += sg_all_items()) {
        i64 copy = i / groups / segments, segment = i / groups % segments, first = i % groups * width;
        f32 m1 = 0.0f, m2 = 0.0f;
        for (i64 c = first; !fixed && c < first + width; c++) {
            m1 += CHANNEL_W(c) * CHANNEL_SUM(partials, copies, copy, 0, c);
            m2 += CHANNEL_W(c) * CHANNEL_SUM(partials, copies, copy, 1, c);
        }
        m1 /= (f32)n;
        m2 /= (f32)n;
        for (i64 c = first; c < first + width; c++) {
            f32 inverse = r[segment * channels + c];
            channel_put(terms, segments, channels, copy, segment, c, inverse * CHANNEL_W(c), 0.0f, 0.0f, -inverse * inverse * m2, -inverse * m1);
        }
    }
    for (i64 i = sg_item(); i < (dw || db ? copies * channels : 0); i += sg_all_items()) {
        i64 copy = i / channels, c = i % channels;
        f32 scale = 0.0f, shift = 0.0f;
        for (i64 segment = 0; segment < segments; segment++) {
            shift += CHANNEL_SUM(partials, copies, copy, 0, c);
            scale += CHANNEL_SUM(partials, copies, copy, 1, c);
        }
        if (dw) dw[i] = add_w ? dw[i] + scale : scale;
        if (db) db[i] = add_b ? db[i] + shift : shift;
    }
}

SG_KERNEL(256) channel_tangent_f32(const SG_GLOBAL f32 *partials, const SG_GLOBAL f32 *r, const SG_GLOBAL f32 *w, const SG_GLOBAL f32 *wt, const SG_GLOBAL f32 *bt,
                                   SG_GLOBAL f32 *terms, SG_GLOBAL f32 *mt, SG_GLOBAL f32 *rt, CHANNEL_SHAPE, i64 n, i32 fixed) {
    i64 width = channels / groups;
    for (i64 i = sg_item(); i < copies * segments * groups; i += sg_all_items()) {
        i64 copy = i / groups / segments, segment = i / groups % segments, first = i % groups * width;
        f32 m = 0.0f, h = 0.0f;
        for (i64 c = first; !fixed && c < first + width; c++) {
            m += CHANNEL_SUM(partials, copies, copy, 0, c);
            h += CHANNEL_SUM(partials, copies, copy, 1, c);
        }
        m /= (f32)n;
        h /= (f32)n;
        for (i64 c = first; c < first + width; c++) {
            i64 at = (copy * segments + segment) * channels + c;
            f32 inverse = r[segment * channels + c], scale = CHANNEL_W(c) * inverse;
            channel_put(terms, segments, channels, copy, segment, c, scale, 0.0f, 0.0f, inverse * (CHANNEL_WT(c) - scale * h),
                        (bt ? bt[copy * channels + c] : 0.0f) - scale * m);
            if (mt) mt[at] = m;
            if (rt) rt[at] = -inverse * inverse * h;
        }
    }
}

SG_KERNEL_OF(256, 3) channel_tangent_backward_f32(const SG_GLOBAL f32 *partials, const SG_GLOBAL f32 *of_cotangent, const SG_GLOBAL f32 *r, const SG_GLOBAL f32 *mt,
                                            const SG_GLOBAL f32 *rt, const SG_GLOBAL f32 *w, const SG_GLOBAL f32 *wt, SG_GLOBAL f32 *terms, SG_GLOBAL f32 *dwt,
                                            SG_GLOBAL f32 *dbt, CHANNEL_SHAPE, i64 n, i32 fixed, i32 add_w, i32 add_b) {
    i64 width = channels / groups, sets = terms ? copies * segments * groups : 0;
    for (i64 i = sg_item(); i < sets; i += sg_all_items()) {
        i64 copy = i / groups / segments, segment = i / groups % segments, first = i % groups * width, of = (copy * segments + segment) * channels;
        f32 m1 = 0.0f, m2 = 0.0f, m1t = 0.0f, m2t = 0.0f;
        for (i64 c = first; !fixed && c < first + width; c++) {
            f32 inverse = r[segment * channels + c], dy = CHANNEL_SUM(of_cotangent, 1, 0, 0, c), dyx = CHANNEL_SUM(of_cotangent, 1, 0, 1, c);
            /* sum of dy xht */
            f32 moved = inverse * (CHANNEL_SUM(partials, copies, copy, 2, c) - (mt ? mt[of + c] : 0.0f) * dy) + (rt ? rt[of + c] / inverse : 0.0f) * dyx;
            m1 += CHANNEL_W(c) * dy;
            m2 += CHANNEL_W(c) * dyx;
            m1t += CHANNEL_W(c) * CHANNEL_SUM(partials, copies, copy, 0, c) + CHANNEL_WT(c) * dy;
            m2t += CHANNEL_W(c) * (CHANNEL_SUM(partials, copies, copy, 1, c) + moved) + CHANNEL_WT(c) * dyx;
        }
        m1 /= (f32)n;
        m2 /= (f32)n;
        m1t /= (f32)n;
        m2t /= (f32)n;
        for (i64 c = first; c < first + width; c++) {
            f32 inverse = r[segment * channels + c], turn = rt ? rt[of + c] : 0.0f, square = inverse * inverse;
            channel_put(terms, segments, channels, copy, segment, c, inverse * CHANNEL_W(c), -square * m2, turn * CHANNEL_W(c) + inverse * CHANNEL_WT(c),
                        -2.0f * inverse * turn * m2 - square * m2t, -turn * m1 - inverse * m1t + square * m2 * (mt ? mt[of + c] : 0.0f));
        }
    }
    for (i64 i = sg_item(); i < (dwt || dbt ? copies * channels : 0); i += sg_all_items()) {
        i64 copy = i / channels, c = i % channels;
        f32 scale = 0.0f, shift = 0.0f;
        for (i64 segment = 0; segment < segments; segment++) {
            i64 at = (copy * segments + segment) * channels + c;
            f32 inverse = r[segment * channels + c];
            f32 dy = CHANNEL_SUM(of_cotangent, 1, 0, 0, c), dyx = CHANNEL_SUM(of_cotangent, 1, 0, 1, c);
            shift += CHANNEL_SUM(partials, copies, copy, 0, c);
            scale += CHANNEL_SUM(partials, copies, copy, 1, c) + inverse * (CHANNEL_SUM(partials, copies, copy, 2, c) - (mt ? mt[at] : 0.0f) * dy) +
                     (rt ? rt[at] / inverse : 0.0f) * dyx;
        }
        if (dwt) dwt[i] = add_w ? dwt[i] + scale : scale;
        if (dbt) dbt[i] = add_b ? dbt[i] + shift : shift;
    }
}

SG_KERNEL_OF(256, 3) channel_curvature_f32(const SG_GLOBAL f32 *partials, const SG_GLOBAL f32 *of_cotangent, const SG_GLOBAL f32 *r, const SG_GLOBAL f32 *mt,
                                     const SG_GLOBAL f32 *rt, const SG_GLOBAL f32 *w, const SG_GLOBAL f32 *wt, SG_GLOBAL f32 *out, CHANNEL_SHAPE, i64 n, i32 fixed) {
    SG_SHARED(f32, sums, 256);
    i64 width = channels / groups, copy = sg_group(0);
    f32 total = 0.0f;
    for (i64 i = sg_local(0); i < segments * groups; i += sg_locals(0)) {
        i64 segment = i / groups, first = i % groups * width, of = (copy * segments + segment) * channels;
        f32 inverse = r[segment * channels + first], m = mt ? mt[of + first] : 0.0f, turn = rt ? rt[of + first] : 0.0f, squares = 0.0f;
        for (i64 c = first; !fixed && c < first + width; c++) squares += CHANNEL_SUM(partials, copies, copy, 3, c);
        f32 h = -turn / (inverse * inverse), turn2 = fixed ? 0.0f : inverse * inverse * inverse * (3.0f * h * h - (squares / (f32)n - m * m));
        for (i64 c = first; c < first + width; c++) {
            f32 dy = CHANNEL_SUM(of_cotangent, 1, 0, 0, c), dyx = CHANNEL_SUM(of_cotangent, 1, 0, 1, c);
            f32 along = CHANNEL_SUM(partials, copies, copy, 2, c) - m * dy;
            total += CHANNEL_W(c) * (2.0f * turn * along + turn2 * dyx / inverse) + 2.0f * CHANNEL_WT(c) * (inverse * along + turn / inverse * dyx);
        }
    }
    sums[sg_local(0)] = total;
    for (u32 step = sg_locals(0) / 2; step > 0; step /= 2) {
        SG_BARRIER();
        if (sg_local(0) < step) sums[sg_local(0)] += sums[sg_local(0) + step];
    }
    if (sg_local(0) == 0) out[copy] = sums[0];
}
