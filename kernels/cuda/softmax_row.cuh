/* Softmax statistics of a row of logits that a group of lanes shares. */
#ifndef SG_SOFTMAX_ROW_CUH
#define SG_SOFTMAX_ROW_CUH
#include "cuda/ptx.cuh"
#include "cuda/row_group.cuh"

#ifndef SOFTMAX_ITEMS
#define SOFTMAX_ITEMS 16 /* logits of a row that a lane keeps in registers, a multiple of 8: longer rows are read twice */
#endif
#define SOFTMAX_ROUND 8 /* items that SOFTMAX_COLUMNS loads at once */

/* Columns are counted in 32 bits: c < 2^30. What a thread knows of its row of c logits z. Where c is a multiple of 4 and the row is aligned to 16 bytes (wide), lane
   l has the columns 4 l .. 4 l + 3, 4 (l + lanes) .. 4 (l + lanes) + 3, ..., else l, l + lanes, ...: 4 k items of all lanes are 4 k lanes neighbours either way. */
struct softmax_row {
    f32 maximum, sum; /* over j: max z[j], sum of exp(z[j] - maximum) */
    bool kept;        /* e holds this lane's exponentials */
    bool wide;
    f32 e[SOFTMAX_ITEMS];
};

/* Which of its items of the row a lane has column j in, negative where another lane has it. */
SG_FN i32 softmax_item(i32 j, bool wide) {
    i32 log = 31 - __clz((i32)blockDim.x), lanes = (i32)blockDim.x, unit = wide ? j / 4 : j;
    return unit % lanes != (i32)threadIdx.x ? -1 : wide ? 4 * (unit >> log) + j % 4 : unit >> log;
}

/* N items of p [c], from column `first` on, into v, `rest` where there is none. */
template <i32 N>
SG_FN void softmax_load(f32 (&v)[N], const f32* p, i32 first, i32 c, bool wide, f32 rest) {
    i32 lanes = (i32)blockDim.x;
    if (wide) {
        i32 left = c - first - 4 * (i32)threadIdx.x;
        p += c - left;
#pragma unroll
        for (i32 i = 0; i < N; i += 4) {
            float4 four = left > 0 ? ptx_ld_global_f32x4(p) : make_float4(rest, rest, rest, rest);
            v[i] = four.x, v[i + 1] = four.y, v[i + 2] = four.z, v[i + 3] = four.w;
            left -= 4 * lanes, p += 4 * lanes;
        }
    } else {
        i32 left = c - first - (i32)threadIdx.x;
        p += c - left;
#pragma unroll
        for (i32 i = 0; i < N; i++) {
            v[i] = left > 0 ? *p : rest;
            left -= lanes, p += lanes;
        }
    }
}
template <i32 N>
SG_FN void softmax_store(f32* p, const f32 (&v)[N], i32 first, i32 c, bool wide) {
    i32 lanes = (i32)blockDim.x;
    if (wide) {
        i32 left = c - first - 4 * (i32)threadIdx.x;
        p += c - left;
#pragma unroll
        for (i32 i = 0; i < N; i += 4) {
            if (left > 0) ptx_st_global_f32x4(p, make_float4(v[i], v[i + 1], v[i + 2], v[i + 3]));
            left -= 4 * lanes, p += 4 * lanes;
        }
    } else {
        i32 left = c - first - (i32)threadIdx.x;
        p += c - left;
#pragma unroll
        for (i32 i = 0; i < N; i++) {
            if (left > 0) *p = v[i];
            left -= lanes, p += lanes;
        }
    }
}

/* Runs STATEMENT for each item i of this lane, with p = exp(z[j] - maximum) of its column j, x = from[j] where `from` is not null, and `out`, which becomes to[j]
   where `to` is not null; `to` may be z or `from`. Also for items beyond the row's end, with p = x = 0. Rows that are not kept are walked from their end,
   where the second-level cache still has them. */
#define SOFTMAX_ROUND_OF(row, item, first, c, from, to, P, STATEMENT)                              \
    {                                                                                              \
        f32 x_[SOFTMAX_ROUND];                                                                     \
        if (from) softmax_load(x_, from, first, c, (row).wide, 0.0f);                              \
        _Pragma("unroll") for (i32 i_ = 0; i_ < SOFTMAX_ROUND; i_++) {                             \
            [[maybe_unused]] i32 i = (item) + i_;                                                  \
            [[maybe_unused]] f32 p = P, x = (from) ? x_[i_] : 0.0f, out = 0.0f;                    \
            STATEMENT                                                                              \
            x_[i_] = out;                                                                          \
        }                                                                                          \
        if (to) softmax_store(to, x_, first, c, (row).wide);                                       \
    }
#define SOFTMAX_COLUMNS(row, z, c, from, to, STATEMENT)                                            \
    if ((row).kept) {                                                                              \
        _Pragma("unroll") for (i32 h_ = 0; h_ < SOFTMAX_ITEMS; h_ += SOFTMAX_ROUND) {              \
            i32 first_ = h_ * (i32)blockDim.x;                                                     \
            if (first_ < (c)) SOFTMAX_ROUND_OF(row, h_, first_, c, from, to, (row).e[h_ + i_], STATEMENT) \
        }                                                                                          \
    } else {                                                                                       \
        i32 step_ = SOFTMAX_ROUND * (i32)blockDim.x;                                               \
        for (i32 h_ = ((c) - 1) / step_; h_ >= 0; h_--) {                                          \
            f32 z_[SOFTMAX_ROUND];                                                                 \
            softmax_load(z_, z, h_ * step_, c, (row).wide, -SG_INF);                               \
            SOFTMAX_ROUND_OF(row, h_ * SOFTMAX_ROUND, h_ * step_, c, from, to, sg_exp(z_[i_] - (row).maximum), STATEMENT)  \
        }                                                                                          \
    }
#define SOFTMAX_NONE static_cast<f32*>(nullptr)

/* The maximum starts at the lowest finite number rather than at -inf: a lane with nothing but -inf then gives exp(-inf) = 0, not NaN. With active false
   nothing is read: the threads of rows beyond the last one take part in the barriers only. */
SG_FN void softmax_read(softmax_row* row, const f32* z, i32 c, bool wide, bool active, f32* scratch) {
    i32 lanes = (i32)blockDim.x, count = active ? c : 0;
    f32 m = SG_LOWEST, s = 0.0f;
    row->kept = c <= SOFTMAX_ITEMS * lanes;
    row->wide = wide;
    if (row->kept) {
        softmax_load(row->e, z, 0, count, wide, -SG_INF);
#pragma unroll
        for (i32 i = 0; i < SOFTMAX_ITEMS; i++) m = row->e[i] > m ? row->e[i] : m;
    } else {
        for (i32 first = 0; first < count; first += SOFTMAX_ITEMS * lanes) {
            f32 v[SOFTMAX_ITEMS], next = m;
            softmax_load(v, z, first, count, wide, -SG_INF);
#pragma unroll
            for (i32 i = 0; i < SOFTMAX_ITEMS; i++) next = v[i] > next ? v[i] : next;
            s *= sg_exp(m - next);
            m = next;
#pragma unroll
            for (i32 i = 0; i < SOFTMAX_ITEMS; i++) s += sg_exp(v[i] - m);
        }
    }
    row->maximum = lanes_max(m, scratch);
    if (row->kept) {
#pragma unroll
        for (i32 i = 0; i < SOFTMAX_ITEMS; i++) {
            row->e[i] = sg_exp(row->e[i] - row->maximum);
            s += row->e[i];
        }
    } else {
        s *= sg_exp(m - row->maximum);
    }
    row->sum = lanes_sum(s, scratch);
}

#endif
