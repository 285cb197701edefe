/* Attention of one new position over what came before: key and value join the caches, the query sees all that is there.

     p = position[0]                                          read from device memory, so that a captured launch can be replayed
     k' = turn(k, p), q' = turn(q, p)                         rotary positions, by the row p of a table of cosines and sines
     k_cache[g, :, p] = k'[g], v_cache[g, p, :] = v[g]
     S_j = scale q'_h . k_j + slope_h (j - p)                 0 <= j <= p; with a window w > 0, p - j < w
     o_h = sum_j softmax(S)_j v_j

   Shapes: q heads x d from q_from on, k and v kv_heads x d from k_from and v_from on (one packed tensor can be all three), head h reads kv head
   g = h / (heads / kv_heads). Caches: k [kv_heads, d, longest], so that neighbouring keys are neighbours in memory; v [kv_heads, longest, d]. turns (or null)
   [longest, dims / 2, 2], cosine and sine: pair c of the first `dims` elements of a head is (c, c + dims / 2) where `halves`, else (2 c, 2 c + 1).
   slopes (or null) [heads]. 0 <= p < longest, 1 <= d <= 256.

   Work-group: 256, one per head; grid x: heads. Keys go by tiles of 256, one per work-item, with a running maximum (online softmax); values by parts of the group, each as many
   work-items as a row has elements, rounded up to a power of two. 16 loads of a work-item are on their way at once: one group a multiprocessor has nothing else to hide them.
   The key and value of p come from the arguments, not from the caches: the group of a kv head's first query head writes them, the others need not wait.
   Bytes: 8 d per key and kv head. Flops: 4 d per key and head. Source: Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018. */
#include "lib/gpu.h"

#define DECODE_GROUP 256
#define DECODE_LOADS 16

SG_FN f32 decode_turned(const SG_GLOBAL f32 *x, i32 c, const SG_GLOBAL f32 *turn, i32 dims, i32 halves) {
    if (turn == 0 || c >= dims) return x[c];
    i32 half_dims = dims / 2, pair = halves ? (c < half_dims ? c : c - half_dims) : c / 2;
    i32 first = halves ? pair : 2 * pair, second = halves ? pair + half_dims : 2 * pair + 1;
    f32 a = x[first], b = x[second], cosine = turn[2 * pair], sine = turn[2 * pair + 1];
    return c == first ? a * cosine - b * sine : b * cosine + a * sine;
}

/* sum over i < n of a[i a_step] b[i b_step]: DECODE_LOADS of b are on their way at once. */
SG_FN f32 decode_dot(const SG_LOCAL f32 *a, i32 a_step, const SG_GLOBAL f32 *b, i64 b_step, i32 n) {
    f32 sum = 0.0f;
    for (; n >= DECODE_LOADS; n -= DECODE_LOADS, a += DECODE_LOADS * a_step) {
        f32 one[DECODE_LOADS];
        for (i32 e = 0; e < DECODE_LOADS; e++, b += b_step) one[e] = b[0];
        for (i32 e = 0; e < DECODE_LOADS; e++) sum = sg_fma(a[e * a_step], one[e], sum);
    }
    for (; n > 0; n--, a += a_step, b += b_step) sum = sg_fma(a[0], b[0], sum);
    return sum;
}

SG_KERNEL(DECODE_GROUP)
attention_decode_f32(const SG_GLOBAL f32 *q, const SG_GLOBAL f32 *k, const SG_GLOBAL f32 *v, SG_GLOBAL f32 *k_cache, SG_GLOBAL f32 *v_cache,
                     const SG_GLOBAL i32 *position, const SG_GLOBAL f32 *turns, const SG_GLOBAL f32 *slopes, SG_GLOBAL f32 *o, i32 heads, i32 kv_heads, i32 d,
                     i32 longest, i64 q_from, i64 k_from, i64 v_from, f32 scale, i32 window, i32 dims, i32 halves) {
    SG_SHARED(f32, query, DECODE_GROUP);
    SG_SHARED(f32, key, DECODE_GROUP);
    SG_SHARED(f32, weight, DECODE_GROUP);
    SG_SHARED(f32, tree, DECODE_GROUP);
    i32 me = (i32)sg_local(0), h = (i32)sg_group(0), each = heads / kv_heads, g = h / each, p = position[0];
    p = p < 0 ? 0 : p >= longest ? longest - 1 : p;
    i32 across = 1; /* work-items that share out a row of values, each part of the group has its keys of a tile */
    while (across < d) across *= 2;
    i32 parts = DECODE_GROUP / across, column = me % across;
    const SG_GLOBAL f32 *turn = turns == 0 ? turns : turns + (i64)p * dims;
    const SG_GLOBAL f32 *value = v + v_from + (i64)g * d;
    SG_GLOBAL f32 *keys = k_cache + (i64)g * d * longest, *values = v_cache + (i64)g * d * longest;
    if (me < d) {
        query[me] = scale * decode_turned(q + q_from + (i64)h * d, me, turn, dims, halves);
        key[me] = decode_turned(k + k_from + (i64)g * d, me, turn, dims, halves);
        if (h % each == 0) {
            keys[(i64)me * longest + p] = key[me];
            values[(i64)p * d + me] = value[me];
        }
    }
    SG_BARRIER();
    f32 slope = slopes == 0 ? 0.0f : slopes[h], most = -SG_INFINITY, total = 0.0f, sum = 0.0f;
    for (i32 tile = window > 0 && p - window + 1 > 0 ? p - window + 1 : 0; tile <= p; tile += DECODE_GROUP) {
        i32 j = tile + me, count = p + 1 - tile < DECODE_GROUP ? p + 1 - tile : DECODE_GROUP;
        f32 score = -SG_INFINITY;
        if (j < p) {
            score = decode_dot(query, 1, keys + j, longest, d);
            score += slope * (f32)(j - p);
        }
        if (j == p) {
            score = 0.0f;
            for (i32 c = 0; c < d; c++) score = sg_fma(query[c], key[c], score);
        }
        tree[me] = score;
        for (i32 width = DECODE_GROUP / 2; width > 0; width /= 2) {
            SG_BARRIER();
            if (me < width) tree[me] = sg_fmax(tree[me], tree[me + width]);
        }
        SG_BARRIER();
        f32 higher = sg_fmax(most, tree[0]), shrink = sg_exp(most - higher), e = me < count ? sg_exp(score - higher) : 0.0f;
        SG_BARRIER();
        weight[me] = e;
        tree[me] = e;
        for (i32 width = DECODE_GROUP / 2; width > 0; width /= 2) {
            SG_BARRIER();
            if (me < width) tree[me] += tree[me + width];
        }
        SG_BARRIER();
        most = higher;
        total = sg_fma(total, shrink, tree[0]);
        sum *= shrink;
        if (column < d) {
            i32 before = tile + count > p ? p - tile : count;
            i32 first = me / across, share = before > first ? (before - first + parts - 1) / parts : 0;
            sum += decode_dot(weight + first, parts, values + (i64)(tile + first) * d + column, (i64)parts * d, share);
            if (before < count && me < across) sum = sg_fma(weight[before], value[column], sum);
        }
        SG_BARRIER();
    }
    tree[me] = sum;
    SG_BARRIER();
    if (me < d) {
        for (i32 e = 1; e < parts; e++) sum += tree[e * across + me];
        o[(i64)h * d + me] = sum / total;
    }
}
