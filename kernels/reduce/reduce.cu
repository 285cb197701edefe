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

   Block: T x R = 256, T a power of two: T threads share a row, 16 elements each at a time as four 16-byte loads. Grid: C x ceil(rows / R), y by a loop.
   Bytes per element: 4 (dot 8). Flops: 1 (squares, dot 2). Rounding: 16 terms pairwise, the rest compensated, so a sum is as good as pairwise over 16.
   WIDE reduce_sum_f32 reduce_squares_f32: 8 loads, 0 stores
   WIDE reduce_dot_f32: 16 loads, 0 stores
   WIDE reduce_max_f32 reduce_nonfinite_f32: 3 loads, 0 stores
   DIALECT: sums by warps and 16-byte accesses. */
#include "lib/dialect.h"
#include "lib/cuda/sums.cuh"

#define NO_INDEX 0x7FFFFFFFFFFFFFFFll

/* The rows of this block's share, R at a time; all threads go round as often, also those past the last row, because the body has barriers. */
#define FOR_ROWS(rows) for (i64 tile = blockIdx.y; tile * blockDim.y < (rows); tile += gridDim.y)
#define THIS_ROW \
    i64 row = tile * blockDim.y + threadIdx.y; \
    bool mine = row < rows, leader = mine && threadIdx.x == 0;

#define SUM_CHUNKS(NAME, PARAMETERS, TERM, ...) \
    extern "C" __global__ void __launch_bounds__(256) NAME(PARAMETERS, f32 *partials, i64 rows, i64 n, i64 chunk) { \
        const f32 *const from[] = {__VA_ARGS__}; \
        bool wide = sg_all_aligned16(from) && (n % 4 == 0 || rows == 1); \
        i64 begin = (i64)blockIdx.x * chunk, stop = begin + chunk < n ? begin + chunk : n; \
        FOR_ROWS(rows) { \
            THIS_ROW \
            i64 base = row * n, end = mine ? stop : 0; \
            f32 hi = 0.0f, lo = 0.0f; \
            SG_SUM_TERMS(begin, end, hi, lo, SG_INPUTS_OF(from), wide, LOAD_OF_ROW, TERM) \
            float2 sum = sg_row_sum(hi, lo); \
            if (leader) { \
                partials[2 * (row * gridDim.x + blockIdx.x)] = sum.x; \
                partials[2 * (row * gridDim.x + blockIdx.x) + 1] = sum.y; \
            } \
        } \
    }
#define LOAD_OF_ROW(v, i, WHOLE) sg_load_inputs<WHOLE>(v, from, base + (i), base + end, wide)
#define TWO_INPUTS const f32 *x, const f32 *y
SUM_CHUNKS(reduce_sum_f32, const f32 *x, SG_IN(0), x)
SUM_CHUNKS(reduce_squares_f32, const f32 *x, SG_IN(0) * SG_IN(0), x)
SUM_CHUNKS(reduce_dot_f32, TWO_INPUTS, SG_IN(0) * SG_IN(1), x, y)

#define FINISH_SUM(NAME, VALUE) \
    extern "C" __global__ void __launch_bounds__(256) NAME(const f32 *partials, f32 *out, i64 rows, i64 chunks) { \
        FOR_ROWS(rows) { \
            THIS_ROW \
            f32 hi = 0.0f, lo = 0.0f; \
            sg_add_pairs(partials + 2 * row * chunks, threadIdx.x, mine ? chunks : 0, hi, lo); \
            float2 sum = sg_row_sum(hi, lo); \
            f32 value = sg_sum_value(sum.x, sum.y); \
            if (leader) out[row] = VALUE; \
        } \
    }
FINISH_SUM(sum_finish_f32, value)
FINISH_SUM(norm_finish_f32, sg_sqrt(value))

/* Keeps the larger of (best, at) and (x, i); a NaN is larger than any number, equals go to the lower index. */
#define KEEP_LARGER(best, at, x, i) \
    do { \
        f32 kl_x = (x); \
        i32 kl_i = (i); \
        bool kl_nan = kl_x != kl_x, kl_same = kl_x == (best) || (kl_nan && (best) != (best)); \
        bool kl_more = kl_x > (best) || (kl_nan && (best) == (best)); \
        if (kl_more || (kl_same && kl_i < (at))) { \
            (best) = kl_x; \
            (at) = kl_i; \
        } \
    } while (0)

/* The largest over the T threads of a row, left in values[base], indices[base] until the next barrier. All threads call. */
SG_FN void row_max(f32 best, i32 at, f32 *values, i32 *indices) {
    u32 t = threadIdx.x, base = threadIdx.y * blockDim.x;
    __syncthreads();
    values[base + t] = best;
    indices[base + t] = at;
    for (u32 width = blockDim.x / 2; width > 0; width /= 2) {
        __syncthreads();
        if (t < width) {
            KEEP_LARGER(best, at, values[base + t + width], indices[base + t + width]);
            values[base + t] = best;
            indices[base + t] = at;
        }
    }
    __syncthreads();
}

extern "C" __global__ void __launch_bounds__(256) reduce_max_f32(const f32 *x, f32 *partials, i64 rows, i64 n, i64 chunk) {
    __shared__ f32 values[SG_SUM_THREADS];
    __shared__ i32 indices[SG_SUM_THREADS];
    bool wide = sg_aligned16(x) && (n % 4 == 0 || rows == 1);
    i64 begin = (i64)blockIdx.x * chunk, stop = begin + chunk < n ? begin + chunk : n;
    FOR_ROWS(rows) {
            THIS_ROW
        i64 end = mine ? stop : 0, step = 4 * (i64)blockDim.x;
        f32 best = -SG_INFINITY;
        i32 at = 0x7FFFFFFF;
        for (i64 i = begin + 4 * threadIdx.x; i < end; i += 2 * step) {
            float4 v, w;
            if (wide && i + step + 4 <= end) {
                v = ptx_ld_global_f32x4(x + row * n + i);
                w = ptx_ld_global_f32x4(x + row * n + i + step);
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
            partials[2 * (row * gridDim.x + blockIdx.x)] = values[threadIdx.y * blockDim.x];
            ((i32 *)partials)[2 * (row * gridDim.x + blockIdx.x) + 1] = indices[threadIdx.y * blockDim.x];
        }
    }
}

#define FINISH_MAX(NAME, OUT, RESULT) \
    extern "C" __global__ void __launch_bounds__(256) NAME(const f32 *partials, OUT *out, i64 rows, i64 chunks) { \
        __shared__ f32 values[SG_SUM_THREADS]; \
        __shared__ i32 indices[SG_SUM_THREADS]; \
        FOR_ROWS(rows) { \
            THIS_ROW \
            f32 best = -SG_INFINITY; \
            i32 at = 0x7FFFFFFF; \
            for (i64 c = threadIdx.x; mine && c < chunks; c += 4 * blockDim.x) { \
                float2 pair[4]; /* four loads in flight */ \
                _Pragma("unroll") for (i32 u = 0; u < 4; u++) { \
                    i64 d = c + u * blockDim.x; \
                    pair[u] = sg_pair(partials + 2 * row * chunks, d < chunks ? d : c); \
                } \
                _Pragma("unroll") for (i32 u = 0; u < 4; u++) KEEP_LARGER(best, at, pair[u].x, __float_as_int(pair[u].y)); \
            } \
            row_max(best, at, values, indices); \
            if (leader) out[row] = RESULT[threadIdx.y * blockDim.x]; \
        } \
    }
FINISH_MAX(max_finish_f32, f32, values)
FINISH_MAX(argmax_finish_f32, i32, indices)

SG_FN i64 row_first(i64 first, i64 *indices) {
    u32 t = threadIdx.x;
    indices[t] = first;
    for (u32 width = blockDim.x / 2; width > 0; width /= 2) {
        __syncthreads();
        if (t < width) {
            first = indices[t + width] < first ? indices[t + width] : first;
            indices[t] = first;
        }
    }
    __syncthreads();
    return indices[0];
}

extern "C" __global__ void __launch_bounds__(256) reduce_nonfinite_f32(const f32 *x, f32 *partials, i64 rows, i64 n, i64 chunk) {
    __shared__ i64 indices[SG_SUM_THREADS];
    bool wide = sg_aligned16(x);
    i64 begin = (i64)blockIdx.x * chunk, end = begin + chunk < n ? begin + chunk : n, first = NO_INDEX;
    for (i64 i = begin + 4 * threadIdx.x, step = 4 * (i64)blockDim.x; i < end; i += 2 * step) {
        float4 v, w;
        if (wide && i + step + 4 <= end) {
            v = ptx_ld_global_f32x4(x + i);
            w = ptx_ld_global_f32x4(x + i + step);
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
    if (threadIdx.x == 0) ((i64 *)partials)[blockIdx.x] = first;
}

extern "C" __global__ void __launch_bounds__(256) nonfinite_finish_f32(const f32 *partials, i32 *flag, i64 *index, i64 chunks) {
    __shared__ i64 indices[SG_SUM_THREADS];
    i64 first = NO_INDEX;
    for (i64 c = threadIdx.x; c < chunks; c += blockDim.x) {
        i64 other = ((const i64 *)partials)[c];
        first = other < first ? other : first;
    }
    first = row_first(first, indices);
    if (threadIdx.x == 0) {
        flag[0] = first == NO_INDEX ? 0 : 1;
        index[0] = first == NO_INDEX ? -1 : first;
    }
}
