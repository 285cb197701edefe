/* How a loss kernel ends: a launch of one work-group in x writes out[k] = scale x sum; one of G > 1 leaves the scale at workspace[0] and the group's sum at
   workspace[GROUP_PARTIALS + k G + g], which loss_sum_f32 adds up. Called by one work-item of a group, with the group's sum. */
#ifndef SG_LOSS_FINISH_H
#define SG_LOSS_FINISH_H
#include "lib/dialect.h"

/* Of a mean over n. */
SG_FN f32 loss_scale(i64 n) { return 1.0f / (f32)(n > 1 ? n : 1); }

SG_FN void loss_finish(f32 sum, i64 groups, i64 g, f32 scale, i64 k, SG_GLOBAL f32 *workspace, SG_GLOBAL f32 *out) {
    if (groups == 1) out[k] = sum * scale;
    else workspace[GROUP_PARTIALS + k * groups + g] = sum;
    if (groups > 1 && g == 0 && k == 0) workspace[0] = scale;
}

/* The metrics behind the sum of losses: the number of examples; none that was right. */
SG_FN void loss_counts(SG_GLOBAL f32 *metrics, i64 count) {
    metrics[1] = (f32)count;
    metrics[2] = 0.0f;
}

#endif
