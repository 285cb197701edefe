/* Two neighbouring axes exchanged; other orders of axes are several such exchanges.

     transpose_f32       y[o, b, a] = x[o, a, b]
     transpose_rows_f32  y[o, b, a, i] = x[o, a, b, i]

   x: [outer, a, b] or [outer, a, b, inner], y: [outer, b, a] or [outer, b, a, inner], f32, row-major; not the same memory.
   transpose: work-group 32 x 8, a tile of 32 x 32 elements through shared memory, so that both sides are read and written along rows; grid x: tiles along b,
   y: tiles along a, z: outer, the last two by loops. transpose_rows: work-group T x R = 256, T work-items along inner, 4 elements per access where addresses
   allow, R rows; grid x: rows of y, by loops.
   Bytes per element: 8. Flops: 0. Source: Ruetsch & Micikevicius, Optimizing Matrix Transpose in CUDA (2009), for the tile with a column more.
   WIDE transpose_rows_f32: 1 loads, 1 stores */
#include "lib/gpu_wide.h"

#define TRANSPOSE_TILE 32
#define TRANSPOSE_DOWN 8

SG_KERNEL(256) transpose_f32(const SG_GLOBAL f32 *x, SG_GLOBAL f32 *y, i64 outer, i64 a, i64 b) {
    SG_SHARED(f32, tile, TRANSPOSE_TILE * (TRANSPOSE_TILE + 1));
    i64 column = (i64)sg_group(0) * TRANSPOSE_TILE;
    u32 t = sg_local(0), r = sg_local(1);
    for (i64 o = sg_group(2); o < outer; o += sg_groups(2)) {
        const SG_GLOBAL f32 *from = x + o * a * b;
        SG_GLOBAL f32 *to = y + o * a * b;
        for (i64 row = (i64)sg_group(1) * TRANSPOSE_TILE; row < a; row += (i64)sg_groups(1) * TRANSPOSE_TILE) {
            SG_BARRIER();
            for (u32 j = r; j < TRANSPOSE_TILE; j += TRANSPOSE_DOWN) {
                if (row + j < a && column + t < b) tile[j * (TRANSPOSE_TILE + 1) + t] = from[(row + j) * b + column + t];
            }
            SG_BARRIER();
            for (u32 j = r; j < TRANSPOSE_TILE; j += TRANSPOSE_DOWN) {
                if (column + j < b && row + t < a) to[(column + j) * a + row + t] = tile[t * (TRANSPOSE_TILE + 1) + j];
            }
        }
    }
}

SG_KERNEL(256) transpose_rows_f32(const SG_GLOBAL f32 *x, SG_GLOBAL f32 *y, i64 outer, i64 a, i64 b, i64 inner) {
    bool wide = sg_aligned16(x) && sg_aligned16(y) && inner % 4 == 0;
    i64 rows = outer * a * b;
    for (i64 r = (i64)sg_group(0) * sg_locals(1) + sg_local(1); r < rows; r += (i64)sg_groups(0) * sg_locals(1)) {
        i64 o = r / (a * b), rest = r - o * a * b, p = rest / a, q = rest - p * a;
        const SG_GLOBAL f32 *from = x + (o * a * b + q * b + p) * inner;
        SG_GLOBAL f32 *to = y + r * inner;
        if (wide) {
            for (i64 i = 4 * sg_local(0); i < inner; i += 4 * sg_locals(0)) sg_store_4(to + i, sg_load_4(from + i));
        } else {
            for (i64 i = sg_local(0); i < inner; i += sg_locals(0)) to[i] = from[i];
        }
    }
}
