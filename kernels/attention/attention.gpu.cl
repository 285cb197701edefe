/* Attention in five modes, in O(t) memory: no array of t x s. P = softmax over keys of S (attention/attention.h), M what dropout multiplies with (0 or 1 / (1 - p)):

     forward           O = (P M) V                                                 lse = log sum exp S; +inf and O = 0 where a row sees no key
     delta             D[c] = rowsum(o d_ot[c]) + rowsum(d_o ot[c]), a pair that has a null left out
     backward          dP = (dO V') M    dS = P (dP - D)       dQ = scale dS K     dK = scale dS' Q         dV = (P M)' dO
     tangent           St = scale (Qt K' + Q Kt')              mu = rowsum(P St)   Ot = (P (St - mu) M) V + (P M) Vt
     tangent_backward  Pt = P (St - mu)    dPt = (dOt V' + dO Vt') M               dSt = Pt (dP - D) + P (dPt - Dt)
                       dQt = scale (dSt K + dS Kt)             dKt = scale (dSt' Q + dS' Qt)                dVt = (Pt M)' dO + (P M)' dOt
     curvature         sum dS ((St - mu)^2 + 2 scale Qt Kt') + 2 sum P (St - mu) M (dO Vt')

   q, k, v and their tangents and gradients: as ATTENTION_PROBLEM says, `copies` of the latter one behind another, batch t (or s) row elements each. o, d_o, ot, d_ot:
   [copies, batch, t, heads, d]; lse, delta, mu, delta_t: [copies, batch, heads, t]; lengths: i32 [batch]; slopes: [heads]; random: u32 [4]. Any pointer that may be
   null stands for zeros, or for a result that is not wanted. dK and dV sum over the heads that share a kv head, in their order. In backward d_o, delta and all gradients
   have `copies` copies, in tangent_backward and curvature d_o and delta have one. partial: [copies, G, 2], G groups in x; its second floats are 0.

   Work-group: 256 (attention_tiles.h), delta 16 rows of 16 work-items. A group of forward and tangent has a tile of 64 rows and a chunk of 64 columns of the result, and makes
   the scores for it; so heads above 64 make them once for each chunk. backward and tangent_backward: first the groups of dQ, a tile of rows each, then those of dK and dV, a
   tile of keys each; nothing is added between groups. curvature: grid (tiles batch heads, parts of the copies), at most ATTENTION_COPIES copies a part. Local memory 26 KiB.
   Tiles that no row sees are left out.
   Ot is summed about a shift c, St at the row's first key: Ot = sum P (St - c) M V + P M Vt - (mu - c) O, so that a part of St that all keys share cancels before it is rounded.
   Flops of a visible pair and column: forward 4, backward 14, tangent 10 a copy, tangent_backward 36 a copy, curvature 4 and 8 a copy. Bytes: each operand once a tile, from
   cache.
   A group of curvature makes P and dP once for its copies. In the others a group has one copy: a second one's sums (16 registers a work-item in tangent, 32 in
   tangent_backward) would leave one group of tangent on a multiprocessor where two fit, to save one product of ten; tangent_backward (239 registers) has no room for them.
   What they share are pieces in local memory: a score comes with its tangent from four pieces, not six.
   sm_90, d = 64, instructions of a work-item for a tile and the share of them that are products' multiply-adds; registers, groups a multiprocessor:
     forward 4000, 51 %; 118, 2            backward 6300 (rows), 7800 (keys), 49 and 53 %; 128, 2      tangent 7800 a copy, 66 %; 127, 2
     tangent_backward 12300 (rows), 15100 (keys) a copy, 67 %; 239, 1                                 curvature 4100 and 6000 a copy, 68 %; 128, 2
   WIDE attention_forward_f32: 3 loads, 0 stores
   WIDE attention_backward_f32: 6 loads, 0 stores
   WIDE attention_tangent_f32: 6 loads, 0 stores
   WIDE attention_tangent_backward_f32: 12 loads, 0 stores
   WIDE attention_curvature_f32: 12 loads, 0 stores
   Source: Dao, FlashAttention-2 (2023); Rabe and Staats 2021; for the tangents Pearlmutter 1994. */
#include "attention/attention_tiles.h"

SG_KERNEL_OF(256, 2) attention_forward_f32(const SG_GLOBAL f32 *q, const SG_GLOBAL f32 *k, const SG_GLOBAL f32 *v, const SG_GLOBAL i32 *lengths,
                                     const SG_GLOBAL f32 *slopes, const SG_GLOBAL u32 *random, SG_GLOBAL f32 *o, SG_GLOBAL f32 *lse, ATTENTION_PROBLEM) {
    SG_SHARED_FOURS(pieces, ATTENTION_MEMORY);
    attention_part at;
    attention_part_of(sg_group(0), d, t, heads, batch, &at);
    i32 x = (i32)sg_local(0) % 16, y = (i32)sg_local(0) / 16, length = attention_length(lengths, at.b, s), kv = at.head / (heads / kv_heads), from, to;
    i64 o_row = (i64)heads * d, first_row = ((i64)at.b * heads + at.head) * t;
    f32 slope = slopes != 0 ? slopes[at.head] : 0.0f, kept = attention_kept_by(dropout);
    const SG_GLOBAL f32 *q_tile = q + q_from + ((i64)at.b * t + at.first) * q_row + (i64)at.head * d;
    const SG_GLOBAL f32 *k_head = k + k_from + (i64)at.b * s * k_row + (i64)kv * d, *v_head = v + v_from + (i64)at.b * s * v_row + (i64)kv * d;
    f32 acc[16], top[4], sum[4];
    attention_zero(acc);
    for (i32 p = 0; p < 4; p++) {
        top[p] = -SG_INFINITY;
        sum[p] = 0.0f;
    }
    attention_keys(t, s, causal, window, length, at.first, ATTENTION_TILE, &from, &to);
    for (i32 j0 = from / ATTENTION_TILE * ATTENTION_TILE; j0 < to; j0 += ATTENTION_TILE) {
        f32 w[16], part[4];
        attention_zero(w);
        attention_scores(w, q_tile, q_row, t - at.first, k_head + j0 * k_row, k_row, length - j0, d, pieces);
        for (i32 p = 0; p < 4; p++) {
            part[p] = -SG_INFINITY;
            for (i32 c = 0; c < 4; c++) {
                i32 i = at.first + 4 * y + p, j = j0 + 4 * x + c, place = i + s - t;
                bool seen = i < t && attention_visible(place, j, causal, window, length);
                f32 score = seen ? scale * w[4 * p + c] + slope * (f32)(j - place) : -SG_INFINITY;
                w[4 * p + c] = score;
                part[p] = score > part[p] || score != score ? score : part[p];
            }
        }
        SG_BARRIER();
        for (i32 p = 0; p < 4; p++) pieces[(4 * y + p) * ATTENTION_RED + x] = part[p];
        SG_BARRIER();
        u32 bits = attention_kept_tile(random, stream, dropout, first_row, s, 0, at.first, j0);
        for (i32 p = 0; p < 4; p++) {
            f32 most = top[p];
            for (i32 e = 0; e < 16; e++) {
                f32 one = pieces[(4 * y + p) * ATTENTION_RED + e];
                most = one > most || one != one ? one : most;
            }
            f32 shrink = top[p] == -SG_INFINITY ? 0.0f : sg_exp(top[p] - most);
            top[p] = most;
            sum[p] *= shrink;
            for (i32 c = 0; c < 4; c++) {
                f32 weight = w[4 * p + c] == -SG_INFINITY ? 0.0f : sg_exp(w[4 * p + c] - most);
                sum[p] += weight;
                w[4 * p + c] = bits >> (4 * p + c) & 1u ? kept * weight : 0.0f;
                acc[4 * p + c] *= shrink;
            }
        }
        attention_weigh(acc, w, v_head + j0 * v_row, v_row, length - j0, at.c0, d, pieces);
    }
    attention_row_sums(sum, pieces);
    for (i32 p = 0; p < 4; p++) {
        i32 i = at.first + 4 * y + p;
        f32 over = sum[p] == 0.0f ? 0.0f : 1.0f / sum[p];
        for (i32 c = 0; c < 4; c++) acc[4 * p + c] *= over;
        if (lse != 0 && at.c0 == 0 && x == 0 && i < t) lse[first_row + i] = sum[p] == 0.0f ? SG_INFINITY : top[p] + sg_log(sum[p]);
    }
    attention_store(acc, 1.0f, o + ((i64)at.b * t + at.first) * o_row + (i64)at.head * d, o_row, t - at.first, at.c0, d);
}

SG_KERNEL(256) attention_delta_f32(const SG_GLOBAL f32 *o, const SG_GLOBAL f32 *ot, const SG_GLOBAL f32 *d_o, const SG_GLOBAL f32 *d_ot, SG_GLOBAL f32 *delta,
                                   i32 batch, i32 heads, i32 t, i32 d, i32 copies) {
    SG_SHARED(f32, part, 16 * ATTENTION_RED);
    i64 rows = (i64)batch * t * heads, row = (i64)sg_group(0) * 16 + sg_local(0) / 16, one = rows * d;
    i32 x = (i32)sg_local(0) % 16, y = (i32)sg_local(0) / 16;
    f32 sum = 0.0f;
    if (row < rows * copies) {
        i64 shared = row % rows * d;
        for (i32 c = x; c < d; c += 16) {
            if (o != 0 && d_ot != 0) sum += o[shared + c] * d_ot[row / rows * one + shared + c];
            if (d_o != 0 && ot != 0) sum += d_o[shared + c] * ot[row / rows * one + shared + c];
        }
    }
    part[y * ATTENTION_RED + x] = sum;
    SG_BARRIER();
    if (x == 0 && row < rows * copies) {
        sum = 0.0f;
        for (i32 e = 0; e < 16; e++) sum += part[y * ATTENTION_RED + e];
        i64 h = row % heads, i = row / heads % t, b = row / heads / t; /* b counts the copies too */
        delta[(b * heads + h) * t + i] = sum;
    }
}

SG_KERNEL_OF(256, 2) attention_backward_f32(const SG_GLOBAL f32 *q, const SG_GLOBAL f32 *k, const SG_GLOBAL f32 *v, const SG_GLOBAL i32 *lengths,
                                      const SG_GLOBAL f32 *slopes, const SG_GLOBAL u32 *random, const SG_GLOBAL f32 *lse, const SG_GLOBAL f32 *delta,
                                      const SG_GLOBAL f32 *d_o, SG_GLOBAL f32 *dq, SG_GLOBAL f32 *dk, SG_GLOBAL f32 *dv, ATTENTION_PROBLEM) {
    SG_SHARED_FOURS(pieces, ATTENTION_MEMORY);
    i64 row_groups = dq != 0 ? (i64)copies * batch * heads * ((t + ATTENTION_TILE - 1) / ATTENTION_TILE) * ((d + ATTENTION_TILE - 1) / ATTENTION_TILE) : 0;
    i32 by_keys = (i64)sg_group(0) >= row_groups, x = (i32)sg_local(0) % 16, y = (i32)sg_local(0) / 16, from, to;
    attention_part at;
    attention_part_of((i64)sg_group(0) - (by_keys ? row_groups : 0), d, by_keys ? s : t, by_keys ? kv_heads : heads, batch, &at);
    i32 length = attention_length(lengths, at.b, s), per = heads / kv_heads, first_head = by_keys ? at.head * per : at.head;
    i32 kv = by_keys ? at.head : at.head / per;
    i64 o_row = (i64)heads * d;
    f32 acc[16], acc_v[16];
    attention_zero(acc);
    attention_zero(acc_v);
    if (by_keys) attention_rows(t, s, causal, window, length, at.first, ATTENTION_TILE, &from, &to);
    else attention_keys(t, s, causal, window, length, at.first, ATTENTION_TILE, &from, &to);
    for (i32 head = first_head; head < first_head + (by_keys ? per : 1); head++) {
        i64 first_row = ((i64)at.b * heads + head) * t;
        for (i32 o0 = from / ATTENTION_TILE * ATTENTION_TILE; o0 < to; o0 += ATTENTION_TILE) {
            i32 i0 = by_keys ? o0 : at.first, j0 = by_keys ? at.first : o0;
            i32 own_rows = by_keys ? length - j0 : t - i0, other_rows = by_keys ? t - i0 : length - j0;
            const SG_GLOBAL f32 *q_tile = q + q_from + ((i64)at.b * t + i0) * q_row + (i64)head * d, *k_tile = k + k_from + ((i64)at.b * s + j0) * k_row + (i64)kv * d, *v_tile = v + v_from + ((i64)at.b * s + j0) * v_row + (i64)kv * d, *do_tile = d_o + (((i64)at.copy * batch + at.b) * t + i0) * o_row + (i64)head * d;
            f32 w[16], ds[16], l[4], dl[4];
            attention_zero(w);
            attention_zero(ds);
            attention_scores(w, by_keys ? k_tile : q_tile, by_keys ? k_row : q_row, own_rows, by_keys ? q_tile : k_tile, by_keys ? q_row : k_row, other_rows, d, pieces);
            attention_scores(ds, by_keys ? v_tile : do_tile, by_keys ? v_row : o_row, own_rows, by_keys ? do_tile : v_tile, by_keys ? o_row : v_row, other_rows,
                             d, pieces);
            attention_load_4(l, lse + first_row, by_keys ? i0 + 4 * x : i0 + 4 * y, t);
            attention_load_4(dl, delta + first_row + (i64)at.copy * batch * heads * t, by_keys ? i0 + 4 * x : i0 + 4 * y, t);
            attention_probabilities(w, l, by_keys, at.first, o0, t, s, causal, window, length, scale, slopes != 0 ? slopes[head] : 0.0f);
            f32 kept = attention_kept_by(dropout);
            u32 bits = attention_kept_tile(random, stream, dropout, first_row, s, by_keys, at.first, o0);
            for (i32 p = 0; p < 4; p++) {
                for (i32 c = 0; c < 4; c++) {
                    f32 m = bits >> (4 * p + c) & 1u ? kept : 0.0f;
                    ds[4 * p + c] = w[4 * p + c] * (m * ds[4 * p + c] - (by_keys ? dl[c] : dl[p]));
                    w[4 * p + c] *= m;
                }
            }
            attention_weigh(acc_v, w, do_tile, o_row, (by_keys && dv != 0) ? other_rows : 0, at.c0, d, pieces);
            attention_weigh(acc, ds, by_keys ? q_tile : k_tile, by_keys ? q_row : k_row, (!by_keys || dk != 0) ? other_rows : 0, at.c0, d, pieces);
        }
    }
    if (!by_keys) {
        SG_GLOBAL f32 *to_tile = dq + (i64)at.copy * batch * t * q_row + q_from + ((i64)at.b * t + at.first) * q_row + (i64)at.head * d;
        attention_store(acc, scale, to_tile, q_row, t - at.first, at.c0, d);
        return;
    }
    i64 row = (i64)at.copy * batch * s + (i64)at.b * s + at.first;
    if (dk != 0) attention_store(acc, scale, dk + row * k_row + k_from + (i64)kv * d, k_row, s - at.first, at.c0, d);
    if (dv != 0) attention_store(acc_v, 1.0f, dv + row * v_row + v_from + (i64)kv * d, v_row, s - at.first, at.c0, d);
}

SG_KERNEL_OF(256, 2) attention_tangent_f32(const SG_GLOBAL f32 *q, const SG_GLOBAL f32 *k, const SG_GLOBAL f32 *v, const SG_GLOBAL i32 *lengths,
                                     const SG_GLOBAL f32 *slopes, const SG_GLOBAL u32 *random, const SG_GLOBAL f32 *o, const SG_GLOBAL f32 *lse,
                                     const SG_GLOBAL f32 *qt, const SG_GLOBAL f32 *kt, const SG_GLOBAL f32 *vt, SG_GLOBAL f32 *ot, SG_GLOBAL f32 *mu,
                                     ATTENTION_PROBLEM) {
    SG_SHARED_FOURS(pieces, ATTENTION_MEMORY);
    SG_SHARED(f32, shifts, ATTENTION_TILE);
    attention_part at;
    attention_part_of(sg_group(0), d, t, heads, batch, &at);
    i32 x = (i32)sg_local(0) % 16, y = (i32)sg_local(0) / 16, length = attention_length(lengths, at.b, s), kv = at.head / (heads / kv_heads), from, to;
    i64 o_row = (i64)heads * d, first_row = ((i64)at.b * heads + at.head) * t, copy_b = (i64)at.copy * batch + at.b;
    i64 q_at = q_from + (i64)at.head * d, k_at = k_from + (i64)kv * d, v_at = v_from + (i64)kv * d;
    f32 slope = slopes != 0 ? slopes[at.head] : 0.0f, kept = attention_kept_by(dropout);
    const SG_GLOBAL f32 *q_tile = q + q_at + ((i64)at.b * t + at.first) * q_row;
    f32 acc[16], mean[4], l[4];
    attention_zero(acc);
    for (i32 p = 0; p < 4; p++) mean[p] = 0.0f;
    attention_load_4(l, lse + first_row, at.first + 4 * y, t);
    if (sg_local(0) < ATTENTION_TILE) shifts[sg_local(0)] = 0.0f;
    attention_keys(t, s, causal, window, length, at.first, ATTENTION_TILE, &from, &to);
    for (i32 j0 = from / ATTENTION_TILE * ATTENTION_TILE; j0 < to; j0 += ATTENTION_TILE) {
        const SG_GLOBAL f32 *k_tile = k + k_at + ((i64)at.b * s + j0) * k_row, *v_tile = v + v_at + ((i64)at.b * s + j0) * v_row;
        f32 w[16], r[16];
        attention_zero(w);
        attention_zero(r);
        attention_scores_with_tangent(w, r, q_tile, qt != 0 ? qt + q_at + (copy_b * t + at.first) * q_row : 0, q_row, t - at.first, k_tile,
                                      kt != 0 ? kt + k_at + (copy_b * s + j0) * k_row : 0, k_row, length - j0, d, pieces);
        attention_probabilities(w, l, 0, at.first, j0, t, s, causal, window, length, scale, slope);
        ATTENTION_EACH {
            if (j0 + 4 * x + c == attention_first_key(at.first + 4 * y + p + s - t, window)) shifts[4 * y + p] = scale * r[4 * p + c];
        }
        SG_BARRIER();
        u32 bits = attention_kept_tile(random, stream, dropout, first_row, s, 0, at.first, j0);
        ATTENTION_EACH {
            f32 m = bits >> (4 * p + c) & 1u ? kept : 0.0f, part = w[4 * p + c] * (scale * r[4 * p + c] - shifts[4 * y + p]);
            mean[p] += part;
            r[4 * p + c] = m * part;
            w[4 * p + c] *= m;
        }
        attention_weigh(acc, r, v_tile, v_row, (qt != 0 || kt != 0) ? length - j0 : 0, at.c0, d, pieces);
        attention_weigh(acc, w, vt + v_at + (copy_b * s + j0) * v_row, v_row, vt != 0 ? length - j0 : 0, at.c0, d, pieces);
    }
    attention_row_sums(mean, pieces);
    for (i32 p = 0; p < 4; p++) {
        i32 i = at.first + 4 * y + p;
        if (i >= t) continue;
        for (i32 c = 0; c < 4; c++) {
            i32 column = at.c0 + 4 * x + c;
            if (column >= d) continue;
            i64 place = ((i64)at.b * t + i) * o_row + (i64)at.head * d + column;
            ot[(i64)at.copy * batch * t * o_row + place] = acc[4 * p + c] - mean[p] * o[place];
        }
        if (at.c0 == 0 && x == 0) mu[(i64)at.copy * batch * heads * t + first_row + i] = l[p] == SG_INFINITY ? 0.0f : mean[p] + shifts[4 * y + p];
    }
}

SG_KERNEL(256) attention_tangent_backward_f32(const SG_GLOBAL f32 *q, const SG_GLOBAL f32 *k, const SG_GLOBAL f32 *v, const SG_GLOBAL i32 *lengths,
                                              const SG_GLOBAL f32 *slopes, const SG_GLOBAL u32 *random, const SG_GLOBAL f32 *lse, const SG_GLOBAL f32 *mu,
                                              const SG_GLOBAL f32 *delta, const SG_GLOBAL f32 *delta_t, const SG_GLOBAL f32 *d_o, const SG_GLOBAL f32 *qt,
                                              const SG_GLOBAL f32 *kt, const SG_GLOBAL f32 *vt, const SG_GLOBAL f32 *d_ot, SG_GLOBAL f32 *dqt,
                                              SG_GLOBAL f32 *dkt, SG_GLOBAL f32 *dvt, ATTENTION_PROBLEM) {
    SG_SHARED_FOURS(pieces, ATTENTION_MEMORY);
    i64 row_groups = dqt != 0 ? (i64)copies * batch * heads * ((t + ATTENTION_TILE - 1) / ATTENTION_TILE) * ((d + ATTENTION_TILE - 1) / ATTENTION_TILE) : 0;
    i32 by_keys = (i64)sg_group(0) >= row_groups, x = (i32)sg_local(0) % 16, y = (i32)sg_local(0) / 16, from, to;
    attention_part at;
    attention_part_of((i64)sg_group(0) - (by_keys ? row_groups : 0), d, by_keys ? s : t, by_keys ? kv_heads : heads, batch, &at);
    i32 length = attention_length(lengths, at.b, s), per = heads / kv_heads, first_head = by_keys ? at.head * per : at.head;
    i32 kv = by_keys ? at.head : at.head / per;
    i64 o_row = (i64)heads * d, q_copy = (i64)at.copy * batch * t * q_row, k_copy = (i64)at.copy * batch * s * k_row;
    i64 v_copy = (i64)at.copy * batch * s * v_row, o_copy = (i64)at.copy * batch * t * o_row;
    f32 kept = attention_kept_by(dropout), acc[16], acc_v[16];
    attention_zero(acc);
    attention_zero(acc_v);
    if (by_keys) attention_rows(t, s, causal, window, length, at.first, ATTENTION_TILE, &from, &to);
    else attention_keys(t, s, causal, window, length, at.first, ATTENTION_TILE, &from, &to);
    for (i32 head = first_head; head < first_head + (by_keys ? per : 1); head++) {
        i64 first_row = ((i64)at.b * heads + head) * t, copy_row = first_row + (i64)at.copy * batch * heads * t;
        f32 slope = slopes != 0 ? slopes[head] : 0.0f;
        for (i32 o0 = from / ATTENTION_TILE * ATTENTION_TILE; o0 < to; o0 += ATTENTION_TILE) {
            i32 i0 = by_keys ? o0 : at.first, j0 = by_keys ? at.first : o0, first = i0 + (by_keys ? 4 * x : 4 * y);
            i32 own_rows = by_keys ? length - j0 : t - i0, other_rows = by_keys ? t - i0 : length - j0;
            i64 q_at = q_from + ((i64)at.b * t + i0) * q_row + (i64)head * d, k_at = k_from + ((i64)at.b * s + j0) * k_row + (i64)kv * d;
            i64 v_at = v_from + ((i64)at.b * s + j0) * v_row + (i64)kv * d, o_at = ((i64)at.b * t + i0) * o_row + (i64)head * d;
            /* scores of q and k, of their tangents; of d_o and v, of theirs: the own one first */
            const SG_GLOBAL f32 *a = by_keys ? k + k_at : q + q_at, *b = by_keys ? q + q_at : k + k_at;
            const SG_GLOBAL f32 *qt_tile = qt != 0 ? qt + q_copy + q_at : 0, *kt_tile = kt != 0 ? kt + k_copy + k_at : 0;
            const SG_GLOBAL f32 *vt_tile = vt != 0 ? vt + v_copy + v_at : 0, *dot_tile = d_ot != 0 ? d_ot + o_copy + o_at : 0;
            const SG_GLOBAL f32 *at_ = by_keys ? kt_tile : qt_tile, *bt = by_keys ? qt_tile : kt_tile;
            const SG_GLOBAL f32 *e = by_keys ? v + v_at : d_o + o_at, *f = by_keys ? d_o + o_at : v + v_at;
            const SG_GLOBAL f32 *et = by_keys ? vt_tile : dot_tile, *ft = by_keys ? dot_tile : vt_tile;
            i64 a_row = by_keys ? k_row : q_row, b_row = by_keys ? q_row : k_row, e_row = by_keys ? v_row : o_row, f_row = by_keys ? o_row : v_row;
            f32 w[16], ds[16], r[16], dst[16], l[4], m[4], dl[4], dlt[4];
            attention_zero(w);
            attention_zero(ds);
            attention_zero(r);
            attention_zero(dst);
            attention_scores_with_tangent(w, r, a, at_, a_row, own_rows, b, bt, b_row, other_rows, d, pieces);
            attention_scores_with_tangent(ds, dst, e, et, e_row, own_rows, f, ft, f_row, other_rows, d, pieces);
            attention_load_4(l, lse + first_row, first, t);
            attention_load_4(m, mu + copy_row, first, t);
            attention_load_4(dl, delta + first_row, first, t);
            attention_load_4(dlt, delta_t + copy_row, first, t);
            attention_probabilities(w, l, by_keys, at.first, o0, t, s, causal, window, length, scale, slope);
            u32 bits = attention_kept_tile(random, stream, dropout, first_row, s, by_keys, at.first, o0);
            for (i32 p = 0; p < 4; p++) {
                for (i32 c = 0; c < 4; c++) {
                    i32 n = 4 * p + c;
                    f32 keep = bits >> n & 1u ? kept : 0.0f, over = keep * ds[n] - (by_keys ? dl[c] : dl[p]);
                    f32 pt = w[n] * (scale * r[n] - (by_keys ? m[c] : m[p]));
                    dst[n] = pt * over + w[n] * (keep * dst[n] - (by_keys ? dlt[c] : dlt[p]));
                    ds[n] = w[n] * over;
                    r[n] = keep * pt;
                    w[n] *= keep;
                }
            }
            attention_weigh(acc_v, r, f, f_row, by_keys && dvt != 0 ? other_rows : 0, at.c0, d, pieces);
            attention_weigh(acc_v, w, ft, f_row, by_keys && dvt != 0 && ft != 0 ? other_rows : 0, at.c0, d, pieces);
            attention_weigh(acc, dst, b, b_row, !by_keys || dkt != 0 ? other_rows : 0, at.c0, d, pieces);
            attention_weigh(acc, ds, bt, b_row, (!by_keys || dkt != 0) && bt != 0 ? other_rows : 0, at.c0, d, pieces);
        }
    }
    if (!by_keys) {
        attention_store(acc, scale, dqt + q_copy + q_from + ((i64)at.b * t + at.first) * q_row + (i64)at.head * d, q_row, t - at.first, at.c0, d);
        return;
    }
    i64 row = (i64)at.b * s + at.first;
    if (dkt != 0) attention_store(acc, scale, dkt + k_copy + row * k_row + k_from + (i64)kv * d, k_row, s - at.first, at.c0, d);
    if (dvt != 0) attention_store(acc_v, 1.0f, dvt + v_copy + row * v_row + v_from + (i64)kv * d, v_row, s - at.first, at.c0, d);
}

SG_KERNEL_OF(256, 2) attention_curvature_f32(const SG_GLOBAL f32 *q, const SG_GLOBAL f32 *k, const SG_GLOBAL f32 *v, const SG_GLOBAL i32 *lengths,
                                             const SG_GLOBAL f32 *slopes, const SG_GLOBAL u32 *random, const SG_GLOBAL f32 *lse, const SG_GLOBAL f32 *mu,
                                             const SG_GLOBAL f32 *delta, const SG_GLOBAL f32 *d_o, const SG_GLOBAL f32 *qt, const SG_GLOBAL f32 *kt,
                                             const SG_GLOBAL f32 *vt, SG_GLOBAL f32 *partial, ATTENTION_PROBLEM) {
    SG_SHARED_FOURS(pieces, 4 * ATTENTION_PIECE);
    SG_SHARED(f32, sums, 256 * ATTENTION_COPIES);
    i32 tiles = (t + ATTENTION_TILE - 1) / ATTENTION_TILE, me = (i32)sg_local(0), y = me / 16, from, to;
    i32 i0 = (tiles - 1 - (i32)sg_group(0) % tiles) * ATTENTION_TILE, head = (i32)sg_group(0) / tiles % heads, b = (i32)sg_group(0) / tiles / heads;
    i32 length = attention_length(lengths, b, s), kv = head / (heads / kv_heads), share = (copies + (i32)sg_groups(1) - 1) / (i32)sg_groups(1);
    i32 first = (i32)sg_group(1) * share, count = copies - first < share ? copies - first : share;
    i64 o_row = (i64)heads * d, first_row = ((i64)b * heads + head) * t, q_at = q_from + ((i64)b * t + i0) * q_row + (i64)head * d;
    const SG_GLOBAL f32 *do_tile = d_o + ((i64)b * t + i0) * o_row + (i64)head * d;
    attention_keys(t, s, causal, window, length, i0, ATTENTION_TILE, &from, &to);
    for (i32 e = 0; e < count; e++) sums[256 * e + me] = 0.0f;
    for (i32 j0 = from / ATTENTION_TILE * ATTENTION_TILE; j0 < to; j0 += ATTENTION_TILE) {
        i64 k_at = k_from + ((i64)b * s + j0) * k_row + (i64)kv * d, v_at = v_from + ((i64)b * s + j0) * v_row + (i64)kv * d;
        f32 w[16], ds[16], four[4];
        attention_zero(w);
        attention_zero(ds);
        attention_scores(w, q + q_at, q_row, t - i0, k + k_at, k_row, length - j0, d, pieces);
        attention_scores(ds, do_tile, o_row, t - i0, v + v_at, v_row, length - j0, d, pieces);
        attention_load_4(four, lse + first_row, i0 + 4 * y, t);
        attention_probabilities(w, four, 0, i0, j0, t, s, causal, window, length, scale, slopes != 0 ? slopes[head] : 0.0f);
        attention_load_4(four, delta + first_row, i0 + 4 * y, t);
        u32 bits = attention_kept_tile(random, stream, dropout, first_row, s, 0, i0, j0);
        ATTENTION_EACH { /* what the probes share: dS, and 2 P M */
            i32 n = 4 * p + c;
            f32 keep = bits >> n & 1u ? attention_kept_by(dropout) : 0.0f;
            ds[n] = w[n] * (keep * ds[n] - four[p]);
            w[n] *= 2.0f * keep;
        }
        for (i32 e = 0; e < count; e++) {
            i64 copy = first + e;
            const SG_GLOBAL f32 *qt_tile = qt != 0 ? qt + copy * batch * t * q_row + q_at : 0, *kt_tile = kt != 0 ? kt + copy * batch * s * k_row + k_at : 0;
            f32 r[16], other[16], sum = 0.0f;
            attention_zero(r);
            attention_zero(other);
            attention_scores(other, qt_tile, q_row, t - i0, kt_tile, k_row, length - j0, qt != 0 && kt != 0 ? d : 0, pieces);
            for (i32 n = 0; n < 16; n++) {
                sum += 2.0f * scale * ds[n] * other[n];
                other[n] = 0.0f;
            }
            attention_scores_with_tangent(0, r, q + q_at, qt_tile, q_row, t - i0, k + k_at, kt_tile, k_row, length - j0, d, pieces);
            attention_load_4(four, mu + copy * batch * heads * t + first_row, i0 + 4 * y, t);
            ATTENTION_EACH {
                i32 n = 4 * p + c;
                f32 centred = scale * r[n] - four[p];
                sum += ds[n] * centred * centred;
                r[n] = w[n] * centred;
            }
            attention_scores(other, do_tile, o_row, t - i0, vt + copy * batch * s * v_row + v_at, v_row, length - j0, vt != 0 ? d : 0, pieces);
            for (i32 n = 0; n < 16; n++) sum += r[n] * other[n];
            sums[256 * e + me] += sum;
        }
    }
    SG_BARRIER();
    if (me < 16 * count) {
        f32 sum = 0.0f;
        for (i32 e = 0; e < 16; e++) sum += sums[256 * (me / 16) + 16 * e + me % 16];
        pieces[me] = sum;
    }
    SG_BARRIER();
    if (me < count) {
        f32 sum = 0.0f;
        for (i32 e = 0; e < 16; e++) sum += pieces[16 * me + e];
        i64 place = 2 * ((i64)(first + me) * sg_groups(0) + sg_group(0));
        partial[place] = sum;
        partial[place + 1] = 0.0f;
    }
}
