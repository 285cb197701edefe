/* What the passes of attention.cpu.cl share: the pool of local memory, packed operands, products, and the probabilities of a strip of keys.

   Matrices in the pool, each named by the offset of its first element:
     rows      [n][ld]   row i of q, k, v, ... of the block, d elements, 0 beyond; ld is an odd multiple of 16, so that rows spread over the sets of the caches
     columns   [d][lt]   the same transposed: operand B of products along d
     strips    [n][lt]   probabilities and what becomes of them, keys down and queries across, of which 12 keys are made at a time
   Queries across, so statistics of rows are vectors and a mask is an interval of lanes; P' is operand A for dv and dk as it lies, and by columns for dq. */
#ifndef SG_ATTENTION_ATTENTION_CPU_H
#define SG_ATTENTION_ATTENTION_CPU_H
#include "attention/attention.h"
#include "lib/cpu/philox.h"
#include "lib/cpu/softmax_vector.h"
#include "lib/cpu/sums.h"
#include "lib/cpu/tile.h"
#include "lib/cpu/vector16.h"

#ifndef ATTENTION_POOL
#define ATTENTION_POOL 196608 /* floats of local memory */
#endif
#ifdef ATTENTION_PRIVATE
#define ATT private /* a device with less local memory than the widest heads need */
#else
#define ATT local
#endif
#define ATT_ROWS 12 /* of the register tile */
#define ATT_TILE (ATT_ROWS * 32)

TILE_FUNCTION(att_tile, ATT, ATT, ATT)
TILE_TRANSPOSE(att_transpose, ATT, ATT)
TILE_TRANSPOSE(att_transpose_global, global, ATT)

/* What one group works on: a head of an example. */
typedef struct {
    i32 t, s, d, causal, window, length, drops;
    f32 scale, slope, kept;
    u32 threshold;
    i64 first; /* element of the random stream of row 0 and key 0 */
    sg_random_key key;
} att_head;

#define ATT_HEAD(w, b, h)                                                                            \
    att_head w;                                                                                      \
    w.t = t, w.s = s, w.d = d, w.causal = causal, w.window = window, w.scale = scale;                \
    w.length = lengths ? max(0, min(lengths[b], s)) : s;                                             \
    w.slope = slopes ? slopes[h] : 0.0f;                                                             \
    w.drops = random != 0 && dropout > 0.0f;                                                         \
    w.kept = 1.0f / (1.0f - dropout);                                                                \
    w.threshold = attention_threshold(dropout);                                                      \
    w.first = ((i64)(b) * heads + (h)) * t * s;                                                      \
    if (w.drops) sg_random_key_of(random, stream, &w.key);

/* ---- Extents ---- */

SG_FN i32 att_up(i32 n, i32 to) { return (n + to - 1) / to * to; }
/* Rows of a matrix in the pool: whole tiles of 12, whole vectors. */
SG_FN i32 att_rows(i32 n) { return max(att_up(n, ATT_ROWS), att_up(n, 16)); }
/* Elements from one row to the next. */
SG_FN i32 att_stride(i32 n) { return ((n + 15) / 16 | 1) * 16; }

/* The largest block of queries and keys whose matrices fit: `by_d` of rows, `columns` transposed, `blocks` of queries by keys, in the pool. */
SG_FN i32 att_block(i32 t, i32 s, i32 d, i32 q_rows, i32 k_rows, i32 columns, i32 blocks) {
    i32 most = 192;
    for (; most > 16; most -= most > 96 ? 48 : 16) {
        const i64 r = min(t, most), c = min(s, most), ld = att_stride(d), lt = max(att_stride(r), att_stride(c));
        const i64 need = (q_rows * (i64)att_rows(r) + k_rows * (i64)att_rows(c)) * ld + columns * (i64)att_up(d, 4) * lt
                         + (blocks * (i64)att_rows(max(r, c)) + 4 * ATT_ROWS) * lt + 4 * ATT_TILE + 80 * (i64)att_rows(max(r, c)) + 1024;
        if (need <= ATTENTION_POOL) break;
    }
    return most;
}

/* ---- Packing ---- */

/* n rows of x, d elements each; zeros up to whole vectors and up to `all` rows. */
SG_FN void att_pack(const global f32 *x, i64 row, i32 n, i32 all, i32 d, ATT f32 *out, i32 ld) {
    for (i32 i = 0; i < n; i++)
        for (i32 c = 0; c < d; c += 16) V16_PUT(ATT, out + i * ld + c, v16_load_tail(V16_F32, x, i * row + c, d - c));
    for (i32 i = max(n, 0); i < all; i++)
        for (i32 c = 0; c < d; c += 16) V16_PUT(ATT, out + i * ld + c, (float16)(0.0f));
}

/* Transposes packed rows, 16 at a time. */
SG_FN void att_turn(const ATT f32 *rows, i32 ld, i32 n, i32 d, ATT f32 *out, i32 lt) {
    for (i32 i = 0; i < n; i += 16) att_transpose(rows + i * ld, ld, out + i, lt, (d + 3) / 4);
}

/* n rows of x as columns, zeros up to whole vectors and up to `all` rows; `staged` holds 16 rows. */
SG_FN void att_pack_turned(const global f32 *x, i64 row, i32 n, i32 all, i32 d, ATT f32 *staged, i32 ld, ATT f32 *out, i32 lt) {
    for (i32 i = 0; i < all; i += 16)
        if (i + 16 <= n && d % 4 == 0) {
            att_transpose_global(x + i * row, row, out + i, lt, d / 4);
        } else {
            att_pack(x + i * row, row, clamp(n - i, 0, 16), 16, d, staged, ld);
            att_turn(staged, ld, 16, d, out + i, lt);
        }
}

/* n values of a statistic of rows, `rest` beyond. */
SG_FN void att_statistic(const global f32 *x, i32 n, i32 all, f32 rest, ATT f32 *out) {
    for (i32 i = 0; i < all; i += 16) {
        float16 v = v16_load_tail(V16_F32, x, i, min(16, n - i));
        V16_PUT(ATT, out + i, select((float16)(rest), v, SG_LANES16 + i < n));
    }
}

/* ---- From the pool to memory ---- */

SG_FN void att_write(const ATT f32 *from, i32 ld, global f32 *out, i64 row, i32 rows, i32 cols, bool add) {
    for (i32 r = 0; r < rows; r++)
        for (i32 c = 0; c < cols; c += 16) {
            float16 v = V16_GET(ATT, from + r * ld + c);
            if (add) v += v16_load_tail(V16_F32, out, r * row + c, cols - c);
            v16_store_tail(V16_F32, out, r * row + c, v, cols - c);
        }
}

SG_FN void att_zero(global f32 *out, i64 row, i32 rows, i32 cols) {
    for (i32 r = 0; r < rows; r++)
        for (i32 c = 0; c < cols; c += 16) v16_store_tail(V16_F32, out, r * row + c, (float16)(0.0f), cols - c);
}

/* ---- What dropout leaves of keys first .. first + n - 1 of row i: 0 or 1 / (1 - p); `out` holds 16 more before and 32 after ---- */

SG_FN i32 att_mask_row(const att_head *w, i32 i, i32 first, i32 n, ATT f32 *out) {
    const i64 e = w->first + (i64)i * w->s + first, from = e / 32 * 32;
    for (i64 x = from; x < e + n; x += 32) {
        uint16 low, high;
        sg_philox_words_v8(w->key, x / 4, &low, &high);
        V16_PUT(ATT, out + (x - from), select((float16)(w->kept), (float16)(0.0f), low < w->threshold));
        V16_PUT(ATT, out + (x - from) + 16, select((float16)(w->kept), (float16)(0.0f), high < w->threshold));
    }
    return (i32)(e - from);
}

/* The mask of a block, keys down: [nk][lt]; `staged` holds 16 att_stride(nk + 96). */
SG_FN void att_mask_block(const att_head *w, i32 i0, i32 nq, i32 j0, i32 nk, ATT f32 *staged, ATT f32 *out, i32 lt) {
    const i32 ls = att_stride(nk + 96);
    for (i32 i = 0; i < nq; i += 16) {
        for (i32 r = 0; r < 16; r++) {
            ATT f32 *line = staged + r * ls;
            const i32 skip = att_mask_row(w, min(i0 + i + r, w->t - 1), j0, nk, line);
            for (i32 j = 0; j < nk; j += 16) V16_PUT(ATT, line + j, V16_GET(ATT, line + skip + j));
        }
        att_transpose(staged, ls, out + i, lt, (nk + 3) / 4);
    }
}

/* ---- Strips of keys ---- */

/* Which rows of the block see the keys j .. j + rows - 1: low[r], high[r], relative to row i0. */
typedef struct {
    i32 low[ATT_ROWS], high[ATT_ROWS];
    i32 from, to;              /* of any of them */
    i32 full_from, full_to;    /* of all of them */
} att_strip;

SG_FN void att_strip_of(const att_head *w, i32 i0, i32 nq, i32 j, i32 rows, att_strip *strip) {
    strip->from = nq, strip->to = 0, strip->full_from = 0, strip->full_to = nq;
    for (i32 r = 0; r < rows; r++) {
        i32 from, to;
        attention_rows(w->t, w->s, w->causal, w->window, w->length, j + r, 1, &from, &to);
        from = max(from - i0, 0), to = min(to - i0, nq);
        if (from >= to) from = to = 0;
        else strip->from = min(strip->from, from), strip->to = max(strip->to, to);
        strip->low[r] = from, strip->high[r] = to;
        strip->full_from = max(strip->full_from, from), strip->full_to = min(strip->full_to, to);
    }
}

/* The same of rows i .. i + rows - 1: which of the keys of the block, relative to key j0, they see. */
SG_FN void att_strip_of_queries(const att_head *w, i32 i, i32 rows, i32 j0, i32 nk, att_strip *strip) {
    strip->from = nk, strip->to = 0, strip->full_from = 0, strip->full_to = nk;
    for (i32 r = 0; r < rows; r++) {
        i32 from, to;
        attention_keys(w->t, w->s, w->causal, w->window, w->length, i + r, 1, &from, &to);
        from = max(from - j0, 0), to = min(to - j0, nk);
        if (from >= to) from = to = 0;
        else strip->from = min(strip->from, from), strip->to = max(strip->to, to);
        strip->low[r] = from, strip->high[r] = to;
        strip->full_from = max(strip->full_from, from), strip->full_to = min(strip->full_to, to);
    }
}

/* exp(scale x + slope (j - i') - lse), at most 1 whatever queries and keys were kept in few bits, of 16 rows from `lane` on, 0 where row r of the strip is not visible; `far` is j - i' of row 0 of the block. */
SG_FN float16 att_probability(const att_head *w, float16 x, const ATT f32 *lse, i32 lane, i32 far) {
    x = x * w->scale - V16_GET(ATT, lse + lane);
    if (w->slope != 0.0f) x += w->slope * convert_float16(far - lane - SG_LANES16);
    return sg_exp16(select(x, (float16)(0.0f), x > 0.0f));
}
SG_FN float16 att_seen(float16 x, i32 low, i32 high, i32 lane) {
    int16 at = SG_LANES16 + lane;
    return select((float16)(0.0f), x, at >= low & at < high);
}

/* Zeros beside the rows that a strip has: what reads the block by columns takes 12 rows at a time. */
SG_FN void att_hem(ATT f32 *block, i32 lt, i32 rows, i32 from, i32 to) {
    for (i32 r = 0; r < rows; r++) {
        if (from >= 16) V16_PUT(ATT, block + r * lt + from - 16, (float16)(0.0f));
        if (to + 16 <= lt) V16_PUT(ATT, block + r * lt + to, (float16)(0.0f));
    }
}

/* c[12][d] (+)= a b for 12 rows and all d columns, 32 at a time. */
SG_FN void att_row_of_tiles(const ATT f32 *a, i64 ar, i64 ak, const ATT f32 *b, i32 sb, i32 depth, i32 rows, i32 cols, bool add, ATT f32 *c, i32 sc) {
    for (i32 n = 0; n < cols; n += 32) att_tile(a, ar, ak, b + n, sb, depth, rows, cols - n > 16, add, c + n, sc);
}

#endif
