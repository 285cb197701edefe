/* Losses of rows on CPU devices: see loss/rows.h for formulas, shapes and bytes. Work-group: 1 x 1; group (g, y) of a G x Y grid has the g-th of G pieces of the
   rows, and the probes y, y + Y, ... */
#include "lib/cpu/row_group.h"

#define ROWS_KERNEL kernel void
#define ROWS_LANES
#define ROWS_SUMS
#define ROWS_EACH(row, n)                                                                                                      \
    for (i64 row = group_first(n, get_group_id(0), get_num_groups(0)), last_ = group_first(n, get_group_id(0) + 1, get_num_groups(0)); row < last_; row++)
#define ROWS_COLUMNS(j) for (i64 j = 0; j < width; j++)
#define ROWS_PROBES(k) for (i64 k = get_group_id(1); k < probes; k += get_num_groups(1))
#define ROWS_SUM(x) (x)
#define ROWS_FIRST true
#define ROWS_ONE (get_group_id(0) == 0)
#define ROWS_FINISH(sum, scale, k, out)                                             \
    {                                                                               \
        i64 groups_ = get_num_groups(0), g_ = get_group_id(0);                      \
        if (groups_ == 1) (out)[k] = (sum) * (scale);                               \
        else workspace[GROUP_PARTIALS + (k) * groups_ + g_] = (sum);                \
        if (groups_ > 1 && g_ == 0 && (k) == 0) workspace[0] = (scale);             \
    }
#include "loss/rows.h"
