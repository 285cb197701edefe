/* Reductions of each row of x [rows, n] to one value, in two launches and a fixed order.

   First, chunk by chunk: C = ceil(n / chunk) chunks (1 if n = 0), partials: [rows, C, 2], 8 bytes each, their meaning private to the pair of kernels
     reduce_sum_f32        sum of x           as (hi, lo), see lib/sums.h
     reduce_squares_f32    sum of x^2         the same
     reduce_dot_f32        sum of x y         the same; y: [rows, n]
     reduce_max_f32        largest x          as (value, i32 index in the row); NaN is larger than all, equals go to the lowest index
     reduce_nonfinite_f32  first infinity or NaN, rows = 1: i64 index, 2^63 - 1 if there is none
   Then over the chunks:
     sum_finish_f32        out[row] f32: hi + lo of all        norm_finish_f32       out[row] f32: its square root
     max_finish_f32        out[row] f32: the value             argmax_finish_f32     out[row] i32: the index
     nonfinite_finish_f32  flag[0] i32: 1 if there is one; index[0] i64: which, or -1
     next_id_finish_f32    the likeliest id of logits, rows = 1, for the next step of a decoder: id[0] i32: the index; p = position[0] + 1, ids[p] i32: the index
                           too, or -1 - it where that logit is NaN; position[0] = min(p, longest - 1). ids: [longest + 1]

   Work-group: T x R = 256, T a power of two: T work-items share a row, 16 elements each at a time as four 16-byte loads. Grid: C x ceil(rows / R), y by a loop.
   Bytes per element: 4 (dot 8). Flops: 1 (squares, dot 2). Rounding: 16 terms pairwise, the rest compensated, so a sum is as good as pairwise over 16.
   WIDE reduce_sum_f32 reduce_squares_f32: 8 loads, 0 stores
   WIDE reduce_dot_f32: 16 loads, 0 stores
   WIDE reduce_max_f32 reduce_nonfinite_f32: 3 loads, 0 stores */
#include "lib/gpu_sums.h"

#define NO_INDEX ((i64)0x7FFFFFFFFFFFFFFF)

/* The rows of this group's share, R at a time; all work-items go round as often, also those past the last row, because the body has barriers. */
#define FOR_ROWS(rows) for (i64 tile = sg_group(1); tile * sg_locals(1) < (rows); tile += sg_groups(1))
#define THIS_ROW                                               \
    i64 row = tile * sg_locals(1) + sg_local(1);               \
    bool mine = row < rows, leader = mine && sg_local(0) == 0;

#define SUM_CHUNKS(NAME, PARAMETERS, ARRAYS, TERM)                                          \
    SG_KERNEL(256) NAME(PARAMETERS, SG_GLOBAL f32 *partials, i64 rows, i64 n, i64 chunk) {  \
        SG_SHARED(f32, his, SG_SUM_THREADS);                                                \
        SG_SHARED(f32, los, SG_SUM_THREADS);                                                \
        const SG_GLOBAL f32 *const from[] = {ARRAYS};                                       \
        bool wide = sg_all_aligned16(from) && (n % 4 == 0 || rows == 1);                    \
        i64 begin = (i64)sg_group(0) * chunk, stop = begin + chunk < n ? begin + chunk : n; \
        FOR_ROWS(rows) {                                                                    \
            THIS_ROW                                                                        \
            i64 base = row * n, end = mine ? stop : 0;                                      \
            f32 hi = 0.0f, lo = 0.0f;                                                       \
            SG_SUM_TERMS(begin, end, hi, lo, SG_INPUTS_OF(from), wide, LOAD_OF_ROW, TERM)   \
            float2 sum = sg_row_sum(hi, lo, his, los);                                      \
            if (leader) {                                                                   \
                partials[2 * (row * sg_groups(0) + sg_group(0))] = sum.x;                   \
                partials[2 * (row * sg_groups(0) + sg_group(0)) + 1] = sum.y;               \
            }                                                                               \
        }                                                                                   \
    }
#define LOAD_OF_ROW(v, i, WHOLE) SG_LOAD_INPUTS(v, from, base + (i), base + end, wide, WHOLE)
#define TWO_INPUTS const SG_GLOBAL f32 *x, const SG_GLOBAL f32 *y
#define X_AND_Y x, y
SUM_CHUNKS(reduce_sum_f32, const SG_GLOBAL f32 *x, x, SG_IN(0))
SUM_CHUNKS(reduce_squares_f32, const SG_GLOBAL f32 *x, x, SG_IN(0) * SG_IN(0))
SUM_CHUNKS(reduce_dot_f32, TWO_INPUTS, X_AND_Y, SG_IN(0) * SG_IN(1))

#define FINISH_SUM(NAME, VALUE)                                                                    \
    SG_KERNEL(256) NAME(const SG_GLOBAL f32 *partials, SG_GLOBAL f32 *out, i64 rows, i64 chunks) { \
        SG_SHARED(f32, his, SG_SUM_THREADS);                                                       \
        SG_SHARED(f32, los, SG_SUM_THREADS);                                                       \
        FOR_ROWS(rows) {                                                                           \
            THIS_ROW                                                                               \
            f32 hi = 0.0f, lo = 0.0f;                                                              \
            sg_add_pairs(partials + 2 * row * chunks, sg_local(0), mine ? chunks : 0, &hi, &lo);   \
            float2 sum = sg_row_sum(hi, lo, his, los);                                             \
            f32 value = sg_sum_value(sum.x, sum.y);                                                \
            if (leader) out[row] = VALUE;                                                          \
        }                                                                                          \
    }
FINISH_SUM(sum_finish_f32, value)
FINISH_SUM(norm_finish_f32, sg_sqrt(value))

/* Keeps the larger of (best, at) and (x, i); a NaN is larger than any number, equals go to the lower index. */
#define KEEP_LARGER(best, at, x, i)                                                           \
    do {                                                                                      \
        f32 kl_x = (x);                                                                       \
        i32 kl_i = (i);                                                                       \
        bool kl_nan = kl_x != kl_x, kl_same = kl_x == (best) || (kl_nan && (best) != (best)); \
        bool kl_more = kl_x > (best) || (kl_nan && (best) == (best));                         \
        if (kl_more || (kl_same && kl_i < (at))) {                                            \
            (best) = kl_x;                                                                    \
            (at) = kl_i;                                                                      \
        }                                                                                     \
    } while (0)

/* The largest over the T work-items of a row, left in values[base], indices[base] until the next barrier. All work-items call. */
SG_FN void row_max(f32 best, i32 at, SG_LOCAL f32 *values, SG_LOCAL i32 *indices) {
    u32 t = sg_local(0), base = sg_local(1) * sg_locals(0);
    SG_BARRIER();
    values[base + t] = best;
    indices[base + t] = at;
    for (u32 width = sg_locals(0) / 2; width > 0; width /= 2) {
        SG_BARRIER();
        if (t < width) {
            KEEP_LARGER(best, at, values[base + t + width], indices[base + t + width]);
            values[base + t] = best;
            indices[base + t] = at;
        }
    }
    SG_BARRIER();
}

SG_KERNEL(256) reduce_max_f32(const SG_GLOBAL f32 *x, SG_GLOBAL f32 *partials, i64 rows, i64 n, i64 chunk) {
    SG_SHARED(f32, values, SG_SUM_THREADS);
    SG_SHARED(i32, indices, SG_SUM_THREADS);
    bool wide = sg_aligned16(x) && (n % 4 == 0 || rows == 1);
    i64 begin = (i64)sg_group(0) * chunk, stop = begin + chunk < n ? begin + chunk : n;
    FOR_ROWS(rows) {
        THIS_ROW
        i64 end = mine ? stop : 0, step = 4 * (i64)sg_locals(0);
        f32 best = -SG_INFINITY;
        i32 at = 0x7FFFFFFF;
        for (i64 i = begin + 4 * sg_local(0); i < end; i += 2 * step) {
            float4 v, w;
            if (wide && i + step + 4 <= end) {
                v = sg_load_4(x + row * n + i);
                w = sg_load_4(x + row * n + i + step);
            } else {
                v = sg_load_up_to_4(x + row * n, i, end, wide, -SG_INFINITY);
                w = sg_load_up_to_4(x + row * n, i + step, end, wide, -SG_INFINITY);
            }
            i32 j = (i32)i, k = (i32)(i + step);
            KEEP_LARGER(best, at, v.x, j);
            KEEP_LARGER(best, at, v.y, j + 1);
            KEEP_LARGER(best, at, v.z, j + 2);
            KEEP_LARGER(best, at, v.w, j + 3);
            KEEP_LARGER(best, at, w.x, k);
            KEEP_LARGER(best, at, w.y, k + 1);
            KEEP_LARGER(best, at, w.z, k + 2);
            KEEP_LARGER(best, at, w.w, k + 3);
        }
        row_max(best, at, values, indices);
        if (leader) {
            partials[2 * (row * sg_groups(0) + sg_group(0))] = values[sg_local(1) * sg_locals(0)];
            ((SG_GLOBAL i32 *)partials)[2 * (row * sg_groups(0) + sg_group(0)) + 1] = indices[sg_local(1) * sg_locals(0)];
        }
    }
}

#define FINISH_MAX(NAME, OUT, RESULT)                                                                                           \
    SG_KERNEL(256) NAME(const SG_GLOBAL f32 *partials, SG_GLOBAL OUT *out, i64 rows, i64 chunks) {                              \
        SG_SHARED(f32, values, SG_SUM_THREADS);                                                                                 \
        SG_SHARED(i32, indices, SG_SUM_THREADS);                                                                                \
        FOR_ROWS(rows) {                                                                                                        \
            THIS_ROW                                                                                                            \
            f32 best = -SG_INFINITY;                                                                                            \
            i32 at = 0x7FFFFFFF;                                                                                                \
            for (i64 c = sg_local(0); mine && c < chunks; c += 4 * sg_locals(0)) {                                              \
                uint2 pair[4]; /* four loads in flight */                                                                       \
                _Pragma("unroll") for (i32 u = 0; u < 4; u++) {                                                                 \
                    i64 d = c + u * sg_locals(0);                                                                               \
                    pair[u] = sg_pair_bits(partials + 2 * row * chunks, d < chunks ? d : c);                                    \
                }                                                                                                               \
                _Pragma("unroll") for (i32 u = 0; u < 4; u++) KEEP_LARGER(best, at, SG_BITS_TO_F32(pair[u].x), (i32)pair[u].y); \
            }                                                                                                                   \
            row_max(best, at, values, indices);                                                                                 \
            if (leader) out[row] = RESULT[sg_local(1) * sg_locals(0)];                                                          \
        }                                                                                                                       \
    }
FINISH_MAX(max_finish_f32, f32, values)
FINISH_MAX(argmax_finish_f32, i32, indices)

SG_FN i64 row_first(i64 first, SG_LOCAL i64 *indices) {
    u32 t = sg_local(0);
    indices[t] = first;
    for (u32 width = sg_locals(0) / 2; width > 0; width /= 2) {
        SG_BARRIER();
        if (t < width) {
            first = indices[t + width] < first ? indices[t + width] : first;
            indices[t] = first;
        }
    }
    SG_BARRIER();
    return indices[0];
}

SG_KERNEL(256) reduce_nonfinite_f32(const SG_GLOBAL f32 *x, SG_GLOBAL f32 *partials, i64 rows, i64 n, i64 chunk) {
    SG_SHARED(i64, indices, SG_SUM_THREADS);
    bool wide = sg_aligned16(x);
    i64 begin = (i64)sg_group(0) * chunk, end = begin + chunk < n ? begin + chunk : n, first = NO_INDEX;
    for (i64 i = begin + 4 * sg_local(0), step = 4 * (i64)sg_locals(0); i < end; i += 2 * step) {
        float4 v, w;
        if (wide && i + step + 4 <= end) {
            v = sg_load_4(x + i);
            w = sg_load_4(x + i + step);
        } else {
            v = sg_load_up_to_4(x, i, end, wide, 0.0f);
            w = sg_load_up_to_4(x, i + step, end, wide, 0.0f);
        }
        /* 0 times a finite number is 0, times any other NaN */
        f32 test = 0.0f * v.x + 0.0f * v.y + 0.0f * v.z + 0.0f * v.w + 0.0f * w.x + 0.0f * w.y + 0.0f * w.z + 0.0f * w.w;
        if (test != test && first == NO_INDEX) {
            i64 j = v.x - v.x != 0.0f ? i : v.y - v.y != 0.0f ? i + 1 : v.z - v.z != 0.0f ? i + 2 : i + 3;
            i64 k = w.x - w.x != 0.0f ? i : w.y - w.y != 0.0f ? i + 1 : w.z - w.z != 0.0f ? i + 2 : i + 3;
            f32 early = 0.0f * v.x + 0.0f * v.y + 0.0f * v.z + 0.0f * v.w;
            first = early != early ? j : k + step;
        }
    }
    first = row_first(first, indices);
    if (sg_local(0) == 0) ((SG_GLOBAL i64 *)partials)[sg_group(0)] = first;
}

SG_KERNEL(256) nonfinite_finish_f32(const SG_GLOBAL f32 *partials, SG_GLOBAL i32 *flag, SG_GLOBAL i64 *index, i64 chunks) {
    SG_SHARED(i64, indices, SG_SUM_THREADS);
    i64 first = NO_INDEX;
    for (i64 c = sg_local(0); c < chunks; c += sg_locals(0)) {
        i64 other = ((const SG_GLOBAL i64 *)partials)[c];
        first = other < first ? other : first;
    }
    first = row_first(first, indices);
    if (sg_local(0) == 0) {
        flag[0] = first == NO_INDEX ? 0 : 1;
        index[0] = first == NO_INDEX ? -1 : first;
    }
}

SG_KERNEL(256) next_id_finish_f32(const SG_GLOBAL f32 *partials, SG_GLOBAL i32 *id, SG_GLOBAL i32 *position, SG_GLOBAL i32 *ids, i64 chunks, i32 longest) {
    SG_SHARED(f32, values, SG_SUM_THREADS);
    SG_SHARED(i32, indices, SG_SUM_THREADS);
    f32 best = -SG_INFINITY;
    i32 at = 0x7FFFFFFF;
    for (i64 c = sg_local(0); c < chunks; c += sg_locals(0)) {
        uint2 pair = sg_pair_bits(partials, c);
        KEEP_LARGER(best, at, SG_BITS_TO_F32(pair.x), (i32)pair.y);
    }
    row_max(best, at, values, indices);
    if (sg_local(0) == 0) {
        i32 p = position[0] + 1;
        id[0] = indices[0];
        if (p >= 0 && p <= longest) ids[p] = values[0] != values[0] ? -1 - indices[0] : indices[0];
        position[0] = p < longest ? p : longest - 1;
    }
}
