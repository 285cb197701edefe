/* Softmax statistics of a row of logits that a group of lanes shares. */
#ifndef SG_LIB_OPENCL_SOFTMAX_ROW_H
#define SG_LIB_OPENCL_SOFTMAX_ROW_H
#include "lib/opencl/row_group.h"

#ifndef SOFTMAX_ITEMS
#define SOFTMAX_ITEMS 8 /* logits of a row that a lane keeps in registers: longer rows are read twice */
#endif

/* Columns are counted in 32 bits: c < 2^30. What a lane knows of its row of c logits z. Lane l has the columns l, l + lanes, ... */
typedef struct {
    f32 maximum, sum; /* over j: max z[j], sum of exp(z[j] - maximum) */
    bool kept;        /* e holds this lane's exponentials */
    f32 e[SOFTMAX_ITEMS];
} softmax_row;

/* Runs STATEMENT for each column j of this lane, with p = exp(z[j] - maximum). The statement may write z[j]. Rows that are not kept are walked from their
   end, where the second-level cache still has them. */
#define SOFTMAX_COLUMNS(row, z, c, STATEMENT)                                                            \
    if ((row).kept) {                                                                                    \
        _Pragma("unroll") for (i32 i_ = 0; i_ < SOFTMAX_ITEMS; i_++) {                                   \
            i32 j = (i32)(get_local_id(0) + i_ * get_local_size(0));                             \
            if (j < (c)) {                                                                               \
                f32 p = (row).e[i_];                                                                     \
                STATEMENT                                                                                \
            }                                                                                            \
        }                                                                                                \
    } else {                                                                                             \
        i32 lanes_ = (i32)get_local_size(0), lane_ = (i32)get_local_id(0);                               \
        for (i32 j = lane_ + ((i32)(c) - 1 - lane_) / lanes_ * lanes_; j >= 0; j -= lanes_) {                 \
            f32 p = sg_exp((z)[j] - (row).maximum);                                                      \
            STATEMENT                                                                                    \
        }                                                                                                \
    }

/* The maximum starts at the lowest finite number rather than at -inf: a lane with nothing but -inf then gives exp(-inf) = 0, not NaN. With active false
   nothing is read: the work-items of rows beyond the last one take part in the barriers only. */
SG_FN void softmax_read(softmax_row *row, const global f32 *z, i32 c, bool active, local f32 *scratch) {
    i32 lane = (i32)get_local_id(0), lanes = (i32)get_local_size(0);
    f32 m = -FLT_MAX, s = 0.0f;
    row->kept = c <= SOFTMAX_ITEMS * lanes;
    if (row->kept) {
#pragma unroll
        for (i32 i = 0; i < SOFTMAX_ITEMS; i++) {
            i32 j = lane + i * lanes;
            row->e[i] = active && j < c ? z[j] : -INFINITY;
        }
#pragma unroll
        for (i32 i = 0; i < SOFTMAX_ITEMS; i++) m = row->e[i] > m ? row->e[i] : m;
    } else {
        for (i32 j = lane; active && j < c; j += 4 * lanes) {
            f32 v[4];
#pragma unroll
            for (i32 i = 0; i < 4; i++) v[i] = j + i * lanes < c ? z[j + i * lanes] : -INFINITY;
            f32 next = m;
#pragma unroll
            for (i32 i = 0; i < 4; i++) next = v[i] > next ? v[i] : next;
            s *= sg_exp(m - next);
            m = next;
#pragma unroll
            for (i32 i = 0; i < 4; i++) s += sg_exp(v[i] - m);
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
