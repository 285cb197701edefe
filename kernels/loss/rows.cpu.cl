/* Losses of rows on CPU devices: see loss/cosine.h and loss/kl.h for formulas, shapes and bytes. Work-group: 1 x 1; group (g, y) of a G x Y grid has the g-th of
   G pieces of the rows, and the probes y, y + Y, ... Columns are taken sixteen at a time. */
#include "lib/cpu/softmax_row.h"
#include "loss/finish.h"

#define ROWS_KERNEL kernel void
#define ROWS_CURVATURE_KERNEL kernel void
#define ROWS_LANES
#define ROWS_SUMS
#define ROWS_EACH(row, n) \
    for (i64 row = group_first(n, get_group_id(0), get_num_groups(0)), last_ = group_first(n, get_group_id(0) + 1, get_num_groups(0)); row < last_; row++)
#define ROWS_F float16
#define ROWS_SPLAT(x) ((float16)(x))
#define ROWS_WIDE(c, p0, p1, p2, p3)
#define ROWS_COLUMNS(j) for (i64 j = 0; j < width; j += SG_V)
#define ROWS_GET(p, j, rest) sg_load16((p) + (j), width - (j), rest)
#define ROWS_PUT(p, j, v) sg_store16((p) + (j), v, width - (j));
#define ROWS_GROUP ((i64)get_group_id(1))
#define ROWS_GROUPS ((i64)get_num_groups(1))
#define ROWS_TILE 32
#define ROWS_UNROLL
#define ROWS_NOT_UNROLLED
#define ROWS_ADD(tile, q, value) (tile)[q] += value;
#define ROWS_SUM(x) sg_sum16(x)
#define ROWS_FIRST true
#define ROWS_ONE (get_group_id(0) == 0)
#define ROWS_FINISH(sum, scale, k, out) loss_finish(sum, get_num_groups(0), get_group_id(0), scale, k, workspace, out);

/* Sum of t, and of t (log t - (y - top)), of blocks of columns each added by itself: the error grows with the number of blocks. */
SG_FN f32 kl_targets(const global f32 *y, const global f32 *t, i64 c, f32 top, bool loss, f32 *cross) {
    float16 mass = 0.0f, all = 0.0f;
    for (i64 b = 0; b < c; b += SOFTMAX_BLOCK) {
        i64 width = min(c - b, (i64)SOFTMAX_BLOCK);
        float16 part = 0.0f, crossed = 0.0f;
        ROWS_COLUMNS(j) {
            float16 w = ROWS_GET(t + b, j, 0.0f);
            part += w;
            if (loss) {
                /* the logarithm takes normal numbers: what is smaller is nothing here, what is negative has none */
                float16 term = w * (sg_log16(w) - (ROWS_GET(y + b, j, 0.0f) - top));
                term = select(term, (float16)NAN, w < 0.0f);
                crossed += select(term, (float16)0.0f, fabs(w) < FLT_MIN);
            }
        }
        mass += part;
        all += crossed;
    }
    *cross = sg_sum16(all);
    return sg_sum16(mass);
}
#define KL_ROW(WITH_LOSS)                     \
    f32 kept[SOFTMAX_BLOCK], top, cross;      \
    f32 all = softmax_row(in, c, kept, &top); \
    f32 mass = kl_targets(in, to, c, top, WITH_LOSS, &cross);
#define KL_EXP(j) softmax_exp(in, c, j, kept, top)

#include "loss/rows.h"
#include "loss/cosine.h"
#include "loss/kl.h"
