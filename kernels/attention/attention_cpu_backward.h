/* dq, dk and dv of attention.cpu.cl: one pass over blocks of queries and keys, 5 products for each pair. Of a group: one copy, example and kv head.

     P' = exp(scale K Q' - lse)   dP' = V dO'   dS' = scale P' (M dP' - D)   dv += (P' M) dO   dk += dS' Q   dq += dS K

   For each block of keys: k, v as rows, dk and dv in the pool; for each head of the group and each block of queries that sees some: q and dO as rows and
   columns; for each 12 keys their strip of P' M and dS', then their dv and dk; at the end dq of the block, added up in memory. */
#ifndef SG_ATTENTION_ATTENTION_CPU_BACKWARD_H
#define SG_ATTENTION_ATTENTION_CPU_BACKWARD_H
#include "attention/attention_cpu.h"

/* P' M and dS' of 32 rows from `lane` on, out of the products in `tiles`. */
SG_FN void att_backward_tile(const att_head *w, const att_strip *strip, int full, i32 rows, i32 lane, i32 width, i32 far, const ATT f32 *lse, const ATT f32 *delta,
                             const ATT f32 *mask, const ATT f32 *tiles, ATT f32 *pm, ATT f32 *ds, i32 lt) {
    for (i32 r = 0; r < rows; r++)
        for (i32 h = 0; h < width; h += 16) {
            const i32 at = lane + h;
            float16 p = att_probability(w, V16_GET(ATT, tiles + r * 32 + h), lse, at, far + r), dp = V16_GET(ATT, tiles + ATT_TILE + r * 32 + h);
            float16 left = p;
            if (w->drops) {
                float16 m = V16_GET(ATT, mask + r * lt + at);
                left *= m, dp *= m;
            }
            float16 x = p * w->scale * (dp - V16_GET(ATT, delta + at));
            if (!full) left = att_seen(left, strip->low[r], strip->high[r], at), x = att_seen(x, strip->low[r], strip->high[r], at);
            V16_PUT(ATT, pm + r * lt + at, left);
            V16_PUT(ATT, ds + r * lt + at, x);
        }
}

SG_FN void att_backward(const global f32 *q, const global f32 *k, const global f32 *v, const global i32 *lengths, const global f32 *slopes,
                        const global u32 *random, const global f32 *lse, const global f32 *delta, const global f32 *d_o, global f32 *dq, global f32 *dk,
                        global f32 *dv, ATTENTION_PROBLEM, ATT f32 *pool, i32 copy, i32 b, i32 g) {
    const i32 group = heads / kv_heads, most = att_block(t, s, d, 2, 4, 2, dropout > 0.0f ? 2 : 1), r_most = min(t, most), c_most = min(s, most);
    const i32 ld = att_stride(d), lt = att_stride(r_most);
    const i64 o_row = (i64)heads * d, copy_q = (i64)copy * batch * t * q_row, copy_k = (i64)copy * batch * s * k_row, copy_v = (i64)copy * batch * s * v_row;
    const i64 at_k = k_from + (i64)b * s * k_row + (i64)g * d, at_v = v_from + (i64)b * s * v_row + (i64)g * d;
    ATT f32 *ks = pool, *vs = ks + att_rows(c_most) * ld, *dks = vs + att_rows(c_most) * ld, *dvs = dks + att_rows(c_most) * ld;
    ATT f32 *qs = dvs + att_rows(c_most) * ld, *os = qs + att_rows(r_most) * ld, *qc = os + att_rows(r_most) * ld, *oc = qc + att_up(d, 4) * lt;
    ATT f32 *ds = oc + att_up(d, 4) * lt, *pm = ds + att_rows(c_most) * lt, *tiles = pm + ATT_ROWS * lt, *ls = tiles + 2 * ATT_TILE;
    ATT f32 *deltas = ls + att_rows(r_most), *staged = deltas + att_rows(r_most);
    ATT f32 *mask = staged + 16 * att_stride(c_most + 96);

    if (dq)
        for (i32 h = g * group; h < (g + 1) * group; h++) att_zero(dq + copy_q + q_from + (i64)b * t * q_row + (i64)h * d, q_row, t, d);
    for (i32 j0 = 0; j0 < s; j0 += c_most) {
        const i32 nk = min(c_most, s - j0);
        ATT_HEAD(any, b, g * group)
        const i32 real = clamp(any.length - j0, 0, nk);
        att_pack(k + at_k + (i64)j0 * k_row, k_row, real, att_rows(nk), d, ks, ld);
        att_pack(v + at_v + (i64)j0 * v_row, v_row, real, att_rows(nk), d, vs, ld);
        for (i32 i = 0; i < 2 * att_rows(c_most) * ld; i += 16) V16_PUT(ATT, dks + i, (float16)(0.0f));
        for (i32 h = g * group; h < (g + 1) * group; h++) {
            ATT_HEAD(w, b, h)
            i32 begin, end;
            attention_rows(t, s, causal, window, w.length, j0, nk, &begin, &end);
            for (i32 i0 = begin / r_most * r_most; i0 < end; i0 += r_most) {
                const i32 nq = min(r_most, t - i0), all = att_rows(nq);
                const i64 row = ((i64)b * heads + h) * t + i0, at_o = (((i64)copy * batch + b) * t + i0) * o_row + (i64)h * d;
                att_pack(q + q_from + ((i64)b * t + i0) * q_row + (i64)h * d, q_row, nq, all, d, qs, ld);
                att_pack(d_o + at_o, o_row, nq, all, d, os, ld);
                att_turn(qs, ld, nq, d, qc, lt);
                att_turn(os, ld, nq, d, oc, lt);
                att_statistic(lse + row, nq, all, SG_INFINITY, ls);
                att_statistic(delta + (i64)copy * batch * heads * t + row, nq, all, 0.0f, deltas);
                if (w.drops) att_mask_block(&w, i0, nq, j0, nk, staged, mask, lt);
                for (i32 j = 0; j < nk; j += ATT_ROWS) {
                    att_strip strip;
                    const i32 rows = min(ATT_ROWS, nk - j), far = j0 + j - (i0 + s - t);
                    att_strip_of(&w, i0, nq, j0 + j, rows, &strip);
                    if (strip.from >= strip.to) continue;
                    ATT f32 *x = ds + j * lt;
                    i32 lane = strip.from & ~15;
                    for (; lane < strip.to; lane += 32) {
                        const bool wide = strip.to - lane > 16;
                        for (i32 n = 0; n < 2; n++)
                            att_tile((n ? vs : ks) + j * ld, ld, 1, (n ? oc : qc) + lane, lt, d, rows, wide, false, tiles + n * ATT_TILE, 32);
                        const int full = lane >= strip.full_from && lane + (wide ? 32 : 16) <= strip.full_to;
                        att_backward_tile(&w, &strip, full, rows, lane, wide ? 32 : 16, far, ls, deltas, mask + j * lt, tiles, pm, x, lt);
                    }
                    att_hem(x, lt, rows, strip.from & ~15, att_up(strip.to, 16));
                    for (i32 n = 0; n < 2; n++)
                        if (n ? dk != 0 : dv != 0)
                            att_row_of_tiles((n ? x : pm) + strip.from, lt, 1, (n ? qs : os) + strip.from * ld, ld, strip.to - strip.from, rows, d, true,
                                             (n ? dks : dvs) + j * ld, ld);
                }
                if (!dq) continue;
                for (i32 i = 0; i < nq; i += ATT_ROWS) {
                    const i32 rows = min(ATT_ROWS, nq - i);
                    i32 from, to;
                    attention_keys(t, s, causal, window, w.length, i0 + i, rows, &from, &to);
                    from = max(from - j0, 0), to = min(to - j0, nk);
                    if (from >= to) continue;
                    for (i32 c = 0; c < d; c += 32) {
                        att_tile(ds + from * lt + i, 1, lt, ks + from * ld + c, ld, to - from, rows, d - c > 16, false, tiles, 32);
                        att_write(tiles, 32, dq + copy_q + q_from + ((i64)b * t + i0 + i) * q_row + (i64)h * d + c, q_row, rows, min(32, d - c), true);
                    }
                }
            }
        }
        if (dk) att_write(dks, ld, dk + copy_k + at_k + (i64)j0 * k_row, k_row, nk, d, false);
        if (dv) att_write(dvs, ld, dv + copy_v + at_v + (i64)j0 * v_row, v_row, nk, d, false);
    }
}

#endif
