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
   sort: block of 1024; of G blocks, block g has the ids [g W, (g + 1) W), W = ceil(V / G) <= EMBEDDING_RANGE. Each reads all ids, a warp a 32nd of them, four
   per load: it counts, with integer atomics in shared memory, and keeps its own ids with their positions, in order. Then each warp takes a 32nd of the
   block's ids and goes through those alone, 32 at a time. A block that finds more than it can keep reads the ids again, and lists them in global
   memory; an id that has more than half of them there is listed at its place right away. No block waits for another. Bytes: 4 per id and block, mostly
   from cache.
   WIDE embedding_sort_i32: 4 loads, 0 stores
   scatter: block lanes x rows = 256, lanes >= D / 4 up to a warp; group (g, y, z) has the table rows g R + y', (g + G) R + y', ... of the tables y, y + Y, ...
   and of them the columns 4 lanes z .. and every 4 lanes Z on; three rows of dy in flight per lane, in 16-byte accesses where D is a multiple of 4. There the whole
   block adds up a row of more than EMBEDDING_LONG ids (padding), through shared memory. Bytes per element 4 (1 + V / n). Source: counting sort.
   WIDE embedding_scatter_f32: 4 loads, 1 stores
   DIALECT: sort ranks ids by ballots and __match_any_sync in warps of a block of 1024, of which OpenCL 1.2 has none: there a group of 256 places tile after
   tile by scans of local memory. scatter copies the rows of a frequent id by cp.async, stages ahead of the sum; gather and scatter ask for (256, 4) and
   (256, 5) blocks and count their columns for it. */
#include "lib/cuda/ptx.cuh"
#include "lib/cuda/row_group.cuh"

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
#define EMBEDDING_AHEAD4 4 /* the same, of 16 bytes */
#define EMBEDDING_SORT 1024 /* threads of a block that sorts */
#define EMBEDDING_HELD 64   /* ids of a warp that it keeps in shared memory: they are 16, where ids are spread evenly and each row has two */

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

/* Four neighbours per lane and load. */
SG_FN void embedding_ids4(const i32 *ids, u32 start, u32 last, bool wide, u32 (&id)[EMBEDDING_AHEAD4][4]) {
    const u32 mine = start + 4 * sg_lane();
    if (wide && start + 4 * SG_WARP * EMBEDDING_AHEAD4 <= last) { /* the same for all lanes */
#pragma unroll
        for (u32 a = 0; a < EMBEDDING_AHEAD4; a++) {
            float4 four = ptx_ld_global_f32x4(reinterpret_cast<const f32 *>(ids + mine + a * (4 * SG_WARP)));
            id[a][0] = SG_F32_TO_BITS(four.x), id[a][1] = SG_F32_TO_BITS(four.y), id[a][2] = SG_F32_TO_BITS(four.z), id[a][3] = SG_F32_TO_BITS(four.w);
        }
    } else {
#pragma unroll
        for (u32 a = 0; a < EMBEDDING_AHEAD4; a++) {
#pragma unroll
            for (u32 c = 0; c < 4; c++) {
                u32 i = mine + a * (4 * SG_WARP) + c;
                id[a][c] = i < last ? (u32)ids[i] : ~0u;
            }
        }
    }
}

/* The ids low .. low + size - 1: their counts go to cursor, the first EMBEDDING_HELD of them with their positions to held; that of lower ones to
   `below`. The warp has positions first .. last - 1. Returns how many it found. */
SG_FN u32 embedding_count(const i32 *ids, u32 first, u32 last, u32 low, u32 size, i32 *cursor, i32 *below, i32 *held, u16 *heldId) {
    const u32 before = (1u << sg_lane()) - 1;
    const bool wide = sg_aligned16(ids); /* and first is a multiple of 4 */
    u32 hits = 0;
#pragma unroll 1
    for (u32 start = first; start < last; start += 4 * SG_WARP * EMBEDDING_AHEAD4) {
        u32 id[EMBEDDING_AHEAD4][4];
        embedding_ids4(ids, start, last, wide, id);
#pragma unroll
        for (u32 a = 0; a < EMBEDDING_AHEAD4; a++) {
            bool any = false;
#pragma unroll
            for (u32 c = 0; c < 4; c++) {
                *below += id[a][c] < low;
                any = any || id[a][c] - low < size;
            }
            if (!__any_sync(SG_FULL_MASK, any)) continue;
            u32 at = hits;
#pragma unroll
            for (u32 c = 0; c < 4; c++) {
                u32 who = __ballot_sync(SG_FULL_MASK, id[a][c] - low < size);
                at += __popc(who & before);
                hits += __popc(who);
            }
#pragma unroll
            for (u32 c = 0; c < 4; c++) {
                u32 own = id[a][c] - low;
                if (own >= size) continue;
                LOCAL_INCREMENT(&cursor[own]);
                if (at < EMBEDDING_HELD) held[at] = (i32)(start + a * (4 * SG_WARP) + 4 * sg_lane() + c), heldId[at] = (u16)own;
                at++;
            }
        }
    }
    return hits;
}

/* The positions of the same ids but `without`, ascending, to `list`, unless it is null. Returns how many they are. */
SG_FN i32 embedding_list(const i32 *ids, u32 first, u32 last, u32 low, u32 size, u32 without, i32 *list) {
    i32 found = 0;
    u32 before = (1u << sg_lane()) - 1;
    for (u32 start = first; start < last; start += SG_WARP * EMBEDDING_AHEAD) {
        u32 id[EMBEDDING_AHEAD];
        embedding_ids(ids, start, last, id);
#pragma unroll
        for (i32 a = 0; a < EMBEDDING_AHEAD; a++) {
            bool hit = id[a] - low < size && id[a] != without;
            u32 who = __ballot_sync(SG_FULL_MASK, hit);
            if (who == 0) continue; /* mostly */
            if (hit && list) list[found + __popc(who & before)] = (i32)(start + a * SG_WARP + sg_lane());
            found += __popc(who);
        }
    }
    return found;
}

/* A position and its id, or -1, per lane, to their places. The warp has the ids from .. to - 1 of the block, alone, so no barrier is needed. */
SG_FN void embedding_place(i32 i, i32 id, i32 from, i32 to, i32 *cursor, i32 *order) {
    bool own = id >= from && id < to;
    if (!__any_sync(SG_FULL_MASK, own)) return;
    u32 same = __match_any_sync(SG_FULL_MASK, own ? id : -1), before = (1u << sg_lane()) - 1;
    i32 at = own ? cursor[id] + __popc(same & before) : 0;
    __syncwarp();
    if (own) {
        order[at] = i;
        if (same >> sg_lane() == 1) cursor[id] = at + 1; /* the last of them */
    }
    __syncwarp();
}

/* The same for a list of positions. */
SG_FN void embedding_place_list(const i32 *ids, const i32 *list, i32 total, i32 low, i32 from, i32 to, i32 *cursor, i32 *order) {
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
        for (i32 a = 0; a < EMBEDDING_AHEAD; a++) embedding_place(i[a], id[a], from, to, cursor, order);
    }
}

extern "C" __global__ void __launch_bounds__(EMBEDDING_SORT) embedding_sort_i32(const i32 *ids, i32 *workspace, i64 n, i64 v) {
    __shared__ i32 cursor[EMBEDDING_RANGE];
    __shared__ i32 held[EMBEDDING_SORT / SG_WARP * EMBEDDING_HELD];
    __shared__ u16 heldId[EMBEDDING_SORT / SG_WARP * EMBEDDING_HELD];
    __shared__ i32 scratch[SG_WARP + 1];
    __shared__ i32 frequent[2]; /* the id that more than half of the block's positions have, or -1, and how many */
    i64 groups = (i64)gridDim.x, width = (v + groups - 1) / groups, low = (i64)blockIdx.x * width;
    if (low > v) low = v;
    const i32 size = (i32)(v - low < width ? v - low : width), rank = group_rank(), warps = EMBEDDING_SORT / SG_WARP;
    const i32 share = (size + warps - 1) / warps, from = (i32)sg_warp() * share, to = from + share;
    i32 *order = workspace + v + 1, *list = order + n;
    const u32 most = (u32)n, span = ((most + warps - 1) / warps + 3) & ~3u;
    const u32 first = sg_warp() * span < most ? sg_warp() * span : most, last = most - first < span ? most : first + span;

    for (i32 t = rank; t < EMBEDDING_RANGE; t += EMBEDDING_SORT) cursor[t] = 0;
    if (rank == 0) frequent[0] = -1;
    __syncthreads();
    const u32 mine = sg_warp() * EMBEDDING_HELD;
    i32 below = 0, hits = (i32)embedding_count(ids, first, last, (u32)low, (u32)size, cursor, &below, held + mine, heldId + mine);
    group_scan(below, scratch);
    const i32 base = group_total(scratch);
    i32 listed = __shfl_sync(SG_FULL_MASK, group_scan(sg_lane() == 0 ? hits : 0, scratch), 0); /* by the warps before */
    const i32 total = group_total(scratch);

    /* Counts become places: each thread sums a run of neighbours, and the runs are scanned. */
    const i32 per = EMBEDDING_RANGE / EMBEDDING_SORT;
    i32 count = 0;
    for (i32 t = rank * per; t < (rank + 1) * per; t++) count += cursor[t];
    i32 at = base + group_scan(count, scratch);
    for (i32 t = rank * per; t < (rank + 1) * per; t++) {
        i32 own = cursor[t];
        cursor[t] = at;
        if (t < size) workspace[low + t] = at;
        at += own;
        if (own > total - own) frequent[0] = t, frequent[1] = own;
    }
    if (rank == 0 && low + size == v && (size > 0 || v == 0)) workspace[v] = base + total;
    if (total == 0) return; /* the same for the whole block */

    group_scan(hits > EMBEDDING_HELD ? 1 : 0, scratch);
    if (group_total(scratch) == 0) { /* as a rule: all are in shared memory, and move together there */
        i32 i[EMBEDDING_HELD / SG_WARP];
        u16 id[EMBEDDING_HELD / SG_WARP];
#pragma unroll
        for (i32 a = 0; a < EMBEDDING_HELD / SG_WARP; a++) {
            i32 e = a * SG_WARP + (i32)sg_lane();
            i[a] = 0, id[a] = 0;
            if (e < hits) i[a] = held[mine + e], id[a] = heldId[mine + e];
        }
        __syncthreads();
#pragma unroll
        for (i32 a = 0; a < EMBEDDING_HELD / SG_WARP; a++) {
            i32 e = a * SG_WARP + (i32)sg_lane();
            if (e < hits) held[listed + e] = i[a], heldId[listed + e] = id[a];
        }
        __syncthreads();
        for (i32 e = (i32)sg_lane(); e - (i32)sg_lane() < total; e += SG_WARP)
            embedding_place(e < total ? held[e] : 0, e < total ? (i32)heldId[e] : -1, from, to, cursor, order);
        return;
    }
    /* Too many: they are listed in global memory. Those of the frequent id (padding) are listed at their place, for one warp would go through them all. */
    const i32 which = frequent[0], rest = which < 0 ? total : total - frequent[1];
    const u32 without = which < 0 ? ~0u : (u32)low + (u32)which;
    if (which >= 0) {
        i32 lines = embedding_list(ids, first, last, without, 1, ~0u, nullptr);
        i32 ahead = __shfl_sync(SG_FULL_MASK, group_scan(sg_lane() == 0 ? lines : 0, scratch), 0);
        embedding_list(ids, first, last, without, 1, ~0u, order + cursor[which] + ahead);
        listed -= ahead;
    }
    embedding_list(ids, first, last, (u32)low, (u32)size, without, list + base + listed);
    __syncthreads();
    embedding_place_list(ids, list + base, rest, (i32)low, from, to, cursor, order);
}

#define EMBEDDING_LONG 256 /* ids of a table row from which the whole block adds it up */
#define EMBEDDING_ROWS 3   /* rows of dy that a lane has in flight */
#define EMBEDDING_STAGES 6 /* of such a block's shared memory */
#define EMBEDDING_STAGE (4 * ROW_GROUP)

SG_FN const f32 *embedding_at(const f32 *from, i32 row, u32 d) {
    return reinterpret_cast<const f32 *>(reinterpret_cast<const char *>(from) + (u64)(u32)row * (u64)(4 * d));
}

SG_FN void embedding_add(float4 &sum, float4 x) { sum.x += x.x, sum.y += x.y, sum.z += x.z, sum.w += x.w; }

/* The sum of four columns over the positions begin .. end - 1 of the list. */
SG_FN float4 embedding_sum4(const f32 *from, const i32 *order, i32 begin, i32 end, u32 d) {
    float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#pragma unroll 1
    for (i32 e = begin; e < end; e += EMBEDDING_ROWS) {
        i32 at[EMBEDDING_ROWS];
        float4 x[EMBEDDING_ROWS];
#pragma unroll
        for (i32 a = 0; a < EMBEDDING_ROWS; a++) at[a] = e + a < end ? order[e + a] : -1;
#pragma unroll
        for (i32 a = 0; a < EMBEDDING_ROWS; a++) {
            if (at[a] >= 0) x[a] = ptx_ld_global_f32x4(embedding_at(from, at[a], d));
        }
#pragma unroll
        for (i32 a = 0; a < EMBEDDING_ROWS; a++) {
            if (at[a] >= 0) embedding_add(sum, x[a]);
        }
    }
    return sum;
}

/* The same for a row of many ids, by the whole block: all copy rows of dy to shared memory, some stages ahead of those that have a column and add. */
SG_FN void embedding_sum_long(const f32 *from, const i32 *order, i32 begin, i32 end, f32 *to, u32 d, i32 accumulate, f32 *tile) {
    const u32 width = 4 * blockDim.x, rank = sg_thread_rank();
    const i32 lines = (i32)blockDim.y;
    for (u32 first = width * blockIdx.z; first < d; first += width * gridDim.z) {
        const f32 *mine = from + first + 4 * threadIdx.x;
        const i32 last = first + 4 * threadIdx.x < d ? end : begin;
        i32 e = begin + (i32)threadIdx.y;
        u32 fill = 4 * rank, use = rank;
        f32 sum = 0.0f;
#pragma unroll 1
        for (i32 s = 0; s < EMBEDDING_STAGES - 1; s++, e += lines, fill += EMBEDDING_STAGE) {
            if (e < last) ptx_cp_async_16(tile + fill, embedding_at(mine, order[e], d));
            ptx_cp_async_commit();
        }
        i32 next = e < last ? order[e] : -1;
#pragma unroll 1
        for (i32 left = end - begin; left > 0; left -= lines) {
            ptx_cp_async_wait<EMBEDDING_STAGES - 2>();
            __syncthreads(); /* the oldest stage is there, and that before it has been read */
            if (next >= 0) ptx_cp_async_16(tile + fill, embedding_at(mine, next, d));
            ptx_cp_async_commit();
            e += lines;
            next = e < last ? order[e] : -1;
            fill = fill < EMBEDDING_STAGE * (EMBEDDING_STAGES - 1) ? fill + EMBEDDING_STAGE : 4 * rank;
            if (rank < width) {
                const i32 count = left < lines ? left : lines;
#pragma unroll 8
                for (i32 line = 0; line < count; line++) sum += tile[use + (u32)line * width];
            }
            use = use < EMBEDDING_STAGE * (EMBEDDING_STAGES - 1) ? use + EMBEDDING_STAGE : rank;
        }
        if (rank < width && first + rank < d) to[first + rank] = accumulate ? to[first + rank] + sum : sum;
        __syncthreads();
    }
}

SG_FN void embedding_sum_row(const f32 *from, const i32 *order, i32 begin, i32 end, f32 *to, u32 d, i32 accumulate, bool wide) {
    const u32 unit = wide ? 4 : 1, step = unit * blockDim.x * gridDim.z;
    for (u32 j = unit * (blockDim.x * blockIdx.z + threadIdx.x); j < d; j += step) {
        if (wide) {
            float4 sum = embedding_sum4(from + j, order, begin, end, d);
            if (accumulate) {
                float4 old = ptx_ld_global_f32x4(to + j);
                sum = make_float4(old.x + sum.x, old.y + sum.y, old.z + sum.z, old.w + sum.w);
            }
            ptx_st_global_f32x4(to + j, sum);
        } else {
            f32 sum = 0.0f;
#pragma unroll 2
            for (i32 e = begin; e < end; e++) sum += embedding_at(from + j, order[e], d)[0];
            to[j] = accumulate ? to[j] + sum : sum;
        }
    }
}

extern "C" __global__ void __launch_bounds__(256, 5) embedding_scatter_f32(const f32 *dy, const i32 *workspace, f32 *dtable, i64 n, i64 v, i64 d, i64 probes,
                                  i32 accumulate) {
    __shared__ __align__(16) f32 tile[EMBEDDING_STAGES * EMBEDDING_STAGE];
    const u32 rows = blockDim.y, most = (u32)v;
    const i32 *order = workspace + v + 1;
    const bool wide = sg_aligned16(dy) && sg_aligned16(dtable) && d % 4 == 0;
    for (i64 k = (i64)blockIdx.y; k < probes; k += (i64)gridDim.y) {
        const f32 *from = dy + k * n * d;
        for (u32 base = blockIdx.x * rows; base < most; base += gridDim.x * rows) {
            const u32 own = most - base < rows ? most - base : rows, row = base + threadIdx.y;
            const bool several = wide && workspace[base + own] - workspace[base] > EMBEDDING_LONG; /* the same for the whole block */
            if (several) {
#pragma unroll 1
                for (u32 r = base; r < base + own; r++) {
                    i32 a = workspace[r], b = workspace[r + 1];
                    if (b - a > EMBEDDING_LONG) embedding_sum_long(from, order, a, b, dtable + (k * v + r) * d, (u32)d, accumulate, tile);
                }
            }
            if (row >= most) continue;
            i32 begin = workspace[row], end = workspace[row + 1]; /* only now: they need no registers before */
            if (several && end - begin > EMBEDDING_LONG) continue;
            if (accumulate && begin == end) continue;
            embedding_sum_row(from, order, begin, end, dtable + (k * v + row) * d, (u32)d, accumulate, wide);
        }
    }
}
