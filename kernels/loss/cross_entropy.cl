/* Softmax cross-entropy, the mean over the counted rows, in the modes of an op. For n rows of c logits z, label l, p = softmax(z), K probes zt,
   q = 1 / max(1, rows whose label is not `ignore`), 0 <= s < 1 the smoothing of labels, which costs a second reading of the row where it is not 0:

     count            workspace[0] = q
     forward          row_loss[r] = log sum_j exp(z_j) - (1 - s) z_l - s mean_j z_j;  loss[0] = q sum_r row_loss[r]
     forward_backward the same, and dlogits[r c + j] = q (p_j - (1 - s) [j = l] - s / c)
     tangent          of s = 0: loss_t[k] = q sum_r (<p, zt> - zt_l)
     tangent_backward dzt = q p (zt - <p, zt>), the loss's Hessian times zt
     curvature        curvature[k] = q sum_r sum_j p_j (zt_j - <p, zt>)^2 = zt' H zt, never negative
     metrics          metrics[0] = sum_r row_loss[r]; metrics[1] = counts[0] = counted rows; metrics[2] = counts[1] = rows where l is the lowest index
                      of the largest logit

   logits, dlogits: f32 [n, c]; labels: i32 [n]; zt, dzt: [K, n, c]; row_loss: [n] or null; counts: i64 [2] or null. dlogits may be logits and dzt may be
   zt. q comes from workspace[0], where count wrote it; with count_here = 1 each group counts for itself and group 0 writes it there.
   A launch of G = 1 groups in x writes the final sums; a larger one leaves a sum per group and probe at workspace[16 + k G + g], and loss_sum_f32 ends it
   (metrics: i64 [G, 2] counts at workspace[16], then G sums, and metrics_sum).

   Rows whose label is `ignore` contribute nothing, whatever their logits, and get gradient 0. A row whose label is neither that nor in [0, c) reads nothing
   out of bounds: its loss, gradient and tangents are NaN, and so is every sum that it is part of. A NaN or +inf logit makes its row NaN; logits of -inf
   have probability 0. A row whose loss is NaN is not correct.

   Work-group: lanes x rows = 256, each a power of two, lanes >= c / 8 where that fits; group (g, y) has
   the rows g R + y', (g + G) R + y', ... and the probes in tiles of 4. A row of up to SOFTMAX_ITEMS logits per lane is read once and kept in registers, a
   longer one is read twice, backwards the second time.
   Bytes per logit: forward 4, forward_backward 8, tangent and curvature 4 + 4 K, tangent_backward 4 + 8 K. About 8, 11, 9 + 2 K, 9 + 6 K, 9 + 5 K flops.
   Source: online softmax, Milakov & Gimelshein 2018; the Hessian diag(p) - p p', Schraudolph 2002. */
#include "lib/opencl/softmax_row.h"

#ifndef PROBE_TILE
#define PROBE_TILE 4 /* probes that share one reading of the logits */
#endif

SG_FN i64 count_labels(const global i32 *labels, i64 n, i32 ignore, local i64 *scratch) {
    i64 count = 0;
    for (i64 i = group_rank(); i < n; i += ROW_GROUP) count += labels[i] != ignore;
    return group_sum_i64(count, scratch);
}

kernel void cross_entropy_count_f32(const global i32 *labels, global f32 *workspace, i64 n, i32 ignore) {
    local i64 scratch[ROW_GROUP];
    i64 count = count_labels(labels, n, ignore, scratch);
    if (group_rank() == 0) workspace[0] = 1.0f / (f32)max((i64)1, count);
}

SG_FN f32 inverse_count(const global i32 *labels, global f32 *workspace, i64 n, i32 ignore, i32 count_here, local i64 *scratch) {
    f32 inverse = 1.0f / (f32)max((i64)1, count_labels(labels, count_here ? n : 0, ignore, scratch));
    if (!count_here) return workspace[0];
    if (group_rank() == 0 && get_group_id(0) == 0 && get_group_id(1) == 0) workspace[0] = inverse;
    return inverse;
}

/* log sum exp z - (1 - s) z_l - s mean z of a row; gap = sum_j (max z - z_j), which s = 0 does not need. */
SG_FN f32 smoothed_loss(f32 maximum, f32 target, f32 sum, f32 gap, i64 c, f32 s) {
    f32 above = maximum - target;
    if (s != 0.0f) above = (1.0f - s) * above + s * (gap / (f32)c);
    return above + sg_log(sum);
}

/* By all work-items, whatever the smoothing: PoCL takes barriers under a condition amiss. */
SG_FN f32 row_gap(const global f32 *z, i64 c, f32 maximum, bool valid, local f32 *scratch) {
    f32 gap = 0.0f;
    if (valid)
        for (i32 j = (i32)get_local_id(0); j < c; j += (i32)get_local_size(0)) gap += maximum - z[j];
    return lanes_sum(gap, scratch);
}

/* The group's sum of row losses, in every work-item; writes gradients and row losses where those pointers are not null. */
SG_FN f32 forward_rows(const global f32 *logits, const global i32 *labels, global f32 *dlogits, global f32 *row_loss, i64 n, i64 c, i32 ignore,
                       f32 inverse, f32 smoothing, local f32 *scratch) {
    f32 miss = inverse * smoothing / (f32)c, hit = inverse * (1.0f - smoothing) + miss;
    i64 rows = (i64)get_local_size(1);
    f32 total = 0.0f;
    for (i64 first = (i64)get_group_id(0) * rows; first < n; first += (i64)get_num_groups(0) * rows) {
        i64 r = first + (i64)get_local_id(1);
        i32 label = r < n ? labels[r] : ignore;
        bool counted = label != ignore, valid = counted && label >= 0 && label < c;
        const global f32 *z = logits + (valid ? r * c : 0);
        f32 target = valid ? z[label] : 0.0f;
        softmax_row row;
        softmax_read(&row, z, (i32)c, valid, scratch);
        f32 gap = row_gap(z, c, row.maximum, valid && smoothing != 0.0f, scratch);
        f32 loss = valid ? smoothed_loss(row.maximum, target, row.sum, gap, c, smoothing) : counted ? NAN : 0.0f;
        GROUP_BARRIER(); /* the gradient may take the place of the logit that was read as target. No condition: PoCL, unoptimised, takes one amiss */
        if (get_local_id(0) == 0 && r < n) {
            if (row_loss) row_loss[r] = loss;
            total += loss;
        }
        if (dlogits && valid) {
            f32 scale = inverse / row.sum;
            global f32 *d = dlogits + r * c;
            SOFTMAX_COLUMNS(row, z, (i32)c, { d[j] = p * scale - (j == label ? hit : miss); })
        } else if (dlogits && r < n) {
            for (i32 j = (i32)get_local_id(0); j < c; j += (i32)get_local_size(0)) dlogits[r * c + j] = loss;
        }
    }
    return group_sum(total, scratch);
}

kernel void cross_entropy_forward_f32(const global f32 *logits, const global i32 *labels, global f32 *workspace, global f32 *row_loss,
                                      global f32 *loss, i64 n, i64 c, i32 ignore, i32 count_here, f32 smoothing) {
    local f32 scratch[ROW_GROUP];
    local i64 counters[ROW_GROUP];
    f32 inverse = inverse_count(labels, workspace, n, ignore, count_here, counters);
    f32 total = forward_rows(logits, labels, 0, row_loss, n, c, ignore, inverse, smoothing, scratch);
    if (group_rank() == 0) {
        if (get_num_groups(0) == 1) loss[0] = total * inverse;
        else workspace[GROUP_PARTIALS + get_group_id(0)] = total;
    }
}

kernel void cross_entropy_forward_backward_f32(const global f32 *logits, const global i32 *labels, global f32 *workspace, global f32 *dlogits,
                                               global f32 *row_loss, global f32 *loss, i64 n, i64 c, i32 ignore, i32 count_here, f32 smoothing) {
    local f32 scratch[ROW_GROUP];
    local i64 counters[ROW_GROUP];
    f32 inverse = inverse_count(labels, workspace, n, ignore, count_here, counters);
    f32 total = forward_rows(logits, labels, dlogits, row_loss, n, c, ignore, inverse, smoothing, scratch);
    if (group_rank() == 0) {
        if (get_num_groups(0) == 1) loss[0] = total * inverse;
        else workspace[GROUP_PARTIALS + get_group_id(0)] = total;
    }
}

SG_FN void write_metrics(global f32 *metrics, global i64 *counts, f32 total, i64 counted, i64 correct) {
    metrics[0] = total;
    metrics[1] = (f32)counted;
    metrics[2] = (f32)correct;
    if (counts) {
        counts[0] = counted;
        counts[1] = correct;
    }
}

kernel void cross_entropy_metrics_f32(const global f32 *logits, const global i32 *labels, global f32 *workspace, global f32 *metrics,
                                      global i64 *counts, i64 n, i64 c, i32 ignore, f32 smoothing) {
    local f32 scratch[ROW_GROUP];
    local i64 counters[ROW_GROUP];
    i64 rows = (i64)get_local_size(1), correct = 0, counted = 0, g = (i64)get_group_id(0), groups = (i64)get_num_groups(0);
    f32 total = 0.0f;
    for (i64 first = g * rows; first < n; first += groups * rows) {
        i64 r = first + (i64)get_local_id(1);
        i32 label = r < n ? labels[r] : ignore;
        bool valid = label != ignore && label >= 0 && label < c;
        const global f32 *z = logits + (valid ? r * c : 0);
        f32 target = valid ? z[label] : 0.0f, better = 0.0f;
        softmax_row row;
        softmax_read(&row, z, (i32)c, valid, scratch);
        /* The label is the prediction where it holds the maximum and nothing before it does. */
        if (valid)
            for (i32 j = (i32)get_local_id(0); j < label; j += (i32)get_local_size(0)) better += z[j] == row.maximum ? 1.0f : 0.0f;
        better = lanes_sum(better, scratch);
        f32 gap = row_gap(z, c, row.maximum, valid && smoothing != 0.0f, scratch);
        if (get_local_id(0) == 0 && label != ignore) {
            f32 loss = valid ? smoothed_loss(row.maximum, target, row.sum, gap, c, smoothing) : NAN;
            total += loss;
            counted++;
            correct += loss == loss && target == row.maximum && better == 0.0f;
        }
    }
    total = group_sum(total, scratch);
    correct = group_sum_i64(correct, counters);
    counted = group_sum_i64(counted, counters);
    if (group_rank() == 0) {
        if (groups == 1) {
            write_metrics(metrics, counts, total, counted, correct);
        } else {
            global i64 *partial = (global i64 *)(workspace + GROUP_PARTIALS);
            partial[2 * g] = counted;
            partial[2 * g + 1] = correct;
            workspace[GROUP_PARTIALS + 4 * groups + g] = total;
        }
    }
}

kernel void cross_entropy_metrics_sum_f32(const global f32 *workspace, global f32 *metrics, global i64 *counts, i64 groups) {
    local f32 scratch[ROW_GROUP];
    local i64 counters[ROW_GROUP];
    f32 total = 0.0f;
    const global i64 *partial = (const global i64 *)(workspace + GROUP_PARTIALS);
    i64 correct = 0, counted = 0;
    for (i64 g = group_rank(); g < groups; g += ROW_GROUP) {
        counted += partial[2 * g];
        correct += partial[2 * g + 1];
        total += workspace[GROUP_PARTIALS + 4 * groups + g];
    }
    total = group_sum(total, scratch);
    correct = group_sum_i64(correct, counters);
    counted = group_sum_i64(counted, counters);
    if (group_rank() == 0) write_metrics(metrics, counts, total, counted, correct);
}

/* The statements that the three tangent modes run per row and probe, once mean = <p, zt> is known. */
#define TANGENT_ROW sum += get_local_id(0) == 0 ? mean - xt[label] : 0.0f;
#define CURVATURE_ROW                                                              \
    f32 square = 0.0f;                                                             \
    SOFTMAX_COLUMNS(row, z, (i32)c, { square += p * (xt[j] - mean) * (xt[j] - mean); }) \
    sum += square / row.sum;
#define BACKWARD_ROW                                                               \
    global f32 *d = dzt + (k * n + r) * c;                                         \
    f32 scale = inverse / row.sum;                                                 \
    SOFTMAX_COLUMNS(row, z, (i32)c, { d[j] = p * scale * (xt[j] - mean); })

/* A group takes PROBE_TILE probes at a time through all of its rows, so that the exponentials of a row serve each of them. Each work-item keeps its sums
   in its own column of `sums`. */
#define TANGENT_ROWS(ROW, OTHERWISE, END)                                                                 \
    local f32 scratch[ROW_GROUP];                                                                     \
    local i64 counters[ROW_GROUP];                                                                    \
    local f32 sums[PROBE_TILE][ROW_GROUP_LARGEST];                                                          \
    i64 rows = (i64)get_local_size(1), groups = (i64)get_num_groups(0), g = (i64)get_group_id(0);         \
    f32 inverse = inverse_count(labels, workspace, n, ignore, count_here, counters);                      \
    for (i64 k0 = (i64)get_group_id(1) * PROBE_TILE; k0 < probes; k0 += (i64)get_num_groups(1) * PROBE_TILE) { \
        i32 tile = (i32)min((i64)PROBE_TILE, probes - k0);                                                \
        for (i32 q = 0; q < tile; q++) sums[q][group_rank()] = 0.0f;                                      \
        for (i64 first = g * rows; first < n; first += groups * rows) {                                   \
            i64 r = first + (i64)get_local_id(1);                                                         \
            i32 label = r < n ? labels[r] : ignore;                                                       \
            bool counted = label != ignore, valid = counted && label >= 0 && label < c;                   \
            const global f32 *z = logits + (valid ? r * c : 0);                                           \
            softmax_row row;                                                                              \
            softmax_read(&row, z, (i32)c, valid, scratch);                                                \
            for (i32 q = 0; q < tile; q++) {                                                              \
                i64 k = k0 + q;                                                                           \
                const global f32 *xt = zt + (valid ? (k * n + r) * c : 0);                                \
                f32 mean = 0.0f, sum = sums[q][group_rank()];                                             \
                if (valid) {                                                                              \
                    SOFTMAX_COLUMNS(row, z, (i32)c, { mean += p * xt[j]; })                               \
                }                                                                                         \
                mean = lanes_sum(mean, scratch) / row.sum;                                                \
                if (valid) {                                                                              \
                    ROW                                                                                   \
                } else if (r < n) {                                                                       \
                    f32 absent = counted ? NAN : 0.0f;                                                    \
                    OTHERWISE                                                                             \
                }                                                                                         \
                sums[q][group_rank()] = sum;                                                              \
            }                                                                                             \
        }                                                                                                 \
        END                                                                                               \
    }

#define SUMS(OUT)                                                                                         \
    for (i32 q = 0; q < tile; q++) {                                                                      \
        f32 sum = group_sum(sums[q][group_rank()], scratch);                                              \
        if (group_rank() == 0) {                                                                          \
            if (groups == 1) (OUT)[k0 + q] = sum * inverse;                                               \
            else workspace[GROUP_PARTIALS + (k0 + q) * groups + g] = sum;                               \
        }                                                                                                 \
    }

kernel void cross_entropy_tangent_f32(const global f32 *logits, const global i32 *labels, const global f32 *zt, global f32 *workspace,
                                      global f32 *loss_t, i64 n, i64 c, i64 probes, i32 ignore, i32 count_here) {
    TANGENT_ROWS(TANGENT_ROW, { sum += absent; }, SUMS(loss_t))
}

kernel void cross_entropy_tangent_backward_f32(const global f32 *logits, const global i32 *labels, const global f32 *zt, global f32 *workspace,
                                               global f32 *dzt, i64 n, i64 c, i64 probes, i32 ignore, i32 count_here) {
    TANGENT_ROWS(
        BACKWARD_ROW,
        { for (i32 j = (i32)get_local_id(0); j < c; j += (i32)get_local_size(0)) dzt[(k * n + r) * c + j] = absent; }, )
}

kernel void cross_entropy_curvature_f32(const global f32 *logits, const global i32 *labels, const global f32 *zt, global f32 *workspace,
                                        global f32 *curvature, i64 n, i64 c, i64 probes, i32 ignore, i32 count_here) {
    TANGENT_ROWS(CURVATURE_ROW, { sum += absent; }, SUMS(curvature))
}
