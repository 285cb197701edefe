/* What all texts of attention share, in every dialect: the arguments that describe the problem, which keys a query sees, and what dropout leaves.

   Score of row i and key j of head h:  S = scale q_i . k_j + slope_h (j - i'),  i' = i + s - t (the last row stands at the last key, whatever the extents).
   Key j is visible to row i where j < length_b, and, if causal, j <= i', and, with a window w > 0, i' - j < w (causal) or |i' - j| < w. */
#ifndef SG_ATTENTION_ATTENTION_H
#define SG_ATTENTION_ATTENTION_H
#include "lib/dialect.h"
#include "lib/philox.h"

/* The arguments that end every entry. Element (b, i, h, c) of q is q[q_from + (b t + i) q_row + h d + c]; of k and v likewise with s and the kv head h / (heads / kv_heads). */
#define ATTENTION_PROBLEM                                                                                                                                  \
    i32 batch, i32 heads, i32 kv_heads, i32 t, i32 s, i32 d, i64 q_from, i64 k_from, i64 v_from, i64 q_row, i64 k_row, i64 v_row, f32 scale, i32 causal, \
        i32 window, f32 dropout, u32 stream, i32 copies

/* Keys *from .. *to - 1 hold all that the rows first .. first + n - 1 see. */
SG_FN void attention_keys(i32 t, i32 s, i32 causal, i32 window, i32 length, i32 first, i32 n, i32 *from, i32 *to) {
    i64 low = 0, high = length < s ? length : s, place = (i64)first + s - t, last = place + n - 1;
    if (window > 0 && place - window + 1 > low) low = place - window + 1;
    if (causal && last + 1 < high) high = last + 1;
    if (!causal && window > 0 && last + window < high) high = last + window;
    *from = low < high ? (i32)low : 0;
    *to = low < high ? (i32)high : 0;
}

/* Rows *from .. *to - 1 are all that see any of the keys first .. first + n - 1. */
SG_FN void attention_rows(i32 t, i32 s, i32 causal, i32 window, i32 length, i32 first, i32 n, i32 *from, i32 *to) {
    i64 low = 0, high = first < length ? t : 0, shift = (i64)s - t, last = (i64)first + n - 1;
    if (causal && first - shift > low) low = first - shift;
    if (!causal && window > 0 && (i64)first - window + 1 - shift > low) low = (i64)first - window + 1 - shift;
    if (window > 0 && last + window - shift < high) high = last + window - shift;
    *from = low < high ? (i32)low : 0;
    *to = low < high ? (i32)high : 0;
}

/* place: i' = i + s - t of a row i < t; length: at most s. */
SG_FN bool attention_visible(i32 place, i32 key, i32 causal, i32 window, i32 length) {
    i64 back = (i64)place - key;
    return key < length && (!causal || back >= 0) && (window <= 0 || (back < window && -back < window));
}

/* The first key that a row sees, if it sees any. */
SG_FN i32 attention_first_key(i32 place, i32 window) { return window > 0 && (i64)place - window + 1 > 0 ? place - window + 1 : 0; }

/* Which of the elements e .. e + 3 dropout keeps, a bit each. Element e has word e % 4 of block e / 4 and is dropped where that is below the threshold. */
SG_FN u32 attention_kept(sg_random_key key, u32 threshold, i64 e) {
    sg_philox_words a = sg_philox(key, e / 4);
    u32 skip = (u32)(e % 4);
    u32 bits = (a.x >= threshold ? 1u : 0u) | (a.y >= threshold ? 2u : 0u) | (a.z >= threshold ? 4u : 0u) | (a.w >= threshold ? 8u : 0u);
    if (skip > 0u) {
        sg_philox_words b = sg_philox(key, e / 4 + 1);
        bits |= (b.x >= threshold ? 16u : 0u) | (b.y >= threshold ? 32u : 0u) | (b.z >= threshold ? 64u : 0u);
    }
    return bits >> skip & 15u;
}
SG_FN u32 attention_threshold(f32 dropout) { return (u32)(dropout * 4294967296.0f); }
#endif
