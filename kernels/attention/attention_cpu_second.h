/* The tangents of dq, dk and dv, and the curvature, of attention.cpu.cl. Of a group: some probes of one example and kv head.

   Of a pair of blocks once for all probes: P' and dS' = scale P' (M dP' - D), as in attention_cpu_backward.h. Then for each probe
     St' = scale (kt q' + k qt')   dPt' = v dOt' + vt dO'   Pt' = P' (St' - mu)   dSt' = dS' (St' - mu) + scale P' (M dPt' - Dt)
     dvt += (Pt' M) dO + (P' M) dOt   dkt += dSt' q + dS' qt   dqt += dSt k + dS kt           (10 products)
     curvature += dS' / scale (St' - mu)^2 + 2 dS' (kt qt') + 2 P' M (St' - mu) (vt dO')       (4 products)
   The results of all probes are added up in memory, in the order of the blocks. */
#ifndef SG_ATTENTION_ATTENTION_CPU_SECOND_H
#define SG_ATTENTION_ATTENTION_CPU_SECOND_H
#include "attention/attention_cpu_backward.h"

/* The parts of the pool. */
typedef struct {
    i32 r_most, c_most, ld, lt;
    ATT f32 *ks, *vs, *kts, *vts, *qs, *os, *qts, *ots;    /* rows */
    ATT f32 *qc, *oc, *qtc, *otc;                           /* columns */
    ATT f32 *p, *ds, *x, *strip, *held, *tiles, *lse, *delta, *mu, *delta_t, *staged, *mask;
} att_second;

SG_FN void att_second_of(ATT f32 *pool, i32 t, i32 s, i32 d, i32 drops, int all, att_second *m) {
    const i32 most = att_block(t, s, d, all ? 4 : 2, 4, all ? 4 : 3, (all ? 3 : 2) + drops);
    m->r_most = min(t, most), m->c_most = min(s, most), m->ld = att_stride(d), m->lt = att_stride(m->r_most);
    const i32 r = att_rows(m->r_most), keys = att_rows(m->c_most) * m->ld, queries = r * m->ld, columns = att_up(d, 4) * m->lt;
    const i32 block = att_rows(m->c_most) * m->lt;
    m->ks = pool, m->vs = m->ks + keys, m->kts = m->vs + keys, m->vts = m->kts + keys;
    m->qs = m->vts + keys, m->os = m->qs + queries, m->qts = all ? m->os + queries : m->qs, m->ots = all ? m->qts + queries : m->qs;
    m->qc = (all ? m->ots : m->os) + queries, m->oc = m->qc + columns, m->qtc = m->oc + columns, m->otc = all ? m->qtc + columns : m->qtc;
    m->p = m->otc + columns, m->ds = m->p + block, m->x = all ? m->ds + block : m->ds;
    m->strip = m->x + block, m->held = m->strip + ATT_ROWS * m->lt, m->tiles = m->held + ATT_ROWS * m->lt, m->lse = m->tiles + 4 * ATT_TILE;
    m->delta = m->lse + r, m->mu = m->delta + r, m->delta_t = m->mu + r, m->staged = m->delta_t + r;
    m->mask = m->staged + 16 * att_stride(m->c_most + 96);
}

/* P' (without M) and dS' of 32 rows of a strip. */
SG_FN void att_shared_tile(const att_head *w, const att_strip *strip, int full, i32 rows, i32 lane, i32 width, i32 far, const att_second *m, i32 key) {
    for (i32 r = 0; r < rows; r++)
        for (i32 h = 0; h < width; h += 16) {
            const i32 at = lane + h, e = (key + r) * m->lt + at;
            float16 p = att_probability(w, V16_GET(ATT, m->tiles + r * 32 + h), m->lse, at, far + r), dp = V16_GET(ATT, m->tiles + ATT_TILE + r * 32 + h);
            if (w->drops) dp *= V16_GET(ATT, m->mask + e);
            float16 x = p * w->scale * (dp - V16_GET(ATT, m->delta + at));
            if (!full) p = att_seen(p, strip->low[r], strip->high[r], at), x = att_seen(x, strip->low[r], strip->high[r], at);
            V16_PUT(ATT, m->p + e, p);
            V16_PUT(ATT, m->ds + e, x);
        }
}

/* P' and dS' of a block. */
SG_FN void att_shared(const att_head *w, const att_second *m, i32 i0, i32 nq, i32 j0, i32 nk) {
    if (w->drops) att_mask_block(w, i0, nq, j0, nk, m->staged, m->mask, m->lt);
    for (i32 j = 0; j < nk; j += ATT_ROWS) {
        att_strip strip;
        const i32 rows = min(ATT_ROWS, nk - j), far = j0 + j - (i0 + w->s - w->t);
        att_strip_of(w, i0, nq, j0 + j, rows, &strip);
        if (strip.from >= strip.to) continue;
        for (i32 lane = strip.from & ~15; lane < strip.to; lane += 32) {
            const bool wide = strip.to - lane > 16;
            for (i32 n = 0; n < 2; n++)
                att_tile((n ? m->vs : m->ks) + j * m->ld, m->ld, 1, (n ? m->oc : m->qc) + lane, m->lt, w->d, rows, wide, false, m->tiles + n * ATT_TILE, 32);
            const int full = lane >= strip.full_from && lane + (wide ? 32 : 16) <= strip.full_to;
            att_shared_tile(w, &strip, full, rows, lane, wide ? 32 : 16, far, m, j);
        }
        att_hem(m->ds + j * m->lt, m->lt, rows, strip.from & ~15, att_up(strip.to, 16));
    }
}

/* Pt' M, with dropout P' M, and dSt' of 32 rows of a strip; its tiles: 0 St' / scale, 1 dPt'. */
SG_FN void att_second_tile(const att_head *w, i32 rows, i32 lane, i32 width, const att_second *m, i32 key, bool moved, bool turned) {
    for (i32 r = 0; r < rows; r++)
        for (i32 h = 0; h < width; h += 16) {
            const i32 at = lane + h, e = (key + r) * m->lt + at;
            float16 p = V16_GET(ATT, m->p + e), st = (float16)(0.0f), dpt = (float16)(0.0f), left = p;
            if (moved) st = V16_GET(ATT, m->tiles + r * 32 + h) * w->scale - V16_GET(ATT, m->mu + at);
            if (turned) dpt = V16_GET(ATT, m->tiles + ATT_TILE + r * 32 + h);
            if (w->drops) {
                float16 mask = V16_GET(ATT, m->mask + e);
                left *= mask, dpt *= mask;
                V16_PUT(ATT, m->held + r * m->lt + at, left);
            }
            V16_PUT(ATT, m->strip + r * m->lt + at, left * st);
            V16_PUT(ATT, m->x + e, V16_GET(ATT, m->ds + e) * st + p * w->scale * (dpt - V16_GET(ATT, m->delta_t + at)));
        }
}

/* The terms of the curvature of 32 rows of a strip; its tiles: 0 St' / scale, 1 vt dO', 2 kt qt'. */
SG_FN void att_curvature_tile(const att_head *w, i32 rows, i32 lane, i32 width, const att_second *m, i32 key, f32 by, bool moved, bool both, bool values,
                              float16 *sum, float16 *rest) {
    float16 first = (float16)(0.0f), second = (float16)(0.0f);
    for (i32 r = 0; r < rows; r++)
        for (i32 h = 0; h < width; h += 16) {
            const i32 at = lane + h, e = (key + r) * m->lt + at;
            float16 ds = V16_GET(ATT, m->ds + e), st = (float16)(0.0f);
            if (moved) st = V16_GET(ATT, m->tiles + r * 32 + h) * w->scale - V16_GET(ATT, m->mu + at);
            float16 x = ds * by * st * st;
            if (both) x += 2.0f * ds * V16_GET(ATT, m->tiles + 2 * ATT_TILE + r * 32 + h);
            if (values && moved) {
                float16 y = V16_GET(ATT, m->p + e) * st * V16_GET(ATT, m->tiles + ATT_TILE + r * 32 + h);
                if (w->drops) y *= V16_GET(ATT, m->mask + e);
                x += 2.0f * y;
            }
            if (h) second += x;
            else first += x;
        }
    SG_TWO_SUM(float16, *sum, *rest, first + second);
}

/* curvature: whether it is wanted, into `partial`, rather than dqt, dkt and dvt. Probes c0 .. c1 - 1. */
SG_FN void att_probes(const int curvature, const global f32 *q, const global f32 *k, const global f32 *v, const global i32 *lengths, const global f32 *slopes,
                      const global u32 *random, const global f32 *lse, const global f32 *mu, const global f32 *delta, const global f32 *delta_t,
                      const global f32 *d_o, const global f32 *qt, const global f32 *kt, const global f32 *vt, const global f32 *d_ot, global f32 *dqt,
                      global f32 *dkt, global f32 *dvt, global f32 *partial, ATTENTION_PROBLEM, ATT f32 *pool, i32 b, i32 g, i32 c0, i32 c1) {
    const i32 group = heads / kv_heads;
    const i64 o_row = (i64)heads * d, one_q = (i64)batch * t * q_row, one_k = (i64)batch * s * k_row, one_v = (i64)batch * s * v_row, one_o = (i64)batch * t * o_row;
    const i64 one_row = (i64)batch * heads * t;
    const bool moved = qt != 0 || kt != 0, turned = vt != 0 || d_ot != 0;
    att_second m;
    att_second_of(pool, t, s, d, dropout > 0.0f ? 1 : 0, !curvature, &m);

    if (!curvature)
        for (i32 c = c0; c < c1; c++) {
            if (dqt) att_zero(dqt + c * one_q + q_from + (i64)b * t * q_row + (i64)g * group * d, q_row, t, group * d);
            if (dkt) att_zero(dkt + c * one_k + k_from + (i64)b * s * k_row + (i64)g * d, k_row, s, d);
            if (dvt) att_zero(dvt + c * one_v + v_from + (i64)b * s * v_row + (i64)g * d, v_row, s, d);
        }
    for (i32 j0 = 0; j0 < s; j0 += m.c_most)
    for (i32 h = g * group; h < (g + 1) * group; h++) {
        ATT_HEAD(w, b, h)
        const i32 nk = min(m.c_most, s - j0), real = clamp(w.length - j0, 0, nk), all_k = att_rows(nk);
        const i64 at_k = k_from + ((i64)b * s + j0) * k_row + (i64)g * d, at_v = v_from + ((i64)b * s + j0) * v_row + (i64)g * d;
        i32 begin, end;
        attention_rows(t, s, causal, window, w.length, j0, nk, &begin, &end);
        if (begin >= end) continue;
        att_pack(k + at_k, k_row, real, all_k, d, m.ks, m.ld);
        att_pack(v + at_v, v_row, real, all_k, d, m.vs, m.ld);
        for (i32 i0 = begin / m.r_most * m.r_most; i0 < end; i0 += m.r_most) {
            const i32 nq = min(m.r_most, t - i0), all = att_rows(nq);
            const i64 row = ((i64)b * heads + h) * t + i0, at_q = q_from + ((i64)b * t + i0) * q_row + (i64)h * d, at_o = ((i64)b * t + i0) * o_row + (i64)h * d;
            att_pack(q + at_q, q_row, nq, all, d, m.qs, m.ld);
            att_pack(d_o + at_o, o_row, nq, all, d, m.os, m.ld);
            att_turn(m.qs, m.ld, nq, d, m.qc, m.lt);
            att_turn(m.os, m.ld, nq, d, m.oc, m.lt);
            att_statistic(lse + row, nq, all, SG_INFINITY, m.lse);
            att_statistic(delta + row, nq, all, 0.0f, m.delta);
            att_shared(&w, &m, i0, nq, j0, nk);
            for (i32 c = c0; c < c1; c++) {
                if (qt) {
                    att_pack(qt + c * one_q + at_q, q_row, nq, all, d, m.qts, m.ld);
                    att_turn(m.qts, m.ld, nq, d, m.qtc, m.lt);
                }
                if (kt) att_pack(kt + c * one_k + at_k, k_row, real, all_k, d, m.kts, m.ld);
                if (vt) att_pack(vt + c * one_v + at_v, v_row, real, all_k, d, m.vts, m.ld);
                if (!curvature && d_ot) {
                    att_pack(d_ot + c * one_o + at_o, o_row, nq, all, d, m.ots, m.ld);
                    att_turn(m.ots, m.ld, nq, d, m.otc, m.lt);
                }
                att_statistic(mu + c * one_row + row, nq, all, 0.0f, m.mu);
                if (!curvature) att_statistic(delta_t + c * one_row + row, nq, all, 0.0f, m.delta_t);
                float16 sum = (float16)(0.0f), rest = (float16)(0.0f);
                for (i32 j = 0; j < nk; j += ATT_ROWS) {
                    att_strip strip;
                    const i32 rows = min(ATT_ROWS, nk - j);
                    att_strip_of(&w, i0, nq, j0 + j, rows, &strip);
                    if (strip.from >= strip.to) continue;
                    for (i32 lane = strip.from & ~15; lane < strip.to; lane += 32) {
                        const bool wide = strip.to - lane > 16;
                        for (i32 n = 0; n < 4; n++) { /* kt q' + k qt', v dOt' + vt dO' or kt qt' and vt dO' */
                            const bool product = n == 0 ? kt != 0 : n == 1 ? qt != 0 : n == 2 ? (curvature ? kt && qt : d_ot != 0) : vt != 0;
                            if (!product) continue;
                            const ATT f32 *a = n == 0 ? m.kts : n == 1 ? m.ks : n == 2 ? (curvature ? m.kts : m.vs) : m.vts;
                            const ATT f32 *y = n == 0 ? m.qc : n == 1 ? m.qtc : n == 2 ? (curvature ? m.qtc : m.otc) : m.oc;
                            const i32 to = n < 2 ? 0 : n == 2 && curvature ? 2 : 1;
                            att_tile(a + j * m.ld, m.ld, 1, y + lane, m.lt, d, rows, wide, n == 1 ? kt != 0 : n == 3 && !curvature && d_ot,
                                     m.tiles + to * ATT_TILE, 32);
                        }
                        if (curvature)
                            att_curvature_tile(&w, rows, lane, wide ? 32 : 16, &m, j, scale == 0.0f ? 0.0f : 1.0f / scale, moved, kt && qt, vt != 0, &sum, &rest);
                        else att_second_tile(&w, rows, lane, wide ? 32 : 16, &m, j, moved, turned);
                    }
                    if (curvature) continue;
                    att_hem(m.x + j * m.lt, m.lt, rows, strip.from & ~15, att_up(strip.to, 16));
                    const i32 deep = strip.to - strip.from;
                    const ATT f32 *held = w.drops ? m.held : m.p + j * m.lt;
                    for (i32 n = 0; n < d; n += 32)
                        for (i32 out = 0; out < 2; out++) {
                            bool some = false;
                            if (out ? dkt == 0 : dvt == 0) continue;
                            for (i32 e = 0; e < 2; e++) {
                                if (e ? (out ? qt == 0 : d_ot == 0) : out == 0 && !moved) continue;
                                const ATT f32 *a = e ? (out ? m.ds + j * m.lt : held) : (out ? m.x + j * m.lt : m.strip);
                                const ATT f32 *y = e ? (out ? m.qts : m.ots) : (out ? m.qs : m.os);
                                att_tile(a + strip.from, m.lt, 1, y + strip.from * m.ld + n, m.ld, deep, rows, d - n > 16, some, m.tiles, 32);
                                some = true;
                            }
                            if (!some) continue;
                            global f32 *to = out ? dkt + c * one_k + at_k + j * k_row : dvt + c * one_v + at_v + j * v_row;
                            att_write(m.tiles, 32, to + n, out ? k_row : v_row, rows, min(32, d - n), true);
                        }
                }
                if (curvature) {
                    float2 pair = sg_sum_lanes(sum, rest);
                    global f32 *to = partial + 2 * (c * (i64)get_num_groups(0) + get_group_id(0));
                    f32 high = to[0], low = to[1] + pair.y;
                    SG_TWO_SUM(f32, high, low, pair.x);
                    to[0] = high, to[1] = low;
                    continue;
                }
                for (i32 i = 0; dqt && i < nq; i += ATT_ROWS) {
                    const i32 rows = min(ATT_ROWS, nq - i);
                    i32 from, to;
                    attention_keys(t, s, causal, window, w.length, i0 + i, rows, &from, &to);
                    from = max(from - j0, 0), to = min(to - j0, nk);
                    if (from >= to) continue;
                    for (i32 n = 0; n < d; n += 32) {
                        for (i32 e = 0; e < (kt ? 2 : 1); e++)
                            att_tile((e ? m.ds : m.x) + from * m.lt + i, 1, m.lt, (e ? m.kts : m.ks) + from * m.ld + n, m.ld, to - from, rows, d - n > 16, e == 1,
                                     m.tiles, 32);
                        att_write(m.tiles, 32, dqt + c * one_q + at_q + i * q_row + n, q_row, rows, min(32, d - n), true);
                    }
                }
            }
        }
    }
}

#endif
