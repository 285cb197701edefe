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

   Block: lanes x rows = 256, each a power of two, lanes >= c / 16 where that fits, 512 x 1 where c > 4096; group (g, y) has
   the rows g R + y', (g + G) R + y', ... and the probes in tiles of 4. A row of up to SOFTMAX_ITEMS logits per lane is read once and kept in registers, a
   longer one is read twice, backwards the second time; by 16-byte accesses where c is a multiple of 4.
   Bytes per logit: forward 4, forward_backward 8, tangent and curvature 4 + 4 K, tangent_backward 4 + 8 K. About 8, 11, 9 + 2 K, 9 + 6 K, 9 + 5 K flops.
   Source: online softmax, Milakov & Gimelshein 2018; the Hessian diag(p) - p p', Schraudolph 2002.
   WIDE cross_entropy_count_f32: 8 loads, 0 stores
   WIDE cross_entropy_forward_f32: 12 loads, 0 stores
   WIDE cross_entropy_metrics_f32: 8 loads, 0 stores
   WIDE cross_entropy_forward_backward_f32: 14 loads, 10 stores
   WIDE cross_entropy_tangent_f32: 28 loads, 0 stores
   WIDE cross_entropy_curvature_f32: 32 loads, 0 stores
   WIDE cross_entropy_tangent_backward_f32: 32 loads, 10 stores
   CUDA_ONLY cross_entropy_forward_backward_smooth_f32: served by cross_entropy_forward_backward_f32
   DIALECT: a row of up to 512 logits is one warp's, summed by shuffles without a barrier, and rows that fill all lanes are compiled apart by a template
   parameter, all their 16-byte loads before the first exponential (measured 80 % of copy bandwidth). OpenCL 1.2 has no shuffles: there each sum is a tree
   in local memory with barriers for the whole group, a lane keeps 8 logits and loads them one by one. */
#include "lib/cuda/softmax_row.cuh"

#ifndef PROBE_TILE
#define PROBE_TILE 4 /* probes that share one reading of the logits */
#endif

#define COUNT_LOADS 8
SG_FN i64 count_rest(const i32 *labels, i64 begin, i64 n, i32 ignore, i64 *scratch, i64 count) {
    for (i64 i = begin + group_rank(); i < n; i += sg_block_threads()) count += labels[i] != ignore;
    return group_sum_i64(count, scratch);
}

extern "C" __global__ void __launch_bounds__(1024) cross_entropy_count_f32(const i32 *labels, f32 *workspace, i64 n, i32 ignore) {
    __shared__ i64 scratch[SG_WARP];
    /* Four labels a load, COUNT_LOADS loads at a time, which are issued together; what is left one by one. */
    i64 count = 0, threads = sg_block_threads(), round = threads * 4 * COUNT_LOADS, begin = sg_aligned16(labels) ? n / round * round : 0;
    for (i64 i = 4 * group_rank(); i < begin; i += round) {
        int4 four[COUNT_LOADS];
#pragma unroll
        for (i32 u = 0; u < COUNT_LOADS; u++) four[u] = *reinterpret_cast<const int4 *>(labels + i + 4 * u * threads);
#pragma unroll
        for (i32 u = 0; u < COUNT_LOADS; u++)
            count += (four[u].x != ignore) + (four[u].y != ignore) + (four[u].z != ignore) + (four[u].w != ignore);
    }
    count = count_rest(labels, begin, n, ignore, scratch, count);
    if (group_rank() == 0) workspace[0] = 1.0f / (f32)max(1ll, count);
}

SG_FN f32 inverse_count(const i32 *labels, f32 *workspace, i64 n, i32 ignore, i32 count_here, i64 *scratch) {
    if (!count_here) return workspace[0];
    f32 inverse = 1.0f / (f32)max(1ll, count_rest(labels, 0, n, ignore, scratch, 0));
    if (group_rank() == 0 && blockIdx.x == 0 && blockIdx.y == 0) workspace[0] = inverse;
    return inverse;
}

/* log sum exp z - (1 - s) z_l - s mean z of a row; gap = sum_j (max z - z_j), which s = 0 does not need. */
SG_FN f32 smoothed_loss(f32 maximum, f32 target, f32 sum, f32 gap, i64 c, f32 s) {
    f32 above = maximum - target;
    if (s != 0.0f) above = (1.0f - s) * above + s * (gap / (f32)c);
    return above + sg_log(sum);
}

SG_FN f32 row_gap(const f32 *z, i64 c, f32 maximum, bool valid, lanes_scratch *scratch) {
    f32 gap = 0.0f;
    if (valid)
#pragma unroll 1
        for (i32 j = (i32)threadIdx.x; j < c; j += (i32)blockDim.x) gap += maximum - z[j];
    return lanes_sum(gap, scratch);
}

/* A lane's share of the group's sum of row losses; writes gradients if GRADIENT, and row losses where that pointer is not null. Without SMOOTH smoothing is 0. */
template <bool GRADIENT, bool WHOLE, bool SMOOTH>
SG_FN f32 rows_losses(const f32 *logits, const i32 *labels, f32 *dlogits, f32 *row_loss, i64 n, i64 c, i32 ignore, f32 inverse,
                      f32 smoothing, bool wide, lanes_scratch scratch) {
    f32 miss = SMOOTH ? inverse * smoothing / (f32)c : 0.0f, hit = SMOOTH ? inverse * (1.0f - smoothing) + miss : inverse;
    i64 rows = (i64)blockDim.y;
    f32 total = 0.0f;
    i64 begin = (i64)blockIdx.x * rows, step = (i64)gridDim.x * rows;
    i32 next = WHOLE && begin + (i64)threadIdx.y < n ? labels[begin + (i64)threadIdx.y] : ignore;
    for (i64 first = begin; first < n; first += step) {
        i64 r = first + (i64)threadIdx.y;
        i32 label = WHOLE ? next : r < n ? labels[r] : ignore;
        if (WHOLE) next = r + step < n ? labels[r + step] : ignore; /* a row ahead: the row's first load waits for it */
        bool counted = label != ignore, valid = counted && label >= 0 && label < c;
        const f32 *z = logits + (valid ? r * c : 0);
        f32 target = valid ? z[label] : 0.0f;
        softmax_row row;
        softmax_read<WHOLE>(&row, z, (i32)c, wide, valid, &scratch);
        f32 gap = SMOOTH && smoothing != 0.0f ? row_gap(z, c, row.maximum, valid, &scratch) : 0.0f;
        f32 loss = counted ? SG_NAN : 0.0f;
        if (threadIdx.x == 0 && r < n) {
            f32 own = valid ? smoothed_loss(row.maximum, target, row.sum, gap, c, SMOOTH ? smoothing : 0.0f) : loss;
            if (row_loss) row_loss[r] = own;
            total += own;
        }
        if (!GRADIENT) continue;
        /* The gradient may take the place of the logit that was read as target. Beyond a warp, softmax_read has had barriers since. */
        if (blockDim.x <= SG_WARP) __syncwarp();
        if (valid) {
            f32 scale = inverse / row.sum;
            f32 *d = dlogits + r * c;
            SOFTMAX_COLUMNS(WHOLE, row, z, (i32)c, row.e, SOFTMAX_NONE, d, { out = SMOOTH ? p * scale - miss : p * scale; })
            if (softmax_owns(label, wide)) d[label] = softmax_exp(target - row.maximum) * scale - hit; /* over what it has just written */
        } else if (r < n) {
#pragma unroll 1
            for (i32 j = (i32)threadIdx.x; j < c; j += (i32)blockDim.x) dlogits[r * c + j] = loss;
        }
    }
    return total;
}

template <bool GRADIENT, bool SMOOTH>
SG_FN f32 forward_rows(const f32 *logits, const i32 *labels, f32 *dlogits, f32 *row_loss, i64 n, i64 c, i32 ignore, f32 inverse,
                       f32 smoothing) {
    __shared__ f32 lanes[LANES_SCRATCH], sums[SG_WARP];
    lanes_scratch scratch = {lanes, 0};
    bool wide = c % 4 == 0 && sg_aligned16(logits) && (!GRADIENT || sg_aligned16(dlogits));
    f32 total = softmax_whole(c, wide) ? rows_losses<GRADIENT, true, SMOOTH>(logits, labels, dlogits, row_loss, n, c, ignore, inverse, smoothing, wide, scratch)
                                       : rows_losses<GRADIENT, false, SMOOTH>(logits, labels, dlogits, row_loss, n, c, ignore, inverse, smoothing, wide, scratch);
    return group_sum(total, sums);
}

extern "C" __global__ void __launch_bounds__(512, 2) cross_entropy_forward_f32(const f32 *logits, const i32 *labels, f32 *workspace, f32 *row_loss,
                                      f32 *loss, i64 n, i64 c, i32 ignore, i32 count_here, f32 smoothing) {
    __shared__ i64 counters[SG_WARP];
    f32 inverse = inverse_count(labels, workspace, n, ignore, count_here, counters);
    f32 total = forward_rows<false, true>(logits, labels, nullptr, row_loss, n, c, ignore, inverse, smoothing);
    if (group_rank() == 0) {
        if (gridDim.x == 1) loss[0] = total * inverse;
        else workspace[GROUP_PARTIALS + blockIdx.x] = total;
    }
}

/* SMOOTH takes more registers than two blocks of a multiprocessor leave, hence an entry of its own. */
#define FORWARD_BACKWARD(NAME, BLOCKS, SMOOTH)                                                                                                    \
    extern "C" __global__ void __launch_bounds__(512, BLOCKS) NAME(const f32 *logits, const i32 *labels, f32 *workspace, f32 *dlogits, f32 *row_loss, \
                                                                   f32 *loss, i64 n, i64 c, i32 ignore, i32 count_here, f32 smoothing) {               \
        __shared__ i64 counters[SG_WARP];                                                                                                         \
        f32 inverse = inverse_count(labels, workspace, n, ignore, count_here, counters);                                                          \
        f32 total = forward_rows<true, SMOOTH>(logits, labels, dlogits, row_loss, n, c, ignore, inverse, smoothing);                              \
        if (group_rank() == 0) {                                                                                                                  \
            if (gridDim.x == 1) loss[0] = total * inverse;                                                                                        \
            else workspace[GROUP_PARTIALS + blockIdx.x] = total;                                                                                  \
        }                                                                                                                                         \
    }
FORWARD_BACKWARD(cross_entropy_forward_backward_f32, 2, false)
FORWARD_BACKWARD(cross_entropy_forward_backward_smooth_f32, 1, true)

SG_FN void write_metrics(f32 *metrics, i64 *counts, f32 total, i64 counted, i64 correct) {
    metrics[0] = total;
    metrics[1] = (f32)counted;
    metrics[2] = (f32)correct;
    if (counts) {
        counts[0] = counted;
        counts[1] = correct;
    }
}

extern "C" __global__ void __launch_bounds__(512, 2) cross_entropy_metrics_f32(const f32 *logits, const i32 *labels, f32 *workspace, f32 *metrics,
                                      i64 *counts, i64 n, i64 c, i32 ignore, f32 smoothing) {
    __shared__ f32 lanes[LANES_SCRATCH], scratch[SG_WARP];
    lanes_scratch by_lanes = {lanes, 0};
    __shared__ i64 counters[SG_WARP];
    i64 rows = (i64)blockDim.y, correct = 0, counted = 0, g = (i64)blockIdx.x, groups = (i64)gridDim.x;
    bool wide = c % 4 == 0 && sg_aligned16(logits);
    f32 total = 0.0f;
    for (i64 first = g * rows; first < n; first += groups * rows) {
        i64 r = first + (i64)threadIdx.y;
        i32 label = r < n ? labels[r] : ignore;
        bool valid = label != ignore && label >= 0 && label < c;
        const f32 *z = logits + (valid ? r * c : 0);
        f32 target = valid ? z[label] : 0.0f, better = 0.0f;
        softmax_row row;
        softmax_read<false>(&row, z, (i32)c, wide, valid, &by_lanes);
        /* The label is the prediction where it holds the maximum and nothing before it does. */
        if (valid)
            for (i32 j = (i32)threadIdx.x; j < label; j += (i32)blockDim.x) better += z[j] == row.maximum ? 1.0f : 0.0f;
        better = lanes_sum(better, &by_lanes);
        f32 gap = smoothing != 0.0f ? row_gap(z, c, row.maximum, valid, &by_lanes) : 0.0f;
        if (threadIdx.x == 0 && label != ignore) {
            f32 loss = valid ? smoothed_loss(row.maximum, target, row.sum, gap, c, smoothing) : SG_NAN;
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
            i64 *partial = (i64 *)(workspace + GROUP_PARTIALS);
            partial[2 * g] = counted;
            partial[2 * g + 1] = correct;
            workspace[GROUP_PARTIALS + 4 * groups + g] = total;
        }
    }
}

extern "C" __global__ void __launch_bounds__(512, 2) cross_entropy_metrics_sum_f32(const f32 *workspace, f32 *metrics, i64 *counts, i64 groups) {
    __shared__ f32 scratch[SG_WARP];
    __shared__ i64 counters[SG_WARP];
    f32 total = 0.0f;
    const i64 *partial = (const i64 *)(workspace + GROUP_PARTIALS);
    i64 correct = 0, counted = 0;
    for (i64 g = group_rank(); g < groups; g += sg_block_threads()) {
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
#define TANGENT_ROW sum += threadIdx.x == 0 ? mean - xt[label] : 0.0f;
#define CURVATURE_ROW                                                              \
    f32 square = 0.0f;                                                             \
    SOFTMAX_COLUMNS(whole, row, z, (i32)c, items, xt, SOFTMAX_NONE, { square += p * (x - mean) * (x - mean); }) \
    sum += square / row.sum;
#define BACKWARD_ROW                                                               \
    f32 *d = dzt + (k * n + r) * c;                                         \
    f32 scale = inverse / row.sum;                                                 \
    SOFTMAX_COLUMNS(whole, row, z, (i32)c, items, xt, d, { out = p * scale * (x - mean); })

/* A group takes PROBE_TILE probes at a time through all of its rows, so that the exponentials of a row serve each of them. Each work-item keeps its sums
   in its own column of `sums`. Rows of which every lane has all its items, once more for themselves: a lane keeps its part of the tangent and has that of
   the next probe on its way. */
template <bool WHOLE>
struct tangent_tile {
    static constexpr bool whole = WHOLE;
};
#define TANGENT_ROWS(OUT, ROW, OTHERWISE, END)                                                            \
    __shared__ f32 lanes[LANES_SCRATCH];                                                                  \
    lanes_scratch by_lanes = {lanes, 0};                                                                  \
    __shared__ i64 counters[SG_WARP];                                                                     \
    __shared__ f32 sums[PROBE_TILE][ROW_GROUP_LARGEST];                                                   \
    i64 rows = (i64)blockDim.y, groups = (i64)gridDim.x, g = (i64)blockIdx.x;                             \
    bool wide = c % 4 == 0 && sg_aligned16(logits) && sg_aligned16(zt) && sg_aligned16(OUT);              \
    f32 inverse = inverse_count(labels, workspace, n, ignore, count_here, counters);                      \
    for (i64 k0 = (i64)blockIdx.y * PROBE_TILE; k0 < probes; k0 += (i64)gridDim.y * PROBE_TILE) {         \
        i32 tile = (i32)min((i64)PROBE_TILE, probes - k0);                                                \
        for (i32 q = 0; q < tile; q++) sums[q][group_rank()] = 0.0f;                                      \
        auto all_rows = [&](auto kind) {                                                                   \
            constexpr bool whole = decltype(kind)::whole;                                                  \
            for (i64 first = g * rows; first < n; first += groups * rows) {                                \
                i64 r = first + (i64)threadIdx.y;                                                          \
                i32 label = r < n ? labels[r] : ignore;                                                    \
                bool counted = label != ignore, valid = counted && label >= 0 && label < c;                \
                const f32 *z = logits + (valid ? r * c : 0);                                               \
                softmax_row row;                                                                           \
                f32 items[SOFTMAX_ITEMS], ahead[SOFTMAX_ITEMS];                                            \
                if (whole) softmax_load_kept<true>(ahead, zt + (valid ? (k0 * n + r) * c : 0), (i32)c, wide, valid, 0.0f); \
                softmax_read<whole>(&row, z, (i32)c, wide, valid, &by_lanes);                              \
                _Pragma("unroll 1") for (i32 q = 0; q < tile; q++) {                                       \
                    i64 k = k0 + q;                                                                        \
                    const f32 *xt = zt + (valid ? (k * n + r) * c : 0);                                    \
                    f32 mean = 0.0f, sum = sums[q][group_rank()];                                          \
                    if (whole) {                                                                           \
                        _Pragma("unroll") for (i32 i = 0; i < SOFTMAX_ITEMS; i++) items[i] = ahead[i];     \
                        if (q + 1 < tile) softmax_load_kept<true>(ahead, xt + n * c, (i32)c, wide, valid, 0.0f); \
                    } else if (row.kept) {                                                                 \
                        softmax_load_kept<false>(items, xt, (i32)c, wide, valid, 0.0f);                    \
                    }                                                                                      \
                    if (valid) {                                                                           \
                        SOFTMAX_COLUMNS(whole, row, z, (i32)c, items, xt, SOFTMAX_NONE, { mean += p * x; }) \
                    }                                                                                      \
                    mean = lanes_sum(mean, &by_lanes) / row.sum;                                           \
                    if (valid) {                                                                           \
                        ROW                                                                                \
                    } else if (r < n) {                                                                    \
                        f32 absent = counted ? SG_NAN : 0.0f;                                              \
                        OTHERWISE                                                                          \
                    }                                                                                      \
                    sums[q][group_rank()] = sum;                                                           \
                }                                                                                          \
            }                                                                                              \
        };                                                                                                 \
        if (softmax_whole(c, wide)) all_rows(tangent_tile<true>());                                        \
        else all_rows(tangent_tile<false>());                                                              \
        END                                                                                               \
    }

#define SUMS(OUT)                                                                                         \
    __syncthreads(); /* `lanes` is in use until then */                                                   \
    for (i32 q = 0; q < tile; q++) {                                                                      \
        f32 sum = group_sum(sums[q][group_rank()], lanes);                                                \
        if (group_rank() == 0) {                                                                          \
            if (groups == 1) (OUT)[k0 + q] = sum * inverse;                                               \
            else workspace[GROUP_PARTIALS + (k0 + q) * groups + g] = sum;                               \
        }                                                                                                 \
    }

extern "C" __global__ void __launch_bounds__(512, 1) cross_entropy_tangent_f32(const f32 *logits, const i32 *labels, const f32 *zt, f32 *workspace,
                                      f32 *loss_t, i64 n, i64 c, i64 probes, i32 ignore, i32 count_here) {
    TANGENT_ROWS(nullptr, TANGENT_ROW, { sum += absent; }, SUMS(loss_t))
}

extern "C" __global__ void __launch_bounds__(512, 1) cross_entropy_tangent_backward_f32(const f32 *logits, const i32 *labels, const f32 *zt, f32 *workspace,
                                               f32 *dzt, i64 n, i64 c, i64 probes, i32 ignore, i32 count_here) {
    TANGENT_ROWS(
        dzt, BACKWARD_ROW,
        { _Pragma("unroll 1") for (i32 j = (i32)threadIdx.x; j < c; j += (i32)blockDim.x) dzt[(k * n + r) * c + j] = absent; }, )
}

extern "C" __global__ void __launch_bounds__(512, 1) cross_entropy_curvature_f32(const f32 *logits, const i32 *labels, const f32 *zt, f32 *workspace,
                                        f32 *curvature, i64 n, i64 c, i64 probes, i32 ignore, i32 count_here) {
    TANGENT_ROWS(nullptr, CURVATURE_ROW, { sum += absent; }, SUMS(curvature))
}
