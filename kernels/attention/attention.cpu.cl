/* Attention and its derivatives on CPU devices. attention.h says what a score is and which keys a query sees; the layouts of all tensors stand there too.

     P = exp(S - lse)   o = (P M) v   with M what dropout leaves, 0 or 1 / (1 - p); D = rowsum(dO o); t marks tangents, of which there are `copies`

   attention_forward_f32            o, lse (+inf where a row sees no key, o = 0 there)                            2 products for each pair of query and key
   attention_delta_f32              delta[c] = rowsum(o d_ot[c]) + rowsum(d_o ot[c]); a pair with a null is left out
   attention_backward_f32           dq, dk, dv of each copy of dO                                                 5
   attention_tangent_f32            ot, mu = rowsum(P St), the tangent of lse                                     1 + 4 copies
   attention_tangent_backward_f32   dqt, dkt, dvt: the tangents of the gradients                                  2 + 10 copies
   attention_curvature_f32          partial[c][group] = parts of <dO, o''[t, t]>, (sum, rest)                     2 + 4 copies
   A null tangent stands for zeros, and its products are left out; a null gradient is not wanted. Keys from an example's length on are never read.

   Work-group: one work-item. Any number of groups serves; each takes every so many of the pieces of work:
     forward, tangent      rows of one head; a head is cut where there are more groups than heads
     backward              one copy, example and kv head
     tangent_backward, curvature   some of the probes of one example and kv head; probes are cut where there are more groups than kv heads
   No two pieces write the same element and each adds in a fixed order, so results repeat bit for bit and do not depend on the number of groups
   (those of curvature: their sum does).

   A piece works on blocks of at most 192 queries by 192 keys, as large as fit in the pool of local memory (ATTENTION_POOL floats), with the register tile of
   lib/cpu/tile.h, 12 x 32: operands are packed once for each block, P lives in the caches only, and tiles of 12 x 32 that no row sees are skipped.
   Bytes: about those of all tensors, once for each block of the other extent. Flops: 2 d for each product and visible pair.
   Source: Dao, FlashAttention-2 (2023); the tangents: Pearlmutter 1994, as in the rules of Attention's op; packing as in gemm/gemm.cpu.cl. */
#include "attention/attention_cpu.h"
#include "attention/attention_cpu_backward.h"
#include "attention/attention_cpu_forward.h"
#include "attention/attention_cpu_second.h"

#define ATT_INPUTS \
    const global f32 *q, const global f32 *k, const global f32 *v, const global i32 *lengths, const global f32 *slopes, const global u32 *random
#define ATT_PASS batch, heads, kv_heads, t, s, d, q_from, k_from, v_from, q_row, k_row, v_row, scale, causal, window, dropout, stream, copies
#define ATT_POOL ATT float16 pool[ATTENTION_POOL / 16];

/* How many pieces each of `whole` is cut into: of extent `extent`, at least `least` to a piece. */
SG_FN i32 att_pieces(i64 whole, i32 extent, i32 least) {
    const i64 groups = (i64)get_num_groups(0), most = (extent + least - 1) / least;
    return (i32)clamp((groups + whole - 1) / whole, (i64)1, most);
}

kernel void attention_forward_f32(ATT_INPUTS, global f32 *o, global f32 *lse, ATTENTION_PROBLEM) {
    ATT_POOL
    const i64 whole = (i64)batch * heads;
    const i32 pieces = att_pieces(whole, t, 48);
    for (i64 n = get_group_id(0); n < whole * pieces; n += get_num_groups(0)) {
        const i64 one = n / pieces, part = n % pieces, units = (t + 11) / 12;
        const i32 from = (i32)(units * part / pieces) * 12, to = min(t, (i32)(units * (part + 1) / pieces) * 12);
        if (from < to) att_forward(q, k, v, lengths, slopes, random, o, lse, ATT_PASS, (ATT f32 *)pool, (i32)(one / heads), (i32)(one % heads), from, to);
    }
}

kernel void attention_tangent_f32(ATT_INPUTS, const global f32 *o, const global f32 *lse, const global f32 *qt, const global f32 *kt, const global f32 *vt,
                                  global f32 *ot, global f32 *mu, ATTENTION_PROBLEM) {
    ATT_POOL
    const i64 whole = (i64)batch * heads;
    const i32 pieces = att_pieces(whole, t, 48);
    for (i64 n = get_group_id(0); n < whole * pieces; n += get_num_groups(0)) {
        const i64 one = n / pieces, part = n % pieces, units = (t + 11) / 12;
        const i32 from = (i32)(units * part / pieces) * 12, to = min(t, (i32)(units * (part + 1) / pieces) * 12);
        if (from < to)
            att_tangent(q, k, v, lengths, slopes, random, o, lse, qt, kt, vt, ot, mu, ATT_PASS, (ATT f32 *)pool, (i32)(one / heads), (i32)(one % heads), from, to);
    }
}

kernel void attention_backward_f32(ATT_INPUTS, const global f32 *lse, const global f32 *delta, const global f32 *d_o, global f32 *dq, global f32 *dk,
                                   global f32 *dv, ATTENTION_PROBLEM) {
    ATT_POOL
    const i64 whole = (i64)batch * kv_heads;
    for (i64 n = get_group_id(0); n < whole * copies; n += get_num_groups(0)) {
        const i32 one = (i32)(n % whole);
        att_backward(q, k, v, lengths, slopes, random, lse, delta, d_o, dq, dk, dv, ATT_PASS, (ATT f32 *)pool, (i32)(n / whole), one / kv_heads, one % kv_heads);
    }
}

kernel void attention_tangent_backward_f32(ATT_INPUTS, const global f32 *lse, const global f32 *mu, const global f32 *delta, const global f32 *delta_t,
                                           const global f32 *d_o, const global f32 *qt, const global f32 *kt, const global f32 *vt, const global f32 *d_ot,
                                           global f32 *dqt, global f32 *dkt, global f32 *dvt, ATTENTION_PROBLEM) {
    ATT_POOL
    const i64 whole = (i64)batch * kv_heads;
    const i32 pieces = att_pieces(whole, copies, 1);
    for (i64 n = get_group_id(0); n < whole * pieces; n += get_num_groups(0)) {
        const i32 one = (i32)(n / pieces), part = (i32)(n % pieces);
        const i32 c0 = (i32)((i64)copies * part / pieces), c1 = (i32)((i64)copies * (part + 1) / pieces);
        att_probes(0, q, k, v, lengths, slopes, random, lse, mu, delta, delta_t, d_o, qt, kt, vt, d_ot, dqt, dkt, dvt, 0, ATT_PASS, (ATT f32 *)pool,
                   one / kv_heads, one % kv_heads, c0, c1);
    }
}

kernel void attention_curvature_f32(ATT_INPUTS, const global f32 *lse, const global f32 *mu, const global f32 *delta, const global f32 *d_o,
                                    const global f32 *qt, const global f32 *kt, const global f32 *vt, global f32 *partial, ATTENTION_PROBLEM) {
    ATT_POOL
    const i64 whole = (i64)batch * kv_heads;
    const i32 pieces = att_pieces(whole, copies, 1);
    for (i64 c = 0; c < copies; c++) {
        global f32 *to = partial + 2 * (c * (i64)get_num_groups(0) + get_group_id(0));
        to[0] = to[1] = 0.0f;
    }
    for (i64 n = get_group_id(0); n < whole * pieces; n += get_num_groups(0)) {
        const i32 one = (i32)(n / pieces), part = (i32)(n % pieces);
        const i32 c0 = (i32)((i64)copies * part / pieces), c1 = (i32)((i64)copies * (part + 1) / pieces);
        att_probes(1, q, k, v, lengths, slopes, random, lse, mu, delta, 0, d_o, qt, kt, vt, 0, 0, 0, 0, partial, ATT_PASS, (ATT f32 *)pool, one / kv_heads,
                   one % kv_heads, c0, c1);
    }
}

SG_FN float16 att_dot(const global f32 *x, const global f32 *y, i32 d) {
    float16 sum = (float16)(0.0f);
    for (i32 c = 0; c < d; c += 16) sum += v16_load_tail(V16_F32, x, c, d - c) * v16_load_tail(V16_F32, y, c, d - c);
    return sum;
}

kernel void attention_delta_f32(const global f32 *o, const global f32 *ot, const global f32 *d_o, const global f32 *d_ot, global f32 *delta, i32 batch,
                                i32 heads, i32 t, i32 d, i32 copies) {
    const i64 rows = (i64)copies * batch * t, groups = (i64)get_num_groups(0), one = (i64)batch * t;
    for (i64 n = rows * (i64)get_group_id(0) / groups; n < rows * ((i64)get_group_id(0) + 1) / groups; n++) {
        const i64 c = n / one, b = n % one / t, i = n % t;
        for (i32 h = 0; h < heads; h++) {
            const i64 at = (n % one * heads + h) * d, moved = (n * heads + h) * d;
            float16 sum = (float16)(0.0f);
            if (o && d_ot) sum += att_dot(o + at, d_ot + moved, d);
            if (d_o && ot) sum += att_dot(d_o + at, ot + moved, d);
            delta[((c * batch + b) * heads + h) * t + i] = sg_sum16(sum);
        }
    }
}
