/* Four neighbouring elements per work-item: 16-byte accesses where the address allows, single ones elsewhere and at the end. */
#ifndef SG_LIB_OPENCL_WIDE_H
#define SG_LIB_OPENCL_WIDE_H
#include "lib/dialect.h"

#define SG_EACH4(f, v) (float4)(f((v).x), f((v).y), f((v).z), f((v).w))

SG_FN bool sg_aligned16(const global void *p) { return ((u64)p & 15) == 0; }

/* Elements i .. i + 3 of p, `rest` from n on. `wide`: p + i is 16-byte aligned. */
SG_FN float4 sg_load_up_to_4(const global f32 *p, i64 i, i64 n, bool wide, f32 rest) {
    if (wide && i + 4 <= n) return *(const global float4 *)(p + i);
    float4 v = (float4)(rest);
    if (i < n) v.x = p[i];
    if (i + 1 < n) v.y = p[i + 1];
    if (i + 2 < n) v.z = p[i + 2];
    if (i + 3 < n) v.w = p[i + 3];
    return v;
}
SG_FN void sg_store_up_to_4(global f32 *p, i64 i, i64 n, bool wide, float4 v) {
    if (wide && i + 4 <= n) {
        *(global float4 *)(p + i) = v;
        return;
    }
    if (i < n) p[i] = v.x;
    if (i + 1 < n) p[i + 1] = v.y;
    if (i + 2 < n) p[i + 2] = v.z;
    if (i + 3 < n) p[i + 3] = v.w;
}

#endif
