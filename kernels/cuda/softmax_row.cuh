/* Blocks of lanes (x) x rows (y) threads for kernels on rows: reductions over the lanes of a row and over the whole block, in a fixed order, by warp
   shuffles and, beyond a warp, one value per warp in shared memory (`scratch`, 32 values). lanes is a power of two and the block a whole number of warps. All
   threads of the block call, all get the result. */
#ifndef SG_SOFTMAX_ROW_CUH
#define SG_SOFTMAX_ROW_CUH
#include "cuda/cuda.cuh"

#define SOFTMAX_PARTIALS 16 /* where the groups' sums begin in a workspace; before them its scale */

#define SOFTMAX_LARGEST 512 /* most threads of a block */
#ifndef SOFTMAX_ITEMS
#define SOFTMAX_ITEMS 16 /* logits of a row that a lane keeps in registers: longer rows are read twice */
#endif
#define SG_NAN __int_as_float(0x7FFFFFFF)
#define SG_INF __int_as_float(0x7F800000)
#define SG_LOWEST __int_as_float((i32)0xFF7FFFFF)

#define LANES_REDUCE(NAME, COMBINE)                                                          \
    SG_FN f32 NAME(f32 x, f32* scratch) {                                                    \
        u32 lanes = blockDim.x;                                                              \
        for (u32 d = (lanes < SG_WARP ? lanes : SG_WARP) / 2; d > 0; d /= 2) {               \
            f32 a = x, b = __shfl_xor_sync(SG_FULL_MASK, x, d);                              \
            x = COMBINE;                                                                     \
        }                                                                                    \
        if (lanes > SG_WARP) {                                                               \
            u32 warps = lanes / SG_WARP, first = sg_warp() / warps * warps;                  \
            if (sg_lane() == 0) scratch[sg_warp()] = x;                                      \
            __syncthreads();                                                                 \
            f32 a = scratch[first];                                                          \
            for (u32 w = 1; w < warps; w++) {                                                \
                f32 b = scratch[first + w];                                                  \
                a = COMBINE;                                                                 \
            }                                                                                \
            x = a;                                                                           \
            __syncthreads();                                                                 \
        }                                                                                    \
        return x;                                                                            \
    }
LANES_REDUCE(lanes_sum, a + b)
/* May drop a NaN: callers that must show it have it in a sum. */
LANES_REDUCE(lanes_max, a > b ? a : b)
#undef LANES_REDUCE

SG_FN i32 group_rank() { return (i32)sg_thread_rank(); }
SG_FN f32 group_sum(f32 x, f32* scratch) { return sg_block_sum(x, scratch); }
SG_FN i64 group_sum_i64(i64 x, i64* scratch) {
    for (u32 d = SG_WARP / 2; d > 0; d /= 2) x += __shfl_xor_sync(SG_FULL_MASK, x, d);
    if (sg_lane() == 0) scratch[sg_warp()] = x;
    __syncthreads();
    x = scratch[0];
    for (u32 w = 1; w < sg_block_threads() / SG_WARP; w++) x += scratch[w];
    __syncthreads();
    return x;
}

/* Columns are counted in 32 bits: c < 2^30. What a thread knows of its row of c logits z. Lane l has the columns l, l + lanes, ... */
struct softmax_row {
    f32 maximum, sum; /* over j: max z[j], sum of exp(z[j] - maximum) */
    bool kept;        /* e holds this lane's exponentials */
    f32 e[SOFTMAX_ITEMS];
};

/* Runs STATEMENT for each column j of this lane, with p = exp(z[j] - maximum). The statement may write z[j]. Rows that are not kept are walked from their
   end, where the second-level cache still has them. */
#define SOFTMAX_COLUMNS(row, z, c, STATEMENT)                                                            \
    if ((row).kept) {                                                                                    \
        _Pragma("unroll") for (i32 i_ = 0; i_ < SOFTMAX_ITEMS; i_++) {                                   \
            i32 j = (i32)(threadIdx.x + i_ * blockDim.x);                                              \
            if (j < (c)) {                                                                               \
                f32 p = (row).e[i_];                                                                     \
                STATEMENT                                                                                \
            }                                                                                            \
        }                                                                                                \
    } else {                                                                                             \
        i32 lanes_ = (i32)blockDim.x, lane_ = (i32)threadIdx.x;                                          \
        _Pragma("unroll 4") for (i32 j = lane_ + ((i32)(c) - 1 - lane_) / lanes_ * lanes_; j >= 0; j -= lanes_) { \
            f32 p = sg_exp((z)[j] - (row).maximum);                                                      \
            STATEMENT                                                                                    \
        }                                                                                                \
    }

/* The maximum starts at the lowest finite number rather than at -inf: a lane with nothing but -inf then gives exp(-inf) = 0, not NaN. With active false
   nothing is read: the threads of rows beyond the last one take part in the barriers only. */
SG_FN void softmax_read(softmax_row* row, const f32* z, i32 c, bool active, f32* scratch) {
    i32 lane = (i32)threadIdx.x, lanes = (i32)blockDim.x;
    f32 m = SG_LOWEST, s = 0.0f;
    row->kept = c <= SOFTMAX_ITEMS * lanes;
    if (row->kept) {
#pragma unroll
        for (i32 i = 0; i < SOFTMAX_ITEMS; i++) {
            i32 j = lane + i * lanes;
            row->e[i] = active && j < c ? z[j] : -SG_INF;
        }
#pragma unroll
        for (i32 i = 0; i < SOFTMAX_ITEMS; i++) m = row->e[i] > m ? row->e[i] : m;
    } else {
        for (i32 j = lane; active && j < c; j += 8 * lanes) {
            f32 v[8];
#pragma unroll
            for (i32 i = 0; i < 8; i++) v[i] = j + i * lanes < c ? z[j + i * lanes] : -SG_INF;
            f32 next = m;
#pragma unroll
            for (i32 i = 0; i < 8; i++) next = v[i] > next ? v[i] : next;
            s *= sg_exp(m - next);
            m = next;
#pragma unroll
            for (i32 i = 0; i < 8; i++) s += sg_exp(v[i] - m);
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
