/* Reductions of each row of x [rows, n] to one value, for CPU devices: arguments, partials and results as in reduce/reduce.cl.

   Work-group: 1. Work-group (c, r) takes chunk c of rows r, r + grid y, ... Source of the summation: lib/sums.h, on 16 lanes. */
#include "lib/cpu/vector.h"
#include "lib/cpu/sums.h"

#define NO_INDEX 0x7FFFFFFFFFFFFFFFl
#define FOR_ROWS(rows) for (i64 row = (i64)get_group_id(1); row < (rows); row += (i64)get_num_groups(1))
#define PLACE (row * (i64)get_num_groups(0) + (i64)get_group_id(0))

#define SUM_CHUNKS(NAME, PARAMETERS, TERM, PART) \
    kernel void NAME(PARAMETERS, global f32 *partials, i64 rows, i64 n, i64 chunk) { \
        i64 begin = (i64)get_group_id(0) * chunk, end = min(begin + chunk, n); \
        FOR_ROWS(rows) { \
            i64 base = row * n; \
            float16 hi = (float16)(0.0f), lo = (float16)(0.0f); \
            SG_SUM_TERMS(begin, end, hi, lo, TERM, PART); \
            vstore2(sg_sum_lanes(hi, lo), PLACE, partials); \
        } \
    }
SG_FN float16 square_v16(float16 v) { return v * v; }
#define X(i) vload16(0, x + base + (i))
#define X_PART(i, count) sg_load_part(x + base + (i), count, 0.0f)
#define X_SQUARED(i) square_v16(X(i))
#define X_SQUARED_PART(i, count) square_v16(X_PART(i, count))
#define X_TIMES_Y(i) (X(i) * vload16(0, y + base + (i)))
#define X_TIMES_Y_PART(i, count) (X_PART(i, count) * sg_load_part(y + base + (i), count, 0.0f))
#define TWO_INPUTS const global f32 *x, const global f32 *y
SUM_CHUNKS(reduce_sum_f32, const global f32 *x, X, X_PART)
SUM_CHUNKS(reduce_squares_f32, const global f32 *x, X_SQUARED, X_SQUARED_PART)
SUM_CHUNKS(reduce_dot_f32, TWO_INPUTS, X_TIMES_Y, X_TIMES_Y_PART)

#define FINISH_SUM(NAME, VALUE) \
    kernel void NAME(const global f32 *partials, global f32 *out, i64 rows, i64 chunks) { \
        FOR_ROWS(rows) { \
            f32 hi = 0.0f, lo = 0.0f; \
            for (i64 c = 0; c < chunks; c++) { \
                float2 sum = vload2(row * chunks + c, partials); \
                SG_TWO_SUM(f32, hi, lo, sum.x); \
                lo += sum.y; \
            } \
            f32 value = sg_sum_value(hi, lo); \
            out[row] = VALUE; \
        } \
    }
FINISH_SUM(sum_finish_f32, value)
FINISH_SUM(norm_finish_f32, sg_sqrt(value))

/* Whether (x, i) comes before (best, at): larger, or NaN against a number, or equal and of lower index. */
SG_FN bool is_larger(f32 x, i32 i, f32 best, i32 at) {
    bool nan = x != x;
    return x > best || (nan && best == best) || ((x == best || (nan && best != best)) && i < at);
}

/* Lane by lane, for indices that ascend. */
#define KEEP_LARGER(best, at, v, i) \
    do { \
        int16 more = ((v) > best) | (((v) != (v)) & (best == best)); \
        best = more ? (v) : best; \
        at = more ? (i) : at; \
    } while (0)

kernel void reduce_max_f32(const global f32 *x, global f32 *partials, i64 rows, i64 n, i64 chunk) {
    const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    i64 begin = (i64)get_group_id(0) * chunk, end = min(begin + chunk, n);
    FOR_ROWS(rows) {
        const global f32 *in = x + row * n;
        /* two vectors at a time, as each waits for its own last comparison. -infinity beyond the end: those lanes have higher indices than
           every element, so they win against nothing */
        float16 best = sg_load_part(in + begin, end - begin, -INFINITY), second = (float16)(-INFINITY);
        int16 at = lane + (i32)begin, second_at = (int16)(0x7FFFFFFF);
        for (i64 i = begin + 16; i < end; i += 32) {
            float16 v = sg_load_part(in + i, end - i, -INFINITY);
            KEEP_LARGER(second, second_at, v, lane + (i32)i);
            if (i + 16 < end) {
                float16 w = sg_load_part(in + i + 16, end - i - 16, -INFINITY);
                KEEP_LARGER(best, at, w, lane + (i32)(i + 16));
            }
        }
        f32 values[32], largest = -INFINITY;
        i32 indices[32], index = 0x7FFFFFFF;
        vstore16(best, 0, values);
        vstore16(at, 0, indices);
        vstore16(second, 1, values);
        vstore16(second_at, 1, indices);
        for (i32 e = 0; e < 32; e++) {
            if (is_larger(values[e], indices[e], largest, index)) {
                largest = values[e];
                index = indices[e];
            }
        }
        partials[2 * PLACE] = largest;
        ((global i32 *)partials)[2 * PLACE + 1] = index;
    }
}

#define FINISH_MAX(NAME, OUT, RESULT) \
    kernel void NAME(const global f32 *partials, global OUT *out, i64 rows, i64 chunks) { \
        FOR_ROWS(rows) { \
            f32 largest = -INFINITY; \
            i32 index = 0x7FFFFFFF; \
            for (i64 c = row * chunks; c < (row + 1) * chunks; c++) { \
                f32 value = partials[2 * c]; \
                i32 at = ((const global i32 *)partials)[2 * c + 1]; \
                if (is_larger(value, at, largest, index)) { \
                    largest = value; \
                    index = at; \
                } \
            } \
            out[row] = RESULT; \
        } \
    }
FINISH_MAX(max_finish_f32, f32, largest)
FINISH_MAX(argmax_finish_f32, i32, index)

kernel void reduce_nonfinite_f32(const global f32 *x, global f32 *partials, i64 rows, i64 n, i64 chunk) {
    i64 begin = (i64)get_group_id(0) * chunk, end = min(begin + chunk, n), first = NO_INDEX;
    /* 0 times a finite number is 0, times any other NaN. 1024 elements are tested together; which one it is matters only once. */
    for (i64 block = begin; block < end && first == NO_INDEX; block += 1024) {
        i64 stop = min(block + 1024, end), i = block;
        float16 test = (float16)(0.0f), other = (float16)(0.0f);
        for (; i + 32 <= stop; i += 32) {
            test = fma(vload16(0, x + i), (float16)(0.0f), test);
            other = fma(vload16(0, x + i + 16), (float16)(0.0f), other);
        }
        for (; i < stop; i += 16) test = fma(sg_load_part(x + i, stop - i, 0.0f), (float16)(0.0f), test);
        test += other;
        if (any(test != test)) {
            for (i = block; i < stop && first == NO_INDEX; i++) {
                if (x[i] - x[i] != 0.0f) first = i;
            }
        }
    }
    ((global i64 *)partials)[get_group_id(0)] = first;
}

kernel void nonfinite_finish_f32(const global f32 *partials, global i32 *flag, global i64 *index, i64 chunks) {
    i64 first = NO_INDEX;
    for (i64 c = 0; c < chunks; c++) first = min(first, ((const global i64 *)partials)[c]);
    flag[0] = first == NO_INDEX ? 0 : 1;
    index[0] = first == NO_INDEX ? -1 : first;
}

kernel void next_id_finish_f32(const global f32 *partials, global i32 *id, global i32 *position, global i32 *ids, i64 chunks, i32 longest) {
    f32 largest = -INFINITY;
    i32 index = 0x7FFFFFFF, p = position[0] + 1;
    for (i64 c = 0; c < chunks; c++) {
        f32 value = partials[2 * c];
        i32 at = ((const global i32 *)partials)[2 * c + 1];
        if (is_larger(value, at, largest, index)) {
            largest = value;
            index = at;
        }
    }
    id[0] = index;
    if (p >= 0 && p <= longest) ids[p] = largest != largest ? -1 - index : index;
    position[0] = min(p, longest - 1);
}
