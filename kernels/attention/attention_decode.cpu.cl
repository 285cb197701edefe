/* Attention of one new position for CPU devices: formulas, arguments, layouts and bytes as in attention/attention_decode.gpu.cl.

   Work-group: 1, group g has the kv head g and all query heads that read it, four at a time while there are as many: the caches are read once for them, rows
   of a tile of DECODE_TILE keys (of the cache of keys: runs of a column) from end to end, which is what memory is fast at. A tile's weights and the sums stay in the L1 cache. */
#include "lib/cpu/pieces.h"
#include "lib/cpu/vector16.h"

#ifndef DECODE_TILE
#define DECODE_TILE 512 /* keys whose weights lie on the stack, a multiple of 16 */
#endif
#define DECODE_LARGEST 256
#define DECODE_HEADS 4
#define DECODE_WIDE 48 /* elements of a row of values from which on whole rows are fast */

SG_FN f32 decode_turned(const global f32 *x, i32 c, const global f32 *turn, i32 dims, i32 halves) {
    if (turn == 0 || c >= dims) return x[c];
    i32 half_dims = dims / 2, pair = halves ? (c < half_dims ? c : c - half_dims) : c / 2;
    i32 first = halves ? pair : 2 * pair, second = halves ? pair + half_dims : 2 * pair + 1;
    f32 a = x[first], b = x[second], cosine = turn[2 * pair], sine = turn[2 * pair + 1];
    return c == first ? a * cosine - b * sine : b * cosine + a * sine;
}

/* to[h][x] += sum over rows r of factor[h][r] from[r][x], x < width, for n heads: four rows go by at once, each from end to end as memory has them. */
SG_SPECIAL void decode_rows(const i32 n, const f32 *factor, i32 factors, const global f32 *from, i32 row, i32 rows, i32 width, f32 *to, i32 results) {
    i32 r = 0;
    for (; r + 4 <= rows; r += 4, from += 4 * (i64)row) {
        float16 f[4 * DECODE_HEADS];
        i32 x = 0;
#pragma unroll
        for (i32 e = 0; e < 4 * n; e++) f[e] = factor[e / 4 * factors + r + e % 4];
        for (; x + 16 <= width; x += 16) {
            float16 a = V16_GET(global, from + x), b = V16_GET(global, from + row + x);
            float16 c = V16_GET(global, from + 2 * (i64)row + x), d = V16_GET(global, from + 3 * (i64)row + x);
#pragma unroll
            for (i32 h = 0; h < n; h++) {
                float16 s = fma(f[4 * h], a, V16_GET(private, to + h * results + x));
                V16_PUT(private, to + h * results + x, fma(f[4 * h + 3], d, fma(f[4 * h + 2], c, fma(f[4 * h + 1], b, s))));
            }
        }
        for (; x < width; x++) {
            for (i32 e = 0; e < 4 * n; e++) to[e / 4 * results + x] = fma(factor[e / 4 * factors + r + e % 4], from[e % 4 * (i64)row + x], to[e / 4 * results + x]);
        }
    }
    for (; r < rows; r++, from += row) {
        for (i32 h = 0; h < n; h++) {
            for (i32 x = 0; x < width; x++) to[h * results + x] = fma(factor[h * factors + r], from[x], to[h * results + x]);
        }
    }
}

/* The same for one head and rows of few elements one behind another: eight columns' sums stay in registers, four rows side by side. */
SG_FN void decode_narrow_rows(const f32 *factor, const global f32 *from, i32 rows, i32 width, f32 *to) {
    i32 x = 0;
    for (; x + 8 <= width; x += 8) {
        float8 s0 = vload8(0, to + x), s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
        i32 r = 0;
        for (; r + 4 <= rows; r += 4) {
            const global f32 *row = from + (i64)r * width + x;
            s0 = fma((float8)factor[r], vload8(0, row), s0);
            s1 = fma((float8)factor[r + 1], vload8(0, row + width), s1);
            s2 = fma((float8)factor[r + 2], vload8(0, row + 2 * width), s2);
            s3 = fma((float8)factor[r + 3], vload8(0, row + 3 * width), s3);
        }
        for (; r < rows; r++) s0 = fma((float8)factor[r], vload8(0, from + (i64)r * width + x), s0);
        vstore8((s0 + s1) + (s2 + s3), 0, to + x);
    }
    for (; x < width; x++) {
        f32 s = to[x];
        for (i32 r = 0; r < rows; r++) s = fma(factor[r], from[(i64)r * width + x], s);
        to[x] = s;
    }
}

/* Scores to exp(score - most); what lies behind the last key becomes 0. Returns their sum. */
SG_FN f32 decode_exponentials(f32 *weight, i32 count, f32 slope, i32 back, f32 *most, f32 *shrink) {
    float16 high = *most, part = 0.0f, place = (float16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (i32 i = count; i % 16 != 0; i++) weight[i] = -INFINITY;
    for (i32 i = 0; i < count; i += 16) {
        float16 s = vload16(0, weight + i) + slope * (place + (f32)(i - back));
        vstore16(s, 0, weight + i);
        high = fmax(high, s);
    }
    f32 lane[16], higher = *most;
    vstore16(high, 0, lane);
    for (i32 e = 0; e < 16; e++) higher = fmax(higher, lane[e]);
    for (i32 i = 0; i < count; i += 16) {
        float16 e = exp(vload16(0, weight + i) - higher);
        vstore16(e, 0, weight + i);
        part += e;
    }
    *shrink = exp(*most - higher);
    *most = higher;
    float8 eight = part.lo + part.hi;
    float4 four = eight.lo + eight.hi;
    return (four.x + four.y) + (four.z + four.w);
}

/* n heads, query[h] scaled, over the keys from .. p; sum[h] and total[h]. */
SG_SPECIAL void decode_heads(const i32 n, const f32 *query, const global f32 *keys, const global f32 *values, const global f32 *slopes, i32 from, i32 p, i32 d,
                             i32 longest, f32 *weight, f32 *sum, f32 *total) {
    f32 most[DECODE_HEADS];
    for (i32 h = 0; h < n; h++) {
        most[h] = -INFINITY;
        total[h] = 0.0f;
        for (i32 c = 0; c < d; c++) sum[h * DECODE_LARGEST + c] = 0.0f;
    }
    for (i32 tile = from; tile <= p; tile += DECODE_TILE) {
        i32 count = min(p + 1 - tile, DECODE_TILE);
        for (i32 h = 0; h < n; h++) {
            for (i32 i = 0; i < count; i++) weight[h * DECODE_TILE + i] = 0.0f;
        }
        decode_rows(n, query, DECODE_LARGEST, keys + tile, longest, d, count, weight, DECODE_TILE);
        for (i32 h = 0; h < n; h++) {
            f32 shrink, part = decode_exponentials(weight + h * DECODE_TILE, count, slopes == 0 ? 0.0f : slopes[h], p - tile, most + h, &shrink);
            total[h] = total[h] * shrink + part;
            for (i32 c = 0; c < d; c++) sum[h * DECODE_LARGEST + c] *= shrink;
        }
        if (d < DECODE_WIDE) {
            for (i32 h = 0; h < n; h++) decode_narrow_rows(weight + h * DECODE_TILE, values + (i64)tile * d, count, d, sum + h * DECODE_LARGEST);
            continue;
        }
        decode_rows(n, weight, DECODE_TILE, values + (i64)tile * d, d, count, d, sum, DECODE_LARGEST);
    }
}

kernel void attention_decode_f32(const global f32 *q, const global f32 *k, const global f32 *v, global f32 *k_cache, global f32 *v_cache,
                                 const global i32 *position, const global f32 *turns, const global f32 *slopes, global f32 *o, i32 heads, i32 kv_heads,
                                 i32 d, i32 longest, i64 q_from, i64 k_from, i64 v_from, f32 scale, i32 window, i32 dims, i32 halves) {
    f32 query[DECODE_HEADS * DECODE_LARGEST], sum[DECODE_HEADS * DECODE_LARGEST], weight[DECODE_HEADS * DECODE_TILE], total[DECODE_HEADS];
    i32 g = (i32)get_group_id(0), each = heads / kv_heads, p = clamp(position[0], 0, longest - 1);
    i32 from = window > 0 && p - window + 1 > 0 ? p - window + 1 : 0;
    const global f32 *turn = turns == 0 ? turns : turns + (i64)p * dims;
    global f32 *keys = k_cache + (i64)g * d * longest, *values = v_cache + (i64)g * d * longest;
    for (i32 c = 0; c < d; c++) {
        keys[(i64)c * longest + p] = decode_turned(k + k_from + (i64)g * d, c, turn, dims, halves);
        values[(i64)p * d + c] = v[v_from + (i64)g * d + c];
    }
    for (i32 h = g * each, n; h < (g + 1) * each; h += n) {
        n = (g + 1) * each - h < DECODE_HEADS ? 1 : DECODE_HEADS;
        for (i32 e = 0; e < n * d; e++) query[e / d * DECODE_LARGEST + e % d] = scale * decode_turned(q + q_from + (i64)(h + e / d) * d, e % d, turn, dims, halves);
        const global f32 *slope = slopes == 0 ? slopes : slopes + h;
        if (n == 1) {
            decode_heads(1, query, keys, values, slope, from, p, d, longest, weight, sum, total);
        } else {
            decode_heads(DECODE_HEADS, query, keys, values, slope, from, p, d, longest, weight, sum, total);
        }
        for (i32 e = 0; e < n * d; e++) o[(i64)h * d + e] = sum[e / d * DECODE_LARGEST + e % d] / total[e / d];
    }
}
