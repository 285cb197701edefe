/* Rows of a table by number, and the reverse, for K tables at once (a table and its tangents):

     gather   y[k, i, :] = table[k, id[i], :]
     sort     the positions of each id, in order of position: workspace[v] .. workspace[v + 1] bounds the part of workspace[V + 1 ...] that lists the
              i with id[i] = v, ascending
     scatter  dtable[k, v, :] = sum over i with id[i] = v of dy[k, i, :], in order of i: bitwise repeatable. All rows are written, 0 where there is no
              such i; with accumulate = 1 the sum is added to what stands there, and other rows are left alone

   table, dtable: f32 [K, V, D]; y, dy: [K, n, D]; ids: i32 [n]; workspace: i32 [V + 1 + n]. An id that is not in [0, V) gathers NaN and scatters nothing.

   gather: block lanes x rows = 256, lanes >= D / 16 where that fits: four 16-byte accesses per thread in flight, where D is a multiple of 4; group (g, y) has the
   rows g R + y', (g + G) R + y', ... of the tables y, y + Y, ...; bytes per element 8.
   WIDE embedding_gather_f32: 5 loads, 5 stores
   sort: work-group 256; of G groups, group g has the ids [g W, (g + 1) W), W = ceil(V / G) <= EMBEDDING_RANGE. Each reads all ids twice, counts with
   integer atomics in local memory and places tile after tile of 256, so that no group waits for another. Bytes: 4 per id and group, mostly from cache.
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

extern "C" __global__ void __launch_bounds__(256) embedding_sort_i32(const i32 *ids, i32 *workspace, i64 n, i64 v) {
    __shared__ i32 cursor[EMBEDDING_RANGE];
    __shared__ i32 hits[ROW_GROUP];
    __shared__ i32 scratch[SG_WARP + 1];
    i64 groups = (i64)gridDim.x, width = (v + groups - 1) / groups, low = (i64)blockIdx.x * width;
    i64 high = v < low + width ? v : low + width;
    i32 rank = group_rank(), below = 0;
    i32 *order = workspace + v + 1;

    for (i32 t = rank; t < EMBEDDING_RANGE; t += sg_block_threads()) cursor[t] = 0;
    __syncthreads();
    for (i64 i = rank; i < n; i += sg_block_threads()) {
        i64 id = ids[i];
        below += id >= 0 && id < low;
        if (id >= low && id < high) LOCAL_INCREMENT(&cursor[id - low]);
    }
    group_scan(below, scratch);
    i32 base = group_total(scratch);

    /* Counts become places: each work-item sums a run of neighbours, and the runs are scanned. */
    i32 per = EMBEDDING_RANGE / ROW_GROUP, count = 0;
    for (i32 t = rank * per; t < (rank + 1) * per; t++) count += cursor[t];
    i32 at = base + group_scan(count, scratch), total = group_total(scratch);
    for (i32 t = rank * per; t < (rank + 1) * per; t++) {
        i32 own = cursor[t];
        cursor[t] = at;
        if (low + t < high) workspace[low + t] = at;
        at += own;
    }
    if (rank == 0 && high == v && (low < v || v == 0)) workspace[v] = base + total;

    for (i64 first = 0; first < n; first += sg_block_threads()) {
        i64 i = first + rank, id = i < n ? ids[i] : -1;
        bool hit = id >= low && id < high;
        i32 place = group_scan(hit ? 1 : 0, scratch), found = group_total(scratch);
        if (hit) hits[place] = (i32)(id - low);
        __syncthreads();
        i32 before = 0, after = 0;
        if (hit) {
            for (i32 e = 0; e < place; e++) before += hits[e] == id - low;
            for (i32 e = place + 1; e < found; e++) after += hits[e] == id - low;
            order[cursor[id - low] + before] = (i32)i;
        }
        __syncthreads();
        if (hit && after == 0) cursor[id - low] += before + 1;
    }
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
