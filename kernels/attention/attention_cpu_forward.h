/* o and lse of attention.cpu.cl, and the tangents of both. Of a group: some rows of one head; queries down, keys across.

   Forward: 12 queries at a time their scores with a block of keys, the new maximum m of each row, p = exp(S - m), then o = o exp(m_old - m) + (p M) v.
   Tangent: P of a block once for up to ATT_PROBES probes; for each, St = scale (qt K' + q Kt'), W = P (St - c), mu - c += rowsum W, ot += (W M) v + (P M) vt;
     c is the mean of St in the first block of keys that the row sees, so that nothing cancels; at the end ot -= (mu - c) o. */
#ifndef SG_ATTENTION_ATTENTION_CPU_FORWARD_H
#define SG_ATTENTION_ATTENTION_CPU_FORWARD_H
#include "attention/attention_cpu.h"

#define ATT_PROBES 16

/* scale x + slope (j - i') of 16 keys, `far` = j - i' of lane 0. */
SG_FN float16 att_score(const att_head *w, float16 x, i32 far) {
    x *= w->scale;
    if (w->slope != 0.0f) x += w->slope * convert_float16(far + SG_LANES16);
    return x;
}

/* Multiplies 16 lanes of each row from key `from` to key `to` by what dropout leaves. */
SG_FN void att_drop(const att_head *w, i32 i, i32 rows, i32 j0, i32 from, i32 to, ATT f32 *mask, const ATT f32 *x, ATT f32 *out, i32 lt) {
    for (i32 r = 0; r < rows; r++) {
        const ATT f32 *m = mask + att_mask_row(w, i + r, j0 + from, to - from, mask);
        for (i32 j = from; j < to; j += 16) V16_PUT(ATT, out + r * lt + j, V16_GET(ATT, x + r * lt + j) * V16_GET(ATT, m + j - from));
    }
}

/* Scores of a strip to exp(S - m), m the new maximum of each row; `shrinks` is what earlier sums of a row are worth. The vectors of the rows are reduced
   together, by a transpose. far: j - i' of key 0 of the block and row 0; most_of, sum_of: of these rows; `lanes` holds 16 vectors twice. */
SG_FN void att_softmax_strip(const att_head *w, const att_strip *strip, i32 rows, i32 from, i32 far, ATT f32 *ps, i32 lt, ATT f32 *most_of, ATT f32 *sum_of,
                             ATT f32 *shrinks, ATT f32 *lanes) {
    ATT f32 *turned = lanes + 256;
    for (i32 r = 0; r < rows; r++) {
        ATT f32 *line = ps + r * lt;
        const i32 low = strip->low[r], high = strip->high[r];
        float16 top = (float16)(-SG_INFINITY);
        for (i32 j = from; j < strip->to; j += 16) {
            float16 x = att_score(w, V16_GET(ATT, line + j), far + j - r);
            if (j < low || j + 16 > high) x = select((float16)(-SG_INFINITY), x, SG_LANES16 + j >= low & SG_LANES16 + j < high);
            V16_PUT(ATT, line + j, x);
            top = sg_larger16(x, top);
        }
        V16_PUT(ATT, lanes + r * 16, top);
    }
    att_transpose(lanes, 16, turned, 16, 4);
    const float16 old = V16_GET(ATT, most_of), least = (float16)(-SG_INFINITY);
    float16 now = old;
#pragma unroll
    for (i32 e = 0; e < 16; e++) now = sg_larger16(V16_GET(ATT, turned + 16 * e), now);
    const float16 by = select(now, (float16)(0.0f), now == least), shrink = select(sg_exp16(old - by), (float16)(1.0f), old == now);
    V16_PUT(ATT, shrinks, by);
    for (i32 r = 0; r < rows; r++) {
        ATT f32 *line = ps + r * lt;
        const f32 top = shrinks[r];
        float16 total = (float16)(0.0f);
        for (i32 j = from; j < strip->to; j += 16) {
            float16 p = sg_exp16(V16_GET(ATT, line + j) - top);
            total += p;
            V16_PUT(ATT, line + j, p);
        }
        V16_PUT(ATT, lanes + r * 16, total);
    }
    att_transpose(lanes, 16, turned, 16, 4);
    float16 sum = V16_GET(ATT, turned);
#pragma unroll
    for (i32 e = 1; e < 16; e++) sum += V16_GET(ATT, turned + 16 * e);
    const float16 before = V16_GET(ATT, sum_of);
    V16_PUT(ATT, shrinks, shrink);
    V16_PUT(ATT, most_of, select(old, now, SG_LANES16 < rows)); /* the lanes beyond are rows of the next strip */
    V16_PUT(ATT, sum_of, select(before, before * shrink + sum, SG_LANES16 < rows));
}

SG_FN void att_forward(const global f32 *q, const global f32 *k, const global f32 *v, const global i32 *lengths, const global f32 *slopes,
                       const global u32 *random, global f32 *o, global f32 *lse, ATTENTION_PROBLEM, ATT f32 *pool, i32 b, i32 h, i32 row_from, i32 row_to) {
    const i32 most = att_block(row_to - row_from, s, d, 2, 1, 1, 0), r_most = min(row_to - row_from, most), c_most = min(s, most);
    const i32 ld = att_stride(d), lt = att_stride(c_most), g = h / (heads / kv_heads);
    const i64 o_row = (i64)heads * d;
    ATT f32 *vs = pool, *kc = vs + att_rows(c_most) * ld, *qs = kc + att_up(d, 4) * lt, *os = qs + att_rows(r_most) * ld;
    ATT f32 *ps = os + att_rows(r_most) * ld, *lanes = ps + ATT_ROWS * lt, *shrinks = lanes + 512;
    ATT f32 *most_of = shrinks + 16, *sum_of = most_of + att_rows(r_most) + 16, *mask = sum_of + att_rows(r_most) + 16;
    ATT_HEAD(w, b, h)

    for (i32 i0 = row_from; i0 < row_to; i0 += r_most) {
        const i32 nq = min(r_most, row_to - i0), all = att_rows(nq);
        i32 begin, end;
        attention_keys(t, s, causal, window, w.length, i0, nq, &begin, &end);
        for (i32 i = 0; i < all * ld; i += 16) V16_PUT(ATT, os + i, (float16)(0.0f));
        for (i32 i = 0; i < all + 16; i++) most_of[i] = -SG_INFINITY, sum_of[i] = 0.0f;
        for (i32 j0 = begin / c_most * c_most; j0 < end; j0 += c_most) {
            const i32 nk = min(c_most, s - j0), real = clamp(w.length - j0, 0, nk);
            att_pack_turned(k + k_from + ((i64)b * s + j0) * k_row + (i64)g * d, k_row, real, nk, d, qs, ld, kc, lt);
            att_pack(v + v_from + ((i64)b * s + j0) * v_row + (i64)g * d, v_row, real, att_rows(nk), d, vs, ld);
            att_pack(q + q_from + ((i64)b * t + i0) * q_row + (i64)h * d, q_row, nq, all, d, qs, ld);
            for (i32 i = 0; i < nq; i += ATT_ROWS) {
                att_strip strip;
                const i32 rows = min(ATT_ROWS, nq - i), place = i0 + i + s - t;
                att_strip_of_queries(&w, i0 + i, rows, j0, nk, &strip);
                if (strip.from >= strip.to) continue;
                const i32 from = strip.from & ~15;
                for (i32 j = from; j < strip.to; j += 32)
                    att_tile(qs + i * ld, ld, 1, kc + j, lt, d, rows, strip.to - j > 16, false, ps + j, lt);
                att_softmax_strip(&w, &strip, rows, from, j0 - place, ps, lt, most_of + i, sum_of + i, shrinks, lanes);
                for (i32 r = 0; r < rows; r++)
                    if (shrinks[r] != 1.0f && j0 > begin)
                        for (i32 c = 0; c < d; c += 16) V16_PUT(ATT, os + (i + r) * ld + c, V16_GET(ATT, os + (i + r) * ld + c) * shrinks[r]);
                if (w.drops) att_drop(&w, i0 + i, rows, j0, from, strip.to, mask, ps, ps, lt);
                att_row_of_tiles(ps + strip.from, lt, 1, vs + strip.from * ld, ld, strip.to - strip.from, rows, d, true, os + i * ld, ld);
            }
        }
        for (i32 i = 0; i < nq; i += 16) {
            float16 sum = V16_GET(ATT, sum_of + i), none = (float16)(0.0f);
            V16_PUT(ATT, sum_of + i, select(1.0f / sum, none, sum == none));
            float16 x = select(V16_GET(ATT, most_of + i) + sg_log16(sum), (float16)(SG_INFINITY), sum == none);
            if (lse) v16_store_tail(V16_F32, lse, ((i64)b * heads + h) * t + i0 + i, x, nq - i);
        }
        for (i32 i = 0; i < nq; i++) {
            global f32 *out = o + ((i64)b * t + i0 + i) * o_row + (i64)h * d;
            for (i32 c = 0; c < d; c += 16) v16_store_tail(V16_F32, out, c, V16_GET(ATT, os + i * ld + c) * sum_of[i], d - c);
        }
    }
}

SG_FN void att_tangent(const global f32 *q, const global f32 *k, const global f32 *v, const global i32 *lengths, const global f32 *slopes,
                       const global u32 *random, const global f32 *o, const global f32 *lse, const global f32 *qt, const global f32 *kt, const global f32 *vt,
                       global f32 *ot, global f32 *mu, ATTENTION_PROBLEM, ATT f32 *pool, i32 b, i32 h, i32 row_from, i32 row_to) {
    const i32 most = att_block(row_to - row_from, s, d, 2, 3, 2, dropout > 0.0f ? 2 : 1), r_most = min(row_to - row_from, most), c_most = min(s, most);
    const i32 ld = att_stride(d), lt = att_stride(c_most), g = h / (heads / kv_heads), stat = att_rows(r_most);
    const i64 o_row = (i64)heads * d, one_q = (i64)batch * t * q_row, one_k = (i64)batch * s * k_row, one_v = (i64)batch * s * v_row, one_o = (i64)batch * t * o_row;
    ATT f32 *vs = pool, *vts = vs + att_rows(c_most) * ld, *staged = vts + att_rows(c_most) * ld, *kc = staged + att_rows(16) * ld;
    ATT f32 *ktc = kc + att_up(d, 4) * lt, *qs = ktc + att_up(d, 4) * lt, *qts = qs + stat * ld, *ws = qts + stat * ld, *tiles = ws + ATT_ROWS * lt;
    ATT f32 *shift = tiles + ATT_TILE, *more = shift + ATT_PROBES * stat, *mask = more + ATT_PROBES * stat, *ps = mask + c_most + 96, *pm = ps;
    ATT_HEAD(w, b, h)
    if (w.drops) pm += att_rows(r_most) * lt;

    for (i32 i0 = row_from; i0 < row_to; i0 += r_most)
    for (i32 c0 = 0; c0 < copies; c0 += ATT_PROBES) {
        const i32 nq = min(r_most, row_to - i0), all = att_rows(nq), c1 = min(copies, c0 + ATT_PROBES);
        const i64 row = ((i64)b * heads + h) * t + i0, at_q = q_from + ((i64)b * t + i0) * q_row + (i64)h * d, at_o = ((i64)b * t + i0) * o_row + (i64)h * d;
        i32 begin, end;
        attention_keys(t, s, causal, window, w.length, i0, nq, &begin, &end);
        att_pack(q + at_q, q_row, nq, all, d, qs, ld);
        for (i32 n = 0; n < ATT_PROBES * stat; n++) shift[n] = 0.0f, more[n] = 0.0f;
        for (i32 c = c0; c < c1; c++) att_zero(ot + c * one_o + at_o, o_row, nq, d);
        for (i32 j0 = begin / c_most * c_most; j0 < end; j0 += c_most) {
            const i32 nk = min(c_most, s - j0), real = clamp(w.length - j0, 0, nk);
            const i64 at_k = k_from + ((i64)b * s + j0) * k_row + (i64)g * d, at_v = v_from + ((i64)b * s + j0) * v_row + (i64)g * d;
            att_pack_turned(k + at_k, k_row, real, nk, d, staged, ld, kc, lt);
            att_pack(v + at_v, v_row, real, att_rows(nk), d, vs, ld);
            for (i32 c = c0 - 1; c < c1; c++) { /* the first time round: P, of which the others are made */
                const bool plain = c < c0;
                if (!plain) {
                    if (kt) att_pack_turned(kt + c * one_k + at_k, k_row, real, nk, d, staged, ld, ktc, lt);
                    if (vt) att_pack(vt + c * one_v + at_v, v_row, real, att_rows(nk), d, vts, ld);
                    if (qt) att_pack(qt + c * one_q + at_q, q_row, nq, all, d, qts, ld);
                }
                for (i32 i = 0; i < nq; i += ATT_ROWS) {
                    att_strip strip;
                    const i32 rows = min(ATT_ROWS, nq - i), place = i0 + i + s - t;
                    att_strip_of_queries(&w, i0 + i, rows, j0, nk, &strip);
                    if (strip.from >= strip.to) continue;
                    const i32 from = strip.from & ~15;
                    ATT f32 *p = ps + i * lt, *x = plain ? p : ws;
                    for (i32 n = plain ? 2 : 0; n < (plain ? 3 : 2); n++) {
                        if (n < 2 && (n ? kt == 0 : qt == 0)) continue;
                        for (i32 j = from; j < strip.to; j += 32)
                            att_tile((n ? qs : qts) + i * ld, ld, 1, (n == 1 ? ktc : kc) + j, lt, d, rows, strip.to - j > 16, n == 1 && qt, x + j, lt);
                    }
                    if (plain) {
                        for (i32 r = 0; r < rows; r++) {
                            const f32 by = lse[row + i + r];
                            const i32 low = strip.low[r], high = strip.high[r];
                            for (i32 j = from; j < strip.to; j += 16) {
                                float16 y = sg_exp16(att_score(&w, V16_GET(ATT, p + r * lt + j), j0 + j - place - r) - by);
                                if (j < low || j + 16 > high) y = att_seen(y, low, high, j);
                                V16_PUT(ATT, p + r * lt + j, y);
                            }
                        }
                        if (w.drops) att_drop(&w, i0 + i, rows, j0, from, strip.to, mask, p, pm + i * lt, lt);
                        continue;
                    }
                    if (qt || kt) {
                        for (i32 r = 0; r < rows; r++) {
                            const i32 at = (c - c0) * stat + i + r;
                            ATT f32 *line = ws + r * lt;
                            const ATT f32 *p0 = p + r * lt, *p1 = pm + (i + r) * lt;
                            float16 total = (float16)(0.0f), weight = (float16)(0.0f);
                            for (i32 j = from; j < strip.to; j += 16) {
                                float16 y = V16_GET(ATT, p0 + j);
                                total += y * V16_GET(ATT, line + j), weight += y;
                            }
                            const f32 sum = w.scale * sg_sum16(total), part = sg_sum16(weight);
                            f32 middle = shift[at], left = more[at];
                            if (middle == 0.0f && left == 0.0f && part > 0.0f) shift[at] = middle = sum / part; /* the first keys it sees */
                            else more[at] = left + (sum - middle * part);
                            for (i32 j = from; j < strip.to; j += 16)
                                V16_PUT(ATT, line + j, V16_GET(ATT, p1 + j) * (w.scale * V16_GET(ATT, line + j) - middle));
                        }
                    }
                    for (i32 n = 0; n < d; n += 32) {
                        bool some = false;
                        for (i32 m = 0; m < 2; m++) {
                            if (m ? vt == 0 : qt == 0 && kt == 0) continue;
                            att_tile((m ? pm + i * lt : ws) + strip.from, lt, 1, (m ? vts : vs) + strip.from * ld + n, ld, strip.to - strip.from, rows,
                                     d - n > 16, some, tiles, 32);
                            some = true;
                        }
                        if (some) att_write(tiles, 32, ot + c * one_o + at_o + i * o_row + n, o_row, rows, min(32, d - n), true);
                    }
                }
            }
        }
        for (i32 c = c0; c < c1; c++)
            for (i32 i = 0; i < nq; i++) {
                const i32 at = (c - c0) * stat + i;
                const f32 rest = more[at];
                mu[(i64)c * batch * heads * t + row + i] = shift[at] + rest;
                if (rest == 0.0f) continue;
                global f32 *out = ot + c * one_o + at_o + i * o_row;
                for (i32 e = 0; e < d; e += 16)
                    v16_store_tail(V16_F32, out, e, v16_load_tail(V16_F32, out, e, d - e) - rest * v16_load_tail(V16_F32, o + at_o + i * o_row, e, d - e), d - e);
            }
    }
}

#endif
