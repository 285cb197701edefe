/* One bit per element: the sign mask that ReLU keeps for its later passes.

     relu_forward_mask_f32  y[i] = x[i] < 0 ? 0 : x[i] (NaN stays), bit i = x[i] > 0, in one pass. y may be x
     sign_mask_f32          bit i = x[i] > 0
     mask_apply_f32         out[k n+i] = bit i ? in[k n+i] : 0, K probes under one mask: backward, tangent and tangent of backward alike. out may be in

   x, y: [n]; in, out: [probes, n]; mask: u32[ceil(n / 32)], bit i is bit i % 32 of word i / 32, bits beyond n are 0. Little-endian devices only.
   Work-group: 256; a work-item has 8 elements, one byte of the mask. Bytes per element: 8.125, 4.125, 8 per probe + 0.125. */
#include "lib/dialect.h"

/* Elements beyond n are 0. */
SG_FN float8 load8(const global f32 *p, i64 i, i64 n) {
    if (i + 8 <= n) return vload8(0, p + i);
    f32 v[8];
    for (i32 e = 0; e < 8; e++) v[e] = i + e < n ? p[i + e] : 0.0f;
    return vload8(0, v);
}
SG_FN void store8(global f32 *p, i64 i, i64 n, float8 values) {
    if (i + 8 <= n) {
        vstore8(values, 0, p + i);
        return;
    }
    f32 v[8];
    vstore8(values, 0, v);
    for (i32 e = 0; e < 8 && i + e < n; e++) p[i + e] = v[e];
}
SG_FN u8 positive8(float8 v) {
    u32 bits = (v.s0 > 0.0f ? 1u : 0u) | (v.s1 > 0.0f ? 2u : 0u) | (v.s2 > 0.0f ? 4u : 0u) | (v.s3 > 0.0f ? 8u : 0u);
    bits |= (v.s4 > 0.0f ? 16u : 0u) | (v.s5 > 0.0f ? 32u : 0u) | (v.s6 > 0.0f ? 64u : 0u) | (v.s7 > 0.0f ? 128u : 0u);
    return (u8)bits;
}

kernel void relu_forward_mask_f32(const global f32 *x, global f32 *y, global u32 *mask, i64 n) {
    i64 octet = (i64)get_global_id(0);
    if (octet >= (n + 31) / 32 * 4) return;
    float8 v = load8(x, 8 * octet, n);
    ((global u8 *)mask)[octet] = positive8(v);
    store8(y, 8 * octet, n, v < 0.0f ? (float8)(0.0f) : v);
}

kernel void sign_mask_f32(const global f32 *x, global u32 *mask, i64 n) {
    i64 octet = (i64)get_global_id(0);
    if (octet >= (n + 31) / 32 * 4) return;
    ((global u8 *)mask)[octet] = positive8(load8(x, 8 * octet, n));
}

kernel void mask_apply_f32(const global u32 *mask, i64 probes, const global f32 *in, global f32 *out, i64 n) {
    i64 octet = (i64)get_global_id(0);
    if (8 * octet >= n) return;
    int8 bits = ((int8)(((const global u8 *)mask)[octet]) & (int8)(1, 2, 4, 8, 16, 32, 64, 128)) != 0;
    for (i64 k = 0; k < probes; k++) store8(out + k * n, 8 * octet, n, bits ? load8(in + k * n, 8 * octet, n) : (float8)(0.0f));
}
