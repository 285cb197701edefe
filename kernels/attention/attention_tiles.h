/* Tiles of attention for GPUs, in the vocabulary of lib/gpu.h. A work-group of 256 has ATTENTION_TILE "own" rows and goes over tiles of as many "other" ones:
   own are queries and other keys in passes by row, the reverse in passes by column. Work-item (x, y) = (rank % 16, rank / 16) has the scores of own 4 y + p and
   other 4 x + q at
   [4 p + q], and of results the own rows 4 y + p at the columns 4 x + q of a chunk of 64. Operands come through local memory in pieces of
   ATTENTION_DEPTH, transposed, in rows of ATTENTION_STRIDE floats: a step of a product reads 32 bytes for 16 multiply-adds. */
#ifndef SG_ATTENTION_ATTENTION_TILES_H
#define SG_ATTENTION_ATTENTION_TILES_H
#include "attention/attention.h"
#include "lib/gpu.h"

#ifndef ATTENTION_TILE
#define ATTENTION_TILE 64 /* queries of a tile, keys of a tile, columns of a chunk of the result; the work-item's place fixes it */
#endif
#ifndef ATTENTION_DEPTH
#define ATTENTION_DEPTH 16 /* of a piece of an operand in local memory */
#endif
#ifndef ATTENTION_COPIES
#define ATTENTION_COPIES 8 /* probes of curvature that share a tile */
#endif
#define ATTENTION_STRIDE 68 /* floats from one row of a tile in local memory to the next: 16 bytes aligned, and banks differ */
#define ATTENTION_PIECE (ATTENTION_DEPTH * ATTENTION_STRIDE)
/* Local memory of a group: pieces of operands, the last four of which are weights when products with them are made. */
#define ATTENTION_MEMORY (2 * ATTENTION_PIECE + ATTENTION_TILE * ATTENTION_STRIDE)
#define ATTENTION_WEIGHTS_OF(pieces) ((pieces) + 2 * ATTENTION_PIECE)
#define ATTENTION_RED 17 /* floats of a row of partial results of 16 work-items */

#define ATTENTION_EACH for (i32 p = 0; p < 4; p++) for (i32 c = 0; c < 4; c++)

/* acc[4 p + q] += a[p] b[q] */
SG_FN void attention_outer(f32 *acc, float4 a, float4 b) {
    acc[0] += a.x * b.x;
    acc[1] += a.x * b.y;
    acc[2] += a.x * b.z;
    acc[3] += a.x * b.w;
    acc[4] += a.y * b.x;
    acc[5] += a.y * b.y;
    acc[6] += a.y * b.z;
    acc[7] += a.y * b.w;
    acc[8] += a.z * b.x;
    acc[9] += a.z * b.y;
    acc[10] += a.z * b.z;
    acc[11] += a.z * b.w;
    acc[12] += a.w * b.x;
    acc[13] += a.w * b.y;
    acc[14] += a.w * b.z;
    acc[15] += a.w * b.w;
}

/* Four of a row's columns from c on; 0 from column d on. */
SG_FN float4 attention_four(const SG_GLOBAL f32 *row, i32 c, i32 d) {
    if (c + 4 <= d && sg_takes_4(row + c)) return sg_load_4(row + c);
    return sg_make_4(c < d ? row[c] : 0.0f, c + 1 < d ? row[c + 1] : 0.0f, c + 2 < d ? row[c + 2] : 0.0f, c + 3 < d ? row[c + 3] : 0.0f);
}

/* piece[c][row] = from[row][c0 + c]; 0 beyond `rows` and d. In the second half of the columns rows 8 .. 15 of each sixteen change places with 0 .. 7, so that the 32 stores
   of a warp go to 32 banks: row i of column c lies at c ATTENTION_STRIDE + (i ^ (c & 8)). */
SG_FN void attention_fetch(const SG_GLOBAL f32 *from, i64 row, i32 rows, i32 c0, i32 d, SG_LOCAL f32 *piece) {
    i32 i = (i32)sg_local(0) / 4, c = (i32)sg_local(0) % 4 * 4;
    float4 four = i < rows ? attention_four(from + i * row, c0 + c, d) : sg_make_4(0.0f, 0.0f, 0.0f, 0.0f);
    piece += c * ATTENTION_STRIDE + (i ^ (c & 8));
    piece[0] = four.x;
    piece[ATTENTION_STRIDE] = four.y;
    piece[2 * ATTENTION_STRIDE] = four.z;
    piece[3 * ATTENTION_STRIDE] = four.w;
}
/* Where the rows r .. r + 3 of a piece's columns h .. h + 7 are, h 0 or 8: a column at each ATTENTION_STRIDE. */
SG_FN const SG_LOCAL f32 *attention_columns(const SG_LOCAL f32 *piece, i32 h, i32 r) { return piece + h * ATTENTION_STRIDE + (r ^ h); }

/* acc[own][other] += sum over the head of a[own] b[other]. Ends with local memory still read. */
SG_FN void attention_scores(f32 *acc, const SG_GLOBAL f32 *a, i64 a_row, i32 a_rows, const SG_GLOBAL f32 *b, i64 b_row, i32 b_rows, i32 d, SG_LOCAL f32 *pieces) {
    i32 x = (i32)sg_local(0) % 16, y = (i32)sg_local(0) / 16;
    SG_LOCAL f32 *other = pieces + ATTENTION_PIECE;
    for (i32 c0 = 0; c0 < d; c0 += ATTENTION_DEPTH) {
        SG_BARRIER();
        attention_fetch(a, a_row, a_rows, c0, d, pieces);
        attention_fetch(b, b_row, b_rows, c0, d, other);
        SG_BARRIER();
#pragma unroll 1
        for (i32 h = 0; h < ATTENTION_DEPTH; h += 8) {
            const SG_LOCAL f32 *u = attention_columns(pieces, h, 4 * y), *v = attention_columns(other, h, 4 * x);
#pragma unroll
            for (i32 c = 0; c < 8 * ATTENTION_STRIDE; c += ATTENTION_STRIDE) attention_outer(acc, sg_shared_4(u + c), sg_shared_4(v + c));
        }
    }
}

/* tangent[own][other] += sum over the head of at[own] b[other] + a[own] bt[other], and acc += a[own] b[other] unless it is null: each piece comes once for all products. at
   lies as a does and bt as b, a null is zeros. Ends with local memory still read. */
SG_FN void attention_scores_with_tangent(f32 *acc, f32 *tangent, const SG_GLOBAL f32 *a, const SG_GLOBAL f32 *at, i64 a_row, i32 a_rows,
                                         const SG_GLOBAL f32 *b, const SG_GLOBAL f32 *bt, i64 b_row, i32 b_rows, i32 d, SG_LOCAL f32 *pieces) {
    i32 x = (i32)sg_local(0) % 16, y = (i32)sg_local(0) / 16;
    SG_LOCAL f32 *other = pieces + ATTENTION_PIECE, *own_t = pieces + 2 * ATTENTION_PIECE, *other_t = pieces + 3 * ATTENTION_PIECE;
    for (i32 c0 = 0; c0 < d; c0 += ATTENTION_DEPTH) {
        SG_BARRIER();
        attention_fetch(a, a_row, a_rows, c0, d, pieces);
        attention_fetch(b, b_row, b_rows, c0, d, other);
        attention_fetch(at, a_row, at != 0 ? a_rows : 0, c0, d, own_t);
        attention_fetch(bt, b_row, bt != 0 ? b_rows : 0, c0, d, other_t);
        SG_BARRIER();
#pragma unroll 1
        for (i32 h = 0; h < ATTENTION_DEPTH; h += 8) {
            const SG_LOCAL f32 *u = attention_columns(pieces, h, 4 * y), *v = attention_columns(other, h, 4 * x);
            const SG_LOCAL f32 *ut = attention_columns(own_t, h, 4 * y), *vt = attention_columns(other_t, h, 4 * x);
#pragma unroll
            for (i32 c = 0; c < 8 * ATTENTION_STRIDE; c += ATTENTION_STRIDE) {
                float4 own = sg_shared_4(u + c), others = sg_shared_4(v + c);
                if (acc != 0) attention_outer(acc, own, others);
                attention_outer(tangent, sg_shared_4(ut + c), others);
                attention_outer(tangent, own, sg_shared_4(vt + c));
            }
        }
    }
}

/* weights[other][own] = w[own][other]; nobody reads them any more. */
SG_FN void attention_put(const f32 *w, SG_LOCAL f32 *weights) {
    i32 x = (i32)sg_local(0) % 16, y = (i32)sg_local(0) / 16;
    for (i32 q = 0; q < 4; q++) sg_put_shared_4(weights + (4 * x + q) * ATTENTION_STRIDE + 4 * y, sg_make_4(w[q], w[4 + q], w[8 + q], w[12 + q]));
}

/* acc[own][column] += sum over other of weights[other][own] from[other][c0 + column]. The weights may have been put just before. Ends with local memory still read. */
SG_FN void attention_mix(f32 *acc, const SG_LOCAL f32 *weights, const SG_GLOBAL f32 *from, i64 row, i32 rows, i32 c0, i32 d, SG_LOCAL f32 *piece) {
    i32 x = (i32)sg_local(0) % 16, y = (i32)sg_local(0) / 16;
    for (i32 j0 = 0; j0 < ATTENTION_TILE && j0 < rows; j0 += ATTENTION_DEPTH) {
        SG_BARRIER();
        float4 four = j0 + y < rows ? attention_four(from + (j0 + y) * row, c0 + 4 * x, d) : sg_make_4(0.0f, 0.0f, 0.0f, 0.0f);
        sg_put_shared_4(piece + y * ATTENTION_STRIDE + 4 * x, four);
        SG_BARRIER();
#pragma unroll 8
        for (i32 j = 0; j < ATTENTION_DEPTH; j++)
            attention_outer(acc, sg_shared_4(weights + (j0 + j) * ATTENTION_STRIDE + 4 * y), sg_shared_4(piece + j * ATTENTION_STRIDE + 4 * x));
    }
}

/* acc += sum over other of w[own][other] from[other][c0 + column]. */
SG_FN void attention_weigh(f32 *acc, const f32 *w, const SG_GLOBAL f32 *from, i64 row, i32 rows, i32 c0, i32 d, SG_LOCAL f32 *pieces) {
    SG_BARRIER();
    attention_put(w, ATTENTION_WEIGHTS_OF(pieces));
    attention_mix(acc, ATTENTION_WEIGHTS_OF(pieces), from, row, rows, c0, d, pieces);
}

/* to[own][c0 + column] = factor acc[own][column] */
SG_FN void attention_store(const f32 *acc, f32 factor, SG_GLOBAL f32 *to, i64 row, i32 rows, i32 c0, i32 d) {
    i32 x = (i32)sg_local(0) % 16, y = (i32)sg_local(0) / 16;
    ATTENTION_EACH {
        if (4 * y + p < rows && c0 + 4 * x + c < d) to[(4 * y + p) * row + c0 + 4 * x + c] = factor * acc[4 * p + c];
    }
}

/* The sums over all of own row 4 y + p: over the 16 work-items that share it, in their order. */
SG_FN void attention_row_sums(f32 *part, SG_LOCAL f32 *scratch) {
    i32 x = (i32)sg_local(0) % 16, y = (i32)sg_local(0) / 16;
    SG_BARRIER();
    for (i32 p = 0; p < 4; p++) scratch[(4 * y + p) * ATTENTION_RED + x] = part[p];
    SG_BARRIER();
    for (i32 p = 0; p < 4; p++) {
        f32 sum = 0.0f;
        for (i32 e = 0; e < 16; e++) sum += scratch[(4 * y + p) * ATTENTION_RED + e];
        part[p] = sum;
    }
}

/* Scores to probabilities exp(S - lse), at most 1 whatever queries and keys were kept in few bits, 0 where the key is not visible. lse: of the work-item's four queries. */
SG_FN void attention_probabilities(f32 *w, const f32 *lse, i32 by_keys, i32 own0, i32 other0, i32 t, i32 s, i32 causal, i32 window, i32 length, f32 scale,
                                   f32 slope) {
    i32 x = (i32)sg_local(0) % 16, y = (i32)sg_local(0) / 16;
    ATTENTION_EACH {
        i32 own = own0 + 4 * y + p, other = other0 + 4 * x + c, i = by_keys ? other : own, j = by_keys ? own : other, place = i + s - t;
        bool seen = i < t && attention_visible(place, j, causal, window, length);
        w[4 * p + c] = seen ? sg_exp(sg_fmin(0.0f, scale * w[4 * p + c] + slope * (f32)(j - place) - (by_keys ? lse[c] : lse[p]))) : 0.0f;
    }
}

/* What dropout keeps of a tile, bit 4 p + q for each; `rows` is the number of (b, h)'s first row among all. */
SG_FN u32 attention_kept_tile(const SG_GLOBAL u32 *random, u32 stream, f32 dropout, i64 rows, i32 s, i32 by_keys, i32 own0, i32 other0) {
    if (dropout <= 0.0f || random == 0) return 0xFFFFu;
    i32 x = (i32)sg_local(0) % 16, y = (i32)sg_local(0) / 16;
    u32 bits = 0u, threshold = attention_threshold(dropout);
    sg_random_key key;
    sg_random_key_of(random, stream, &key);
    for (i32 e = 0; e < 4; e++) { /* a query of the work-item's, and its four keys */
        i64 i = by_keys ? other0 + 4 * x + e : own0 + 4 * y + e, j = by_keys ? own0 + 4 * y : other0 + 4 * x;
        u32 four = attention_kept(key, threshold, (rows + i) * s + j);
        if (!by_keys) bits |= four << (4 * e);
        else
            for (i32 p = 0; p < 4; p++) bits |= (four >> p & 1u) << (4 * p + e);
    }
    return bits;
}

/* What dropout multiplies with what it keeps. */
SG_FN f32 attention_kept_by(f32 dropout) { return dropout > 0.0f ? 1.0f / (1.0f - dropout) : 1.0f; }

/* Of the work-item's four queries, numbered from `first`; 0 beyond t. */
SG_FN void attention_load_4(f32 *to, const SG_GLOBAL f32 *from, i32 first, i32 t) {
    for (i32 e = 0; e < 4; e++) to[e] = first + e < t ? from[first + e] : 0.0f;
}

SG_FN void attention_zero(f32 *acc) {
    for (i32 e = 0; e < 16; e++) acc[e] = 0.0f;
}

/* Which part of the work a group has: chunk of columns, tile, head, example, copy, the first fastest; tiles from the last, which has most to do in causal passes. */
typedef struct {
    i32 c0, first, head, b, copy;
} attention_part;
SG_FN void attention_part_of(i64 group, i32 d, i32 extent, i32 heads, i32 batch, attention_part *part) {
    i64 chunks = (d + ATTENTION_TILE - 1) / ATTENTION_TILE, tiles = (extent + ATTENTION_TILE - 1) / ATTENTION_TILE;
    part->c0 = (i32)(group % chunks) * ATTENTION_TILE;
    group /= chunks;
    part->first = (i32)(tiles - 1 - group % tiles) * ATTENTION_TILE;
    group /= tiles;
    part->head = (i32)(group % heads);
    group /= heads;
    part->b = (i32)(group % batch);
    part->copy = (i32)(group / batch);
}
SG_FN i32 attention_length(const SG_GLOBAL i32 *lengths, i32 b, i32 s) {
    i32 length = lengths != 0 ? lengths[b] : s;
    return length < 0 ? 0 : length < s ? length : s;
}
#endif
