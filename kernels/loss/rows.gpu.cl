/* Losses of rows on GPUs: see loss/rows.h for formulas, shapes and bytes. Work-group: lanes x rows; group (g, y) has the rows g R + y', (g + G) R + y', ... and
   the probes y, y + Y, ... */
#include "lib/gpu_rows.h"

#define ROWS_KERNEL SG_KERNEL(512)
#define ROWS_LANES SG_LANES(scratch);
#define ROWS_SUMS SG_SHARED(f32, sums, GROUP_SCRATCH);
#define ROWS_EACH(row, n) \
    for (i64 base_ = (i64)sg_group(0) * sg_locals(1), row = base_ + sg_local(1); base_ < (n); base_ += (i64)sg_groups(0) * sg_locals(1), row = base_ + sg_local(1))
#define ROWS_COLUMNS(j) for (i64 j = sg_local(0); j < width; j += sg_locals(0))
#define ROWS_PROBES(k) for (i64 k = sg_group(1); k < probes; k += sg_groups(1))
#define ROWS_SUM(x) lanes_sum(x, scratch)
#define ROWS_FIRST (sg_local(0) == 0)
#define ROWS_ONE (group_rank() == 0 && sg_group(0) == 0)
#define ROWS_FINISH(sum, scale, k, out)                                                   \
    {                                                                                     \
        f32 all_ = group_sum(sum, sums);                                                  \
        if (group_rank() == 0) {                                                          \
            i64 groups_ = (i64)sg_groups(0), g_ = (i64)sg_group(0);                       \
            if (groups_ == 1) (out)[k] = all_ * (scale);                                  \
            else workspace[GROUP_PARTIALS + (k) * groups_ + g_] = all_;                   \
            if (groups_ > 1 && g_ == 0 && (k) == 0) workspace[0] = (scale);               \
        }                                                                                 \
        SG_BARRIER();                                                                     \
    }
#include "loss/rows.h"
