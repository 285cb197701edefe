/* The columns of a row of c floats, four at a time, shared out to the lanes of a group (lib/gpu_rows.h): `wide` rows, whose c is a multiple of 4 and whose address
   takes loads of four (sg_takes_4), give lane l the columns 4 l .. 4 l + 3, then 4 (l + lanes) ...; others l, l + lanes, l + 2 lanes, l + 3 lanes, then on from
   l + 4 lanes: neighbouring lanes touch neighbouring memory either way.

     for (i64 j = columns_first(wide); j < c; j += COLUMNS_STEP) columns_store(y + row * c, j, c, wide, columns_load(x + row * c, j, c, wide, 0.0f)); */
#ifndef SG_LIB_GPU_COLUMNS_H
#define SG_LIB_GPU_COLUMNS_H
#include "lib/gpu_wide.h"

#define COLUMNS_STEP (4 * (i64)sg_locals(0))
SG_FN i64 columns_first(bool wide) { return wide ? 4 * (i64)sg_local(0) : (i64)sg_local(0); }

/* `rest` where there is no column. */
SG_FN float4 columns_load(const SG_GLOBAL f32 *p, i64 j, i64 c, bool wide, f32 rest) {
    if (wide) return sg_load_4(p + j);
    i64 lanes = sg_locals(0);
    float4 v = sg_splat4(rest);
    v.x = p[j];
    if (j + lanes < c) v.y = p[j + lanes];
    if (j + 2 * lanes < c) v.z = p[j + 2 * lanes];
    if (j + 3 * lanes < c) v.w = p[j + 3 * lanes];
    return v;
}
SG_FN void columns_store(SG_GLOBAL f32 *p, i64 j, i64 c, bool wide, float4 v) {
    if (wide) {
        sg_store_4(p + j, v);
        return;
    }
    i64 lanes = sg_locals(0);
    p[j] = v.x;
    if (j + lanes < c) p[j + lanes] = v.y;
    if (j + 2 * lanes < c) p[j + 2 * lanes] = v.z;
    if (j + 3 * lanes < c) p[j + 3 * lanes] = v.w;
}
#endif
