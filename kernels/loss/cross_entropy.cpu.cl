/* Softmax cross-entropy for CPU devices: see loss/cross_entropy.cl for formulas, shapes, labels and bytes.
   Work-group: 1 x 1; group (g, y) of a G x Y grid has the
   g-th of G pieces of the rows, and the probes y, y + Y, ... A row is read once from memory: in
   blocks of 1024 logits that stay in the L1 cache, each with its maximum first and its exponentials next. */
#include "lib/cpu/softmax_row.h"

SG_FN i64 count_labels(const global i32 *labels, i64 n, i32 ignore) {
    i64 count = 0, i = 0;
    while (i + SG_V <= n) {
        int16 some = 0;
        for (i64 end = min(n, i + (1 << 20)); i + SG_V <= end; i += SG_V) some += select((int16)0, (int16)1, vload16(0, labels + i) != ignore);
        int8 a = some.lo + some.hi;
        int4 b = a.lo + a.hi;
        count += (i64)b.x + b.y + b.z + b.w;
    }
    for (; i < n; i++) count += labels[i] != ignore;
    return count;
}

kernel void cross_entropy_count_f32(const global i32 *labels, global f32 *workspace, i64 n, i32 ignore) {
    workspace[0] = 1.0f / (f32)max((i64)1, count_labels(labels, n, ignore));
}

SG_FN f32 inverse_count(const global i32 *labels, global f32 *workspace, i64 n, i32 ignore, i32 count_here) {
    if (!count_here) return workspace[0];
    f32 inverse = 1.0f / (f32)max((i64)1, count_labels(labels, n, ignore));
    if (get_group_id(0) == 0 && get_group_id(1) == 0) workspace[0] = inverse;
    return inverse;
}

SG_FN void fill_row(global f32 *row, i64 c, f32 value) {
    for (i64 j = 0; j < c; j += SG_V) sg_store16(row + j, (float16)value, c - j);
}

/* (1 - s) (m - target) + s mean_j (m - z_j), m the largest logit: what log sum exp(z - m) is added to. */
SG_FN f32 smoothed_above(const global f32 *z, i64 c, f32 m, f32 target, f32 s) {
    if (s == 0.0f) return m - target;
    float16 gap = 0.0f;
    for (i64 j = 0; j < c; j += SG_V) gap += m - sg_load16(z + j, c - j, m);
    return (1.0f - s) * (m - target) + s * (sg_sum16(gap) / (f32)c);
}

/* scale exp(z[j] - m) - miss - hit [j = label], for 16 j. */
SG_FN float16 gradient(const global f32 *z, i64 c, i64 j, const f32 *e, f32 m, f32 scale, i64 label, f32 hit, f32 miss) {
    float16 d = softmax_exp(z, c, j, e, m) * scale - miss;
    if (label >= j && label < j + SG_V) d -= select((float16)0.0f, (float16)hit, SG_LANES16 == (i32)(label - j));
    return d;
}

/* Loss, gradient where dlogits is not null, and row losses where row_loss is not null, of one group's rows. The logarithms and sums of 16 rows are
   taken together. */
SG_FN f32 forward_rows(const global f32 *logits, const global i32 *labels, global f32 *dlogits, global f32 *row_loss, i64 n, i64 c, i32 ignore,
                       f32 inverse, f32 smoothing) {
    f32 hit = inverse * (1.0f - smoothing), miss = inverse * smoothing / (f32)c;
    f32 e[SOFTMAX_BLOCK], above[SG_V], sums[SG_V];
    float16 total = 0.0f;
    i64 first = group_first(n, get_group_id(0), get_num_groups(0)), last = group_first(n, get_group_id(0) + 1, get_num_groups(0));
    for (i64 base = first; base < last; base += SG_V) {
        i32 rows = (i32)min(last - base, (i64)SG_V);
        for (i32 r = 0; r < SG_V; r++) above[r] = 0.0f, sums[r] = 1.0f;
        for (i32 r = 0; r < rows; r++) {
            const global f32 *z = logits + (base + r) * c;
            i32 label = labels[base + r];
            if (label == ignore) {
                if (dlogits) fill_row(dlogits + (base + r) * c, c, 0.0f);
                continue;
            }
            if (label < 0 || label >= c) {
                above[r] = NAN;
                if (dlogits) fill_row(dlogits + (base + r) * c, c, NAN);
                continue;
            }
            f32 m, target = z[label], s = softmax_row(z, c, e, &m);
            above[r] = smoothed_above(z, c, m, target, smoothing);
            sums[r] = s;
            if (dlogits) {
                global f32 *d = dlogits + (base + r) * c;
                f32 scale = inverse / s;
                for (i64 j = 0; j < c; j += SG_V) sg_store16(d + j, gradient(z, c, j, e, m, scale, label, hit, miss), c - j);
            }
        }
        float16 losses = vload16(0, above) + sg_log16(vload16(0, sums));
        if (row_loss) sg_store16(row_loss + base, losses, rows);
        total += losses;
    }
    return sg_sum16(total);
}

kernel void cross_entropy_forward_f32(const global f32 *logits, const global i32 *labels, global f32 *workspace, global f32 *row_loss,
                                      global f32 *loss, i64 n, i64 c, i32 ignore, i32 count_here, f32 smoothing) {
    f32 inverse = inverse_count(labels, workspace, n, ignore, count_here);
    f32 total = forward_rows(logits, labels, 0, row_loss, n, c, ignore, inverse, smoothing);
    if (get_num_groups(0) == 1) loss[0] = total * inverse;
    else workspace[GROUP_PARTIALS + get_group_id(0)] = total;
}

kernel void cross_entropy_forward_backward_f32(const global f32 *logits, const global i32 *labels, global f32 *workspace, global f32 *dlogits,
                                               global f32 *row_loss, global f32 *loss, i64 n, i64 c, i32 ignore, i32 count_here, f32 smoothing) {
    f32 inverse = inverse_count(labels, workspace, n, ignore, count_here);
    f32 total = forward_rows(logits, labels, dlogits, row_loss, n, c, ignore, inverse, smoothing);
    if (get_num_groups(0) == 1) loss[0] = total * inverse;
    else workspace[GROUP_PARTIALS + get_group_id(0)] = total;
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
    f32 e[SOFTMAX_BLOCK];
    f32 total = 0.0f;
    i64 correct = 0, counted = 0, g = get_group_id(0), groups = get_num_groups(0);
    for (i64 row = group_first(n, g, groups), last = group_first(n, g + 1, groups); row < last; row++) {
        const global f32 *z = logits + row * c;
        i32 label = labels[row];
        if (label == ignore) continue;
        counted++;
        if (label < 0 || label >= c) {
            total += NAN;
            continue;
        }
        f32 m, target = z[label], s = softmax_row(z, c, e, &m), loss = smoothed_above(z, c, m, target, smoothing) + sg_log16((float16)s).s0;
        total += loss;
        /* The label is the prediction where it holds the maximum and nothing before it does. */
        if (!(target == m) || !(loss == loss)) continue;
        int16 before = 0;
        for (i64 j = 0; j < label; j += SG_V) before |= sg_load16(z + j, label - j, -INFINITY) == m;
        correct += !any(before.lo | before.hi);
    }
    if (groups == 1) {
        write_metrics(metrics, counts, total, counted, correct);
    } else {
        global i64 *partial = (global i64 *)(workspace + GROUP_PARTIALS);
        partial[2 * g] = counted;
        partial[2 * g + 1] = correct;
        workspace[GROUP_PARTIALS + 4 * groups + g] = total;
    }
}

kernel void cross_entropy_metrics_sum_f32(const global f32 *workspace, global f32 *metrics, global i64 *counts, i64 groups) {
    f32 total = 0.0f;
    const global i64 *partial = (const global i64 *)(workspace + GROUP_PARTIALS);
    i64 correct = 0, counted = 0;
    for (i64 g = 0; g < groups; g++) {
        counted += partial[2 * g];
        correct += partial[2 * g + 1];
        total += workspace[GROUP_PARTIALS + 4 * groups + g];
    }
    write_metrics(metrics, counts, total, counted, correct);
}

#define PROBE_TILE 32 /* probes that share the exponentials of a row */
#define TANGENT 0
#define TANGENT_BACKWARD 1
#define CURVATURE 2

/* <p, xt> of a row. */
SG_FN f32 row_mean(const global f32 *z, const global f32 *xt, i64 c, const f32 *e, f32 m, f32 inverse_sum) {
    float16 dot = 0.0f;
    for (i64 j = 0; j < c; j += SG_V) dot = fma(softmax_exp(z, c, j, e, m), sg_load16(xt + j, c - j, 0.0f), dot);
    return sg_sum16(dot) * inverse_sum;
}

/* Rows outside, probes inside, PROBE_TILE of them: the exponentials of a row of at most SOFTMAX_BLOCK logits serve a whole tile. `sums` gets the sum of
   probe k at k * G. */
SG_FN void tangent_rows(const i32 mode, const global f32 *logits, const global i32 *labels, const global f32 *zt, global f32 *dzt,
                        global f32 *sums, i64 n, i64 c, i64 probes, i32 ignore, f32 inverse) {
    f32 e[SOFTMAX_BLOCK], tile[PROBE_TILE];
    i64 g = get_group_id(0), groups = get_num_groups(0), y = get_num_groups(1);
    for (i64 first = get_group_id(1); first < probes; first += y * PROBE_TILE) {
        for (i32 q = 0; q < PROBE_TILE; q++) tile[q] = 0.0f;
        for (i64 row = group_first(n, g, groups), last = group_first(n, g + 1, groups); row < last; row++) {
            i32 label = labels[row], q = 0;
            bool bad = label < 0 || label >= c;
            if (label == ignore && mode != TANGENT_BACKWARD) continue;
            const global f32 *z = logits + row * c;
            f32 m, inverse_sum = 0.0f;
            if (label != ignore && !bad) inverse_sum = 1.0f / softmax_row(z, c, e, &m);
            for (i64 k = first; k < probes && q < PROBE_TILE; k += y, q++) {
                const global f32 *xt = zt + (k * n + row) * c;
                global f32 *d = dzt + (k * n + row) * c;
                if (label == ignore) {
                    fill_row(d, c, 0.0f);
                } else if (bad) {
                    if (mode == TANGENT_BACKWARD) fill_row(d, c, NAN);
                    tile[q] = NAN;
                } else {
                    f32 mean = row_mean(z, xt, c, e, m, inverse_sum);
                    if (mode == TANGENT) {
                        tile[q] += mean - xt[label];
                    } else if (mode == TANGENT_BACKWARD) {
                        f32 scale = inverse_sum * inverse;
                        for (i64 j = 0; j < c; j += SG_V)
                            sg_store16(d + j, softmax_exp(z, c, j, e, m) * scale * (sg_load16(xt + j, c - j, mean) - mean), c - j);
                    } else {
                        float16 sum = 0.0f;
                        for (i64 j = 0; j < c; j += SG_V) {
                            float16 x = sg_load16(xt + j, c - j, mean) - mean;
                            sum = fma(softmax_exp(z, c, j, e, m) * x, x, sum);
                        }
                        tile[q] += sg_sum16(sum) * inverse_sum;
                    }
                }
            }
        }
        if (mode == TANGENT_BACKWARD) continue;
        i32 q = 0;
        for (i64 k = first; k < probes && q < PROBE_TILE; k += y, q++) sums[k * groups + g] = groups == 1 ? tile[q] * inverse : tile[q];
    }
}

kernel void cross_entropy_tangent_f32(const global f32 *logits, const global i32 *labels, const global f32 *zt, global f32 *workspace,
                                      global f32 *loss_t, i64 n, i64 c, i64 probes, i32 ignore, i32 count_here) {
    tangent_rows(TANGENT, logits, labels, zt, 0, get_num_groups(0) == 1 ? loss_t : workspace + GROUP_PARTIALS, n, c, probes, ignore,
                 inverse_count(labels, workspace, n, ignore, count_here));
}

kernel void cross_entropy_tangent_backward_f32(const global f32 *logits, const global i32 *labels, const global f32 *zt, global f32 *workspace,
                                               global f32 *dzt, i64 n, i64 c, i64 probes, i32 ignore, i32 count_here) {
    tangent_rows(TANGENT_BACKWARD, logits, labels, zt, dzt, 0, n, c, probes, ignore,
                 inverse_count(labels, workspace, n, ignore, count_here));
}

kernel void cross_entropy_curvature_f32(const global f32 *logits, const global i32 *labels, const global f32 *zt, global f32 *workspace,
                                        global f32 *curvature, i64 n, i64 c, i64 probes, i32 ignore, i32 count_here) {
    tangent_rows(CURVATURE, logits, labels, zt, 0, get_num_groups(0) == 1 ? curvature : workspace + GROUP_PARTIALS, n, c, probes, ignore,
                 inverse_count(labels, workspace, n, ignore, count_here));
}
