/* Four neighbouring elements per thread: 16-byte accesses where the address allows, single ones elsewhere and at the end. */
#ifndef SG_WIDE_CUH
#define SG_WIDE_CUH
#include "cuda/cuda.cuh"

SG_FN float4 operator+(float4 a, float4 b) { return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }
SG_FN float4 operator*(float4 a, float4 b) { return make_float4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w); }
SG_FN float4 operator*(f32 a, float4 b) { return make_float4(a * b.x, a * b.y, a * b.z, a * b.w); }
SG_FN float4 sg_fma4(float4 a, float4 b, float4 c) {
    return make_float4(fmaf(a.x, b.x, c.x), fmaf(a.y, b.y, c.y), fmaf(a.z, b.z, c.z), fmaf(a.w, b.w, c.w));
}
SG_FN float4 sg_splat4(f32 a) { return make_float4(a, a, a, a); }
#define SG_EACH4(f, v) make_float4(f((v).x), f((v).y), f((v).z), f((v).w))

/* Elements i .. i + 3 of p, `rest` from n on. `wide`: p + i is 16-byte aligned. */
SG_FN float4 sg_load_up_to_4(const f32 *p, i64 i, i64 n, bool wide, f32 rest) {
    if (wide && i + 4 <= n) return sg_load4(p + i);
    float4 v = sg_splat4(rest);
    if (i < n) v.x = p[i];
    if (i + 1 < n) v.y = p[i + 1];
    if (i + 2 < n) v.z = p[i + 2];
    if (i + 3 < n) v.w = p[i + 3];
    return v;
}
SG_FN void sg_store_up_to_4(f32 *p, i64 i, i64 n, bool wide, float4 v) {
    if (wide && i + 4 <= n) {
        sg_store4(p + i, v);
        return;
    }
    if (i < n) p[i] = v.x;
    if (i + 1 < n) p[i + 1] = v.y;
    if (i + 2 < n) p[i + 2] = v.z;
    if (i + 3 < n) p[i + 3] = v.w;
}

#endif
