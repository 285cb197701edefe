/* Rows of a table by number, and the reverse, for K tables at once (a table and its tangents):

     gather   y[k, i, :] = table[k, id[i], :]
     sort     the positions of each id, in order of position: workspace[v] .. workspace[v + 1] bounds the part of workspace[V + 1 ...] that lists the
              i with id[i] = v, ascending
     scatter  dtable[k, v, :] = sum over i with id[i] = v of dy[k, i, :], in order of i: bitwise repeatable. All rows are written, 0 where there is no
              such i; with accumulate = 1 the sum is added to what stands there, and other rows are left alone

   table, dtable: f32 [K, V, D]; y, dy: [K, n, D]; ids: i32 [n]; workspace: i32 [V + 1 + n] or longer. An id that is not in [0, V) gathers NaN and scatters nothing.

   gather: work-group lanes x rows = 256, group (g, y) has the rows g R + y', (g + G) R + y', ... of the tables y, y + Y, ...; bytes per element 8.
   sort: work-group 256; of G groups, group g has the ids [g W, (g + 1) W), W = ceil(V / G) <= EMBEDDING_RANGE. Each reads all ids twice, counts with
   integer atomics in local memory and places tile after tile of 256, so that no group waits for another. Bytes: 4 per id and group, mostly from cache.
   scatter: like gather with table rows; bytes per element 4 (1 + V / n). Source: counting sort. */
#include "lib/opencl/row_group.h"

#ifndef EMBEDDING_RANGE
#define EMBEDDING_RANGE 2048 /* most ids of one group in sort, a multiple of 256 */
#endif

kernel void embedding_gather_f32(const global f32 *table, const global i32 *ids, global f32 *y, i64 n, i64 v, i64 d, i64 probes) {
    i64 rows = (i64)get_local_size(1), lane = (i64)get_local_id(0), lanes = (i64)get_local_size(0);
    for (i64 k = (i64)get_group_id(1); k < probes; k += (i64)get_num_groups(1)) {
        for (i64 i = (i64)get_group_id(0) * rows + (i64)get_local_id(1); i < n; i += (i64)get_num_groups(0) * rows) {
            i64 id = ids[i];
            bool valid = id >= 0 && id < v;
            const global f32 *from = table + (valid ? (k * v + id) * d : 0);
            global f32 *to = y + (k * n + i) * d;
#pragma unroll 4
            for (i64 j = lane; j < d; j += lanes) to[j] = valid ? from[j] : NAN;
        }
    }
}

kernel void embedding_sort_i32(const global i32 *ids, global i32 *workspace, i64 n, i64 v) {
    local i32 cursor[EMBEDDING_RANGE];
    local i32 hits[ROW_GROUP];
    local i32 scratch[GROUP_SCAN];
    i64 groups = (i64)get_num_groups(0), width = (v + groups - 1) / groups, low = (i64)get_group_id(0) * width;
    i64 high = min(v, low + width);
    i32 rank = group_rank(), below = 0;
    global i32 *order = workspace + v + 1;

    for (i32 t = rank; t < EMBEDDING_RANGE; t += ROW_GROUP) cursor[t] = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (i64 i = rank; i < n; i += ROW_GROUP) {
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

    for (i64 first = 0; first < n; first += ROW_GROUP) {
        i64 i = first + rank, id = i < n ? ids[i] : -1;
        bool hit = id >= low && id < high;
        i32 place = group_scan(hit ? 1 : 0, scratch), found = group_total(scratch);
        if (hit) hits[place] = (i32)(id - low);
        barrier(CLK_LOCAL_MEM_FENCE);
        i32 before = 0, after = 0;
        if (hit) {
            for (i32 e = 0; e < place; e++) before += hits[e] == id - low;
            for (i32 e = place + 1; e < found; e++) after += hits[e] == id - low;
            order[cursor[id - low] + before] = (i32)i;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        if (hit && after == 0) cursor[id - low] += before + 1;
    }
}

kernel void embedding_scatter_f32(const global f32 *dy, const global i32 *workspace, global f32 *dtable, i64 n, i64 v, i64 d, i64 probes,
                                  i32 accumulate) {
    i64 rows = (i64)get_local_size(1), lane = (i64)get_local_id(0), lanes = (i64)get_local_size(0);
    const global i32 *order = workspace + v + 1;
    for (i64 k = (i64)get_group_id(1); k < probes; k += (i64)get_num_groups(1)) {
        const global f32 *from = dy + k * n * d;
        for (i64 row = (i64)get_group_id(0) * rows + (i64)get_local_id(1); row < v; row += (i64)get_num_groups(0) * rows) {
            i32 begin = workspace[row], end = workspace[row + 1];
            if (accumulate && begin == end) continue;
            global f32 *to = dtable + (k * v + row) * d;
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
