/* Rows of a table by number, and the reverse, for K tables at once (a table and its tangents):

     gather   y[k, i, :] = table[k, id[i], :]
     sort     the positions of each id, in order of position: workspace[v] .. workspace[v + 1] bounds the part of workspace[V + 1 ...] that lists the
              i with id[i] = v, ascending
     scatter  dtable[k, v, :] = sum over i with id[i] = v of dy[k, i, :], in order of i: bitwise repeatable. All rows are written, 0 where there is no
              such i; with accumulate = 1 the sum is added to what stands there, and other rows are left alone

   table, dtable: f32 [K, V, D]; y, dy: [K, n, D]; ids: i32 [n]; workspace: i32 [V + 1 + 2 n], of which the last n are scratch. An id that is not in [0, V) gathers NaN and scatters nothing.

   gather: block lanes x rows = 256, lanes >= D / 16 where that fits: four 16-byte accesses per thread in flight, where D is a multiple of 4; group (g, y) has the
   rows g R + y', (g + G) R + y', ... of the tables y, y + Y, ...; bytes per element 8.
   WIDE embedding_gather_f32: 5 loads, 5 stores
   sort: work-group 256; of G groups, group g has the ids [g W, (g + 1) W), W = ceil(V / G) <= EMBEDDING_RANGE. Each reads all ids twice, a warp an eighth of
   them: it counts, with integer atomics in shared memory, and lists the positions of its own ids, in order. Then each warp takes an eighth of the group's ids
   and goes through that list alone, 32 positions at a time. No group waits for another. Bytes: 8 per id and group, mostly from cache.
   scatter: like gather with table rows; bytes per element 4 (1 + V / n). Source: counting sort. */
#include "cuda/ptx.cuh"
#include "cuda/row_group.cuh"

#ifndef EMBEDDING_RANGE
#define EMBEDDING_RANGE 2048 /* most ids of one group in sort, a multiple of 256 */
#endif

SG_FN void copy_row(const f32 *from, f32 *to, i64 d, bool wide) {
    i32 unit = wide ? 4 : 1, step = unit * (i32)blockDim.x, first = unit * (i32)threadIdx.x;
    i64 left = d - first;
    from += first, to += first;
    if (!wide) {
#pragma unroll 4
        for (; left > 0; left -= step, from += step, to += step) *to = *from;
        return;
    }
    for (; left > 3 * step; left -= 4 * step, from += 4 * step, to += 4 * step) {
        float4 a = ptx_ld_global_f32x4(from), b = ptx_ld_global_f32x4(from + step);
        float4 c = ptx_ld_global_f32x4(from + 2 * step), e = ptx_ld_global_f32x4(from + 3 * step);
        ptx_st_global_f32x4(to, a);
        ptx_st_global_f32x4(to + step, b);
        ptx_st_global_f32x4(to + 2 * step, c);
        ptx_st_global_f32x4(to + 3 * step, e);
    }
#pragma unroll 1
    for (; left > 0; left -= step, from += step, to += step) ptx_st_global_f32x4(to, ptx_ld_global_f32x4(from));
}

extern "C" __global__ void __launch_bounds__(256, 4) embedding_gather_f32(const f32 *table, const i32 *ids, f32 *y, i64 n, i64 v, i64 d, i64 probes) {
    i64 rows = (i64)blockDim.y;
    bool wide = sg_aligned16(table) && sg_aligned16(y) && d % 4 == 0;
    for (i64 k = (i64)blockIdx.y; k < probes; k += (i64)gridDim.y) {
        for (i64 i = (i64)blockIdx.x * rows + (i64)threadIdx.y; i < n; i += (i64)gridDim.x * rows) {
            i64 id = ids[i];
            f32 *to = y + (k * n + i) * d;
            if (id >= 0 && id < v) copy_row(table + (k * v + id) * d, to, d, wide);
            else
                for (i64 j = (i64)threadIdx.x; j < d; j += (i64)blockDim.x) to[j] = SG_NAN;
        }
    }
}

#define EMBEDDING_AHEAD 8 /* loads of a lane in flight */

/* The lane's of the next 32 EMBEDDING_AHEAD ids; beyond `last` one that is out of range, as negative ids are when they are unsigned. */
SG_FN void embedding_ids(const i32 *ids, u32 start, u32 last, u32 (&id)[EMBEDDING_AHEAD]) {
    const i32 *at = ids + start + sg_lane();
    if (start + SG_WARP * EMBEDDING_AHEAD <= last) { /* the same for all lanes */
#pragma unroll
        for (i32 a = 0; a < EMBEDDING_AHEAD; a++) id[a] = (u32)at[a * SG_WARP];
    } else {
#pragma unroll
        for (i32 a = 0; a < EMBEDDING_AHEAD; a++) id[a] = start + a * SG_WARP + sg_lane() < last ? (u32)at[a * SG_WARP] : ~0u;
    }
}

/* The ids low .. low + size - 1: their counts go to cursor, their number to `hits`; that of lower ones to `below`. The warp has positions first .. last - 1. */
SG_FN void embedding_count(const i32 *ids, u32 first, u32 last, u32 low, u32 size, i32 *cursor, i32 *below, i32 *hits) {
    for (u32 start = first; start < last; start += SG_WARP * EMBEDDING_AHEAD) {
        u32 id[EMBEDDING_AHEAD];
        embedding_ids(ids, start, last, id);
#pragma unroll
        for (i32 a = 0; a < EMBEDDING_AHEAD; a++) {
            *below += id[a] < low;
            if (id[a] - low < size) {
                LOCAL_INCREMENT(&cursor[id[a] - low]);
                ++*hits;
            }
        }
    }
}

/* The positions of the same ids, ascending, to `list`. */
SG_FN void embedding_list(const i32 *ids, u32 first, u32 last, u32 low, u32 size, i32 *list) {
    u32 before = (1u << sg_lane()) - 1;
    for (u32 start = first; start < last; start += SG_WARP * EMBEDDING_AHEAD) {
        u32 id[EMBEDDING_AHEAD];
        embedding_ids(ids, start, last, id);
#pragma unroll
        for (i32 a = 0; a < EMBEDDING_AHEAD; a++) {
            bool hit = id[a] - low < size;
            u32 who = __ballot_sync(SG_FULL_MASK, hit);
            if (who == 0) continue; /* mostly */
            if (hit) list[__popc(who & before)] = (i32)(start + a * SG_WARP + sg_lane());
            list += __popc(who);
        }
    }
}

/* The `total` positions of the list to their places. The warp has the ids from .. to - 1 of the block, alone, so no barrier is needed. */
SG_FN void embedding_place(const i32 *ids, const i32 *list, i32 total, i32 low, i32 from, i32 to, i32 *cursor, i32 *order) {
    u32 before = (1u << sg_lane()) - 1;
    for (i32 start = 0; start < total; start += SG_WARP * EMBEDDING_AHEAD) {
        i32 i[EMBEDDING_AHEAD], id[EMBEDDING_AHEAD];
#pragma unroll
        for (i32 a = 0; a < EMBEDDING_AHEAD; a++) {
            i32 e = start + a * SG_WARP + (i32)sg_lane();
            i[a] = e < total ? list[e] : -1;
        }
#pragma unroll
        for (i32 a = 0; a < EMBEDDING_AHEAD; a++) id[a] = i[a] >= 0 ? ids[i[a]] - low : -1;
#pragma unroll
        for (i32 a = 0; a < EMBEDDING_AHEAD; a++) {
            bool own = id[a] >= from && id[a] < to;
            if (__ballot_sync(SG_FULL_MASK, own) == 0) continue;
            u32 same = __match_any_sync(SG_FULL_MASK, own ? id[a] : -1);
            i32 at = own ? cursor[id[a]] + __popc(same & before) : 0;
            __syncwarp();
            if (own) {
                order[at] = i[a];
                if (same >> sg_lane() == 1) cursor[id[a]] = at + 1; /* the last of them */
            }
            __syncwarp();
        }
    }
}

extern "C" __global__ void __launch_bounds__(256) embedding_sort_i32(const i32 *ids, i32 *workspace, i64 n, i64 v) {
    __shared__ i32 cursor[EMBEDDING_RANGE];
    __shared__ i32 scratch[SG_WARP + 1];
    i64 groups = (i64)gridDim.x, width = (v + groups - 1) / groups, low = (i64)blockIdx.x * width;
    if (low > v) low = v;
    i32 size = (i32)(v - low < width ? v - low : width);
    i32 rank = group_rank(), warps = (i32)(sg_block_threads() / SG_WARP), below = 0, hits = 0;
    i32 *order = workspace + v + 1, *list = order + n;
    u32 most = (u32)n, span = (most + warps - 1) / warps, first = sg_warp() * span, last = first + span < most ? first + span : most;

    for (i32 t = rank; t < EMBEDDING_RANGE; t += sg_block_threads()) cursor[t] = 0;
    __syncthreads();
    embedding_count(ids, first, last, (u32)low, size, cursor, &below, &hits);
    group_scan(below, scratch);
    i32 base = group_total(scratch);
    i32 listed = __shfl_sync(SG_FULL_MASK, group_scan(hits, scratch), 0), total = group_total(scratch); /* listed: by the warps before */

    /* Counts become places: each work-item sums a run of neighbours, and the runs are scanned. */
    i32 per = EMBEDDING_RANGE / ROW_GROUP, count = 0;
    for (i32 t = rank * per; t < (rank + 1) * per; t++) count += cursor[t];
    i32 at = base + group_scan(count, scratch);
    for (i32 t = rank * per; t < (rank + 1) * per; t++) {
        i32 own = cursor[t];
        cursor[t] = at;
        if (t < size) workspace[low + t] = at;
        at += own;
    }
    if (rank == 0 && low + size == v && (size > 0 || v == 0)) workspace[v] = base + total;
    if (total == 0) return; /* the same for the whole block */

    embedding_list(ids, first, last, (u32)low, size, list + base + listed);
    __syncthreads();
    i32 share = (size + warps - 1) / warps, from = (i32)sg_warp() * share;
    embedding_place(ids, list + base, total, (i32)low, from, from + share, cursor, order);
}

extern "C" __global__ void __launch_bounds__(256) embedding_scatter_f32(const f32 *dy, const i32 *workspace, f32 *dtable, i64 n, i64 v, i64 d, i64 probes,
                                  i32 accumulate) {
    i64 rows = (i64)blockDim.y, lane = (i64)threadIdx.x, lanes = (i64)blockDim.x;
    const i32 *order = workspace + v + 1;
    for (i64 k = (i64)blockIdx.y; k < probes; k += (i64)gridDim.y) {
        const f32 *from = dy + k * n * d;
        for (i64 row = (i64)blockIdx.x * rows + (i64)threadIdx.y; row < v; row += (i64)gridDim.x * rows) {
            i32 begin = workspace[row], end = workspace[row + 1];
            if (accumulate && begin == end) continue;
            f32 *to = dtable + (k * v + row) * d;
            for (i64 j = lane; j < d; j += lanes) {
                f32 sum = 0.0f;
                i32 e = begin;
                for (; e + 4 <= end; e += 4) { /* four loads in flight, added in order */
                    f32 a = from[order[e] * d + j], b = from[order[e + 1] * d + j], c = from[order[e + 2] * d + j], f = from[order[e + 3] * d + j];
                    sum += a;
                    sum += b;
                    sum += c;
                    sum += f;
                }
                for (; e < end; e++) sum += from[order[e] * d + j];
                to[j] = accumulate ? to[j] + sum : sum;
            }
        }
    }
}
