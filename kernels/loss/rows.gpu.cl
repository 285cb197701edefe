/* Losses of rows on GPUs: see loss/cosine.h and loss/kl.h for formulas, shapes and bytes. Work-group: lanes x rows; group (g, y) has the rows g R + y',
   (g + G) R + y', ... and the probes y, y + Y, ... A lane has four columns at a time (lib/gpu_columns.h). */
#include "lib/gpu_columns.h"
#include "lib/gpu_rows.h"
#include "lib/gpu_wide.h"
#include "loss/finish.h"

#define ROWS_KERNEL SG_KERNEL(512)
/* of more registers than let two groups of 512 run at once, which would spill */
#define ROWS_CURVATURE_KERNEL SG_KERNEL_OF(512, 1)
#define ROWS_LANES SG_LANES(scratch);
#define ROWS_SUMS SG_SHARED(f32, sums, GROUP_SCRATCH);
#define ROWS_EACH(row, n) \
    for (i64 base_ = (i64)sg_group(0) * sg_locals(1), row = base_ + sg_local(1); base_ < (n); base_ += (i64)sg_groups(0) * sg_locals(1), row = base_ + sg_local(1))
#define ROWS_F float4
#define ROWS_SPLAT(x) sg_splat4(x)
#define ROWS_WIDE(c, p0, p1, p2, p3) bool wide = ((c) & 3) == 0 && sg_takes_4(p0) && sg_takes_4(p1) && sg_takes_4(p2) && sg_takes_4(p3);
#define ROWS_COLUMNS(j) for (i64 j = columns_first(wide); j < width; j += COLUMNS_STEP)
#define ROWS_GET(p, j, rest) columns_load(p, j, width, wide, rest)
#define ROWS_PUT(p, j, v) columns_store(p, j, width, wide, v);
#define ROWS_GROUP ((i64)sg_group(1))
#define ROWS_GROUPS ((i64)sg_groups(1))
#define ROWS_TILE 4
#define ROWS_UNROLL _Pragma("unroll")
#define ROWS_NOT_UNROLLED _Pragma("unroll 1")
/* The sums stay in registers, which have no index that is not known. */
#define ROWS_ADD(tile, q, value) \
    ROWS_UNROLL for (i32 u_ = 0; u_ < ROWS_TILE; u_++) (tile)[u_] += u_ == (q) ? (value) : 0.0f;
#define ROWS_SUM(x) lanes_sum(sg_sum4(x), scratch)
#define ROWS_FIRST (sg_local(0) == 0)
#define ROWS_ONE (group_rank() == 0 && sg_group(0) == 0)
#define ROWS_FINISH(sum, scale, k, out)                                                                          \
    {                                                                                                            \
        f32 all_ = group_sum(sum, sums);                                                                         \
        if (group_rank() == 0) loss_finish(all_, (i64)sg_groups(0), (i64)sg_group(0), scale, k, workspace, out); \
        SG_BARRIER();                                                                                            \
    }

SG_FN f32 kl_term(f32 t, f32 d) { return t == 0.0f ? 0.0f : t * (sg_log(t) - d); }
#define KL_TERMS(t, d) sg_make_4(kl_term((t).x, (d).x), kl_term((t).y, (d).y), kl_term((t).z, (d).z), kl_term((t).w, (d).w))
/* One pass over y and t. `top` is the largest output that this lane has seen, and what is summed relates to it; it starts at the lowest finite number, so that
   exp(-inf - top) is 0. */
#define KL_ROW(WITH_LOSS)                                                       \
    f32 top = -3.402823466e38f, all = 0.0f, mass = 0.0f, cross = 0.0f;          \
    ROWS_COLUMNS(j) {                                                           \
        float4 a = ROWS_GET(in, j, -SG_INFINITY), b = ROWS_GET(to, j, 0.0f);    \
        f32 next = sg_fmax(sg_fmax(top, sg_fmax(a.x, a.y)), sg_fmax(a.z, a.w)); \
        float4 d = a - sg_splat4(next);                                         \
        if (next > top) {                                                       \
            all *= sg_exp(top - next);                                          \
            if (WITH_LOSS) cross += KL_MOVED(mass, next - top);                 \
            top = next;                                                         \
        }                                                                       \
        all += sg_sum4(SG_EACH4(sg_exp, d));                                    \
        mass += sg_sum4(b);                                                     \
        if (WITH_LOSS) cross += sg_sum4(KL_TERMS(b, d));                        \
    }                                                                           \
    f32 most = lanes_max(top, scratch);                                         \
    all *= sg_exp(top - most);                                                  \
    if (WITH_LOSS) cross = ROWS_LANES_SUM(cross + KL_MOVED(mass, most - top));  \
    all = ROWS_LANES_SUM(all), mass = ROWS_LANES_SUM(mass), top = most;
/* What t (y - top) summed gains as top grows; nothing where nothing was seen, whatever `by`. */
#define KL_MOVED(mass, by) ((mass) == 0.0f ? 0.0f : (mass) * (by))
#define ROWS_LANES_SUM(x) lanes_sum(x, scratch)
#define KL_EXP(j) columns_exp(ROWS_GET(in, j, -SG_INFINITY) - sg_splat4(top))
SG_FN float4 columns_exp(float4 v) { return SG_EACH4(sg_exp, v); }

#include "loss/rows.h"
#include "loss/cosine.h"
#include "loss/kl.h"
