/* Embedding for CPU devices: see embedding/embedding.cl for formulas and shapes. Work-group: 1 x 1. gather and scatter: group (g, y) of a G x Y grid has a
   contiguous piece of the rows, of the tables y, y + Y, ... sort: one group, a counting sort from the last position to the first. */
#include "lib/cpu/row_group.h"

kernel void embedding_gather_f32(const global f32 *table, const global i32 *ids, global f32 *y, i64 n, i64 v, i64 d, i64 probes) {
    i64 g = get_group_id(0), groups = get_num_groups(0);
    for (i64 k = get_group_id(1); k < probes; k += get_num_groups(1)) {
        for (i64 i = group_first(n, g, groups), last = group_first(n, g + 1, groups); i < last; i++) {
            i64 id = ids[i];
            global f32 *to = y + (k * n + i) * d;
            if (id >= 0 && id < v) {
                const global f32 *from = table + (k * v + id) * d;
                i64 j = 0;
                for (; j + SG_V <= d; j += SG_V) vstore16(vload16(0, from + j), 0, to + j);
                if (j < d) sg_store16(to + j, sg_load16(from + j, d - j, 0.0f), d - j);
            } else {
                for (i64 j = 0; j < d; j += SG_V) sg_store16(to + j, (float16)NAN, d - j);
            }
        }
    }
}

kernel void embedding_sort_i32(const global i32 *ids, global i32 *workspace, i64 n, i64 v) {
    global i32 *order = workspace + v + 1;
    for (i64 t = 0; t <= v; t++) workspace[t] = 0;
    for (i64 i = 0; i < n; i++)
        if (ids[i] >= 0 && ids[i] < v) workspace[ids[i]]++;
    i32 end = 0;
    for (i64 t = 0; t <= v; t++) workspace[t] = end += workspace[t];
    for (i64 i = n - 1; i >= 0; i--) /* each end moves down to its beginning */
        if (ids[i] >= 0 && ids[i] < v) order[--workspace[ids[i]]] = (i32)i;
}

kernel void embedding_scatter_f32(const global f32 *dy, const global i32 *workspace, global f32 *dtable, i64 n, i64 v, i64 d, i64 probes,
                                  i32 accumulate) {
    i64 g = get_group_id(0), groups = get_num_groups(0);
    const global i32 *order = workspace + v + 1;
    for (i64 k = get_group_id(1); k < probes; k += get_num_groups(1)) {
        const global f32 *from = dy + k * n * d;
        for (i64 row = group_first(v, g, groups), last = group_first(v, g + 1, groups); row < last; row++) {
            i32 begin = workspace[row], end = workspace[row + 1];
            if (accumulate && begin == end) continue;
            global f32 *to = dtable + (k * v + row) * d;
            i64 j = 0;
            for (; j + 64 <= d; j += 64) {
                float16 a = 0.0f, b = 0.0f, c = 0.0f, f = 0.0f;
                for (i32 e = begin; e < end; e++) {
                    const global f32 *p = from + order[e] * d + j;
                    a += vload16(0, p);
                    b += vload16(1, p);
                    c += vload16(2, p);
                    f += vload16(3, p);
                }
                if (accumulate) {
                    a += vload16(0, to + j);
                    b += vload16(1, to + j);
                    c += vload16(2, to + j);
                    f += vload16(3, to + j);
                }
                vstore16(a, 0, to + j);
                vstore16(b, 1, to + j);
                vstore16(c, 2, to + j);
                vstore16(f, 3, to + j);
            }
            for (; j < d; j += SG_V) {
                float16 a = 0.0f;
                for (i32 e = begin; e < end; e++) a += sg_load16(from + order[e] * d + j, d - j, 0.0f);
                if (accumulate) a += sg_load16(to + j, d - j, 0.0f);
                sg_store16(to + j, a, d - j);
            }
        }
    }
}
