/* Softmax statistics of a row of logits that a group of lanes shares. */
#ifndef SG_LIB_CUDA_SOFTMAX_ROW_CUH
#define SG_LIB_CUDA_SOFTMAX_ROW_CUH
#include "lib/cuda/ptx.cuh"
#include "lib/cuda/row_group.cuh"

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

/* Whether this lane has column j of the row. */
SG_FN bool softmax_owns(i32 j, bool wide) { return ((wide ? j / 4 : j) & ((i32)blockDim.x - 1)) == (i32)threadIdx.x; }

/* N items of p [c], from column `first` on, into v, `rest` where there is none. */
template <i32 N>
SG_FN void softmax_load(f32 (&v)[N], const f32* p, i32 first, i32 c, bool wide, f32 rest) {
    i32 lanes = (i32)blockDim.x;
    if (wide) {
        i32 at = ptx_opaque(first + 4 * (i32)threadIdx.x);
#pragma unroll
        for (i32 i = 0; i < N; i += 4) {
            float4 four = at < c ? ptx_ld_global_f32x4(p + at) : make_float4(rest, rest, rest, rest);
            v[i] = four.x, v[i + 1] = four.y, v[i + 2] = four.z, v[i + 3] = four.w;
            at += 4 * lanes;
        }
    } else {
        i32 at = ptx_opaque(first + (i32)threadIdx.x);
#pragma unroll
        for (i32 i = 0; i < N; i++) {
            v[i] = at < c ? p[at] : rest;
            at += lanes;
        }
    }
}
/* The same of a wide row that gives every lane all its items: nothing to ask before the loads, which go out together. */
SG_FN bool softmax_whole(i64 c, bool wide) { return wide && c == SOFTMAX_ITEMS * (i64)blockDim.x; }
SG_FN void softmax_load_whole(f32 (&v)[SOFTMAX_ITEMS], const f32* p) {
    i32 at = 4 * (i32)threadIdx.x;
#pragma unroll
    for (i32 i = 0; i < SOFTMAX_ITEMS; i += 4, at += 4 * (i32)blockDim.x) {
        float4 four = ptx_ld_global_f32x4(p + at);
        v[i] = four.x, v[i + 1] = four.y, v[i + 2] = four.z, v[i + 3] = four.w;
    }
}
SG_FN void softmax_store_whole(f32* p, const f32 (&v)[SOFTMAX_ITEMS]) {
    i32 at = 4 * (i32)threadIdx.x;
#pragma unroll
    for (i32 i = 0; i < SOFTMAX_ITEMS; i += 4, at += 4 * (i32)blockDim.x)
        ptx_st_global_f32x4(p + at, make_float4(v[i], v[i + 1], v[i + 2], v[i + 3]));
}
template <i32 N>
SG_FN void softmax_store(f32* p, const f32 (&v)[N], i32 first, i32 c, bool wide) {
    i32 lanes = (i32)blockDim.x;
    if (wide) {
        i32 at = ptx_opaque(first + 4 * (i32)threadIdx.x);
#pragma unroll
        for (i32 i = 0; i < N; i += 4) {
            if (at < c) ptx_st_global_f32x4(p + at, make_float4(v[i], v[i + 1], v[i + 2], v[i + 3]));
            at += 4 * lanes;
        }
    } else {
        i32 at = ptx_opaque(first + (i32)threadIdx.x);
#pragma unroll
        for (i32 i = 0; i < N; i++) {
            if (at < c) p[at] = v[i];
            at += lanes;
        }
    }
}

/* e^d for d <= 0: the rounding of the product makes an error of |d| 6e-8 of it, less than 3e-8 of 1. */
SG_FN f32 softmax_exp(f32 d) { return ptx_exp2(d * 1.44269504088896340736f); }

/* All items of this lane, `rest` where there is none; rows of WHOLE are those for which softmax_whole is true. Nothing is read where active is false. */
template <bool WHOLE>
SG_FN void softmax_load_kept(f32 (&v)[SOFTMAX_ITEMS], const f32* p, i32 c, bool wide, bool active, f32 rest) {
    if (!WHOLE) {
        softmax_load(v, p, 0, active ? c : 0, wide, rest);
    } else if (active) {
        softmax_load_whole(v, p);
    } else {
#pragma unroll
        for (i32 i = 0; i < SOFTMAX_ITEMS; i++) v[i] = rest;
    }
}

/* Runs STATEMENT for each item i of this lane, with p = exp(z[j] - maximum) of its column j, x = from[j] where `from` is not null, and `out`, which becomes to[j]
   where `to` is not null; `to` may be z or `from`. Also for items beyond the row's end, with p = x = 0. Of rows that are kept, x comes from `items`, which
   is overwritten where `to` is not null. Others are walked from their end, where the second-level cache still has them. */
#define SOFTMAX_ITEM(P, X, i_, OUT, to, STATEMENT)                                                 \
    {                                                                                              \
        [[maybe_unused]] f32 p = P, x = X, out = 0.0f;                                             \
        STATEMENT                                                                                  \
        if (to) OUT = out;                                                                         \
    }
#define SOFTMAX_COLUMNS(whole, row, z, c, items, from, to, STATEMENT)                              \
    if (whole || (row).kept) {                                                                              \
        _Pragma("unroll") for (i32 i_ = 0; i_ < SOFTMAX_ITEMS; i_++)                               \
            SOFTMAX_ITEM((row).e[i_], (from) ? (items)[i_] : 0.0f, i_, (items)[i_], to, STATEMENT) \
        if (to) {                                                                                  \
            if (whole) softmax_store_whole(to, items);                                             \
            else softmax_store(to, items, 0, c, (row).wide);                                       \
        }                                                                                          \
    } else {                                                                                       \
        i32 step_ = SOFTMAX_ROUND * (i32)blockDim.x;                                               \
        _Pragma("unroll 1") for (i32 h_ = ((c) - 1) / step_; h_ >= 0; h_--) {                      \
            f32 z_[SOFTMAX_ROUND], x_[SOFTMAX_ROUND];                                              \
            softmax_load(z_, z, h_ * step_, c, (row).wide, -SG_INF);                               \
            if (from) softmax_load(x_, from, h_ * step_, c, (row).wide, 0.0f);                     \
            _Pragma("unroll") for (i32 i_ = 0; i_ < SOFTMAX_ROUND; i_++)                           \
                SOFTMAX_ITEM(softmax_exp(z_[i_] - (row).maximum), (from) ? x_[i_] : 0.0f, i_, x_[i_], to, STATEMENT) \
            if (to) softmax_store(to, x_, h_ * step_, c, (row).wide);                              \
        }                                                                                          \
    }
#define SOFTMAX_NONE static_cast<f32*>(nullptr)

/* The maximum starts at the lowest finite number rather than at -inf: a lane with nothing but -inf then gives exp(-inf) = 0, not NaN. With active false
   nothing is read: the threads of rows beyond the last one take part in the barriers only. */
template <bool WHOLE>
SG_FN void softmax_read(softmax_row* row, const f32* z, i32 c, bool wide, bool active, lanes_scratch* scratch) {
    i32 lanes = (i32)blockDim.x, count = active ? c : 0;
    f32 m = SG_LOWEST, s = 0.0f;
    row->kept = WHOLE || c <= SOFTMAX_ITEMS * lanes;
    row->wide = wide;
    if (row->kept) {
        softmax_load_kept<WHOLE>(row->e, z, c, wide, active, -SG_INF);
        f32 n = row->e[0];
#pragma unroll
        for (i32 i = 1; i < SOFTMAX_ITEMS; i += 2) {
            m = fmaxf(m, row->e[i]); /* two chains; a NaN is dropped here and shows in the sum */
            if (i + 1 < SOFTMAX_ITEMS) n = fmaxf(n, row->e[i + 1]);
        }
        m = fmaxf(m, n);
    } else {
#pragma unroll 1
        for (i32 first = 0; first < count; first += SOFTMAX_ITEMS * lanes) {
            f32 v[SOFTMAX_ITEMS], next = m;
            softmax_load(v, z, first, count, wide, -SG_INF);
#pragma unroll
            for (i32 i = 0; i < SOFTMAX_ITEMS; i++) next = fmaxf(next, v[i]);
            s *= softmax_exp(m - next);
            m = next;
#pragma unroll
            for (i32 i = 0; i < SOFTMAX_ITEMS; i++) s += softmax_exp(v[i] - m);
        }
    }
    row->maximum = lanes_max(m, scratch);
    if (row->kept) {
#pragma unroll
        for (i32 i = 0; i < SOFTMAX_ITEMS; i++) {
            row->e[i] = softmax_exp(row->e[i] - row->maximum);
            s += row->e[i];
        }
    } else {
        s *= softmax_exp(m - row->maximum);
    }
    row->sum = lanes_sum(s, scratch);
}

#endif
