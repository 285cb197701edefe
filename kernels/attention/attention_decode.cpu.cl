/* Attention of one new position for CPU devices: formulas, arguments, layouts and bytes as in attention/attention_decode.gpu.cl.

   Work-group: 1, group g has the kv head g and all query heads that read it. Sixteen neighbouring keys are one vector of the cache of keys, so scores need no
   sum across lanes; tiles of DECODE_TILE keys with a running maximum. Values are summed eight columns at a time, over four keys side by side. */
#include "lib/dialect.h"

#ifndef DECODE_TILE
#define DECODE_TILE 512 /* keys whose weights lie on the stack, a multiple of 16 */
#endif
#define DECODE_LARGEST 256

SG_FN f32 decode_turned(const global f32 *x, i32 c, const global f32 *turn, i32 dims, i32 halves) {
    if (turn == 0 || c >= dims) return x[c];
    i32 half_dims = dims / 2, pair = halves ? (c < half_dims ? c : c - half_dims) : c / 2;
    i32 first = halves ? pair : 2 * pair, second = halves ? pair + half_dims : 2 * pair + 1;
    f32 a = x[first], b = x[second], cosine = turn[2 * pair], sine = turn[2 * pair + 1];
    return c == first ? a * cosine - b * sine : b * cosine + a * sine;
}

/* weight[i] = query . key of i, for `count` keys from `keys` on; returns the largest of these and `most`. What lies behind the last key is -infinity. */
SG_FN f32 decode_scores(const f32 *query, const global f32 *keys, i32 count, i32 d, i32 longest, f32 slope, i32 back, f32 *weight, f32 most) {
    i32 i = 0;
    float16 high = (float16)most;
    for (; i + 16 <= count; i += 16) {
        float16 s = 0.0f;
        for (i32 c = 0; c < d; c++) s = fma((float16)query[c], vload16(0, keys + (i64)c * longest + i), s);
        s += slope * (convert_float16((int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)) + (f32)(i - back));
        vstore16(s, 0, weight + i);
        high = fmax(high, s);
    }
    f32 largest[16];
    vstore16(high, 0, largest);
    for (i32 lane = 0; lane < 16; lane++) most = fmax(most, largest[lane]);
    for (; i < count; i++) {
        f32 s = 0.0f;
        for (i32 c = 0; c < d; c++) s = fma(query[c], keys[(i64)c * longest + i], s);
        weight[i] = s + slope * (f32)(i - back);
        most = fmax(most, weight[i]);
    }
    for (; i % 16 != 0; i++) weight[i] = -INFINITY;
    return most;
}

kernel void attention_decode_f32(const global f32 *q, const global f32 *k, const global f32 *v, global f32 *k_cache, global f32 *v_cache,
                                 const global i32 *position, const global f32 *turns, const global f32 *slopes, global f32 *o, i32 heads, i32 kv_heads,
                                 i32 d, i32 longest, i64 q_from, i64 k_from, i64 v_from, f32 scale, i32 window, i32 dims, i32 halves) {
    f32 query[DECODE_LARGEST], sum[DECODE_LARGEST], weight[DECODE_TILE];
    i32 g = (i32)get_group_id(0), each = heads / kv_heads, p = clamp(position[0], 0, longest - 1);
    const global f32 *turn = turns == 0 ? turns : turns + (i64)p * dims;
    global f32 *keys = k_cache + (i64)g * d * longest, *values = v_cache + (i64)g * d * longest;
    for (i32 c = 0; c < d; c++) {
        keys[(i64)c * longest + p] = decode_turned(k + k_from + (i64)g * d, c, turn, dims, halves);
        values[(i64)p * d + c] = v[v_from + (i64)g * d + c];
    }
    for (i32 h = g * each; h < (g + 1) * each; h++) {
        for (i32 c = 0; c < d; c++) {
            query[c] = scale * decode_turned(q + q_from + (i64)h * d, c, turn, dims, halves);
            sum[c] = 0.0f;
        }
        f32 slope = slopes == 0 ? 0.0f : slopes[h], most = -INFINITY, total = 0.0f;
        for (i32 tile = window > 0 && p - window + 1 > 0 ? p - window + 1 : 0; tile <= p; tile += DECODE_TILE) {
            i32 count = min(p + 1 - tile, DECODE_TILE);
            f32 higher = decode_scores(query, keys + tile, count, d, longest, slope, p - tile, weight, most), shrink = exp(most - higher);
            float16 part = 0.0f;
            for (i32 i = 0; i < count; i += 16) {
                float16 e = exp(vload16(0, weight + i) - higher);
                vstore16(e, 0, weight + i);
                part += e;
            }
            float8 eight = part.lo + part.hi;
            float4 four = eight.lo + eight.hi;
            most = higher;
            total = total * shrink + (four.x + four.y) + (four.z + four.w);
            const global f32 *from = values + (i64)tile * d;
            i32 c = 0;
            for (; c + 8 <= d; c += 8) {
                float8 s0 = shrink * vload8(0, sum + c), s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
                i32 i = 0;
                for (; i + 4 <= count; i += 4) {
                    const global f32 *row = from + (i64)i * d + c;
                    s0 = fma((float8)weight[i], vload8(0, row), s0);
                    s1 = fma((float8)weight[i + 1], vload8(0, row + d), s1);
                    s2 = fma((float8)weight[i + 2], vload8(0, row + 2 * d), s2);
                    s3 = fma((float8)weight[i + 3], vload8(0, row + 3 * d), s3);
                }
                for (; i < count; i++) s0 = fma((float8)weight[i], vload8(0, from + (i64)i * d + c), s0);
                vstore8((s0 + s1) + (s2 + s3), 0, sum + c);
            }
            for (; c < d; c++) {
                f32 s = shrink * sum[c];
                for (i32 i = 0; i < count; i++) s = fma(weight[i], from[(i64)i * d + c], s);
                sum[c] = s;
            }
        }
        for (i32 c = 0; c < d; c++) o[(i64)h * d + c] = sum[c] / total;
    }
}
