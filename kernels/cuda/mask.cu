/* One bit per element: the sign mask that ReLU keeps for its later passes.

     relu_forward_mask_f32  y[i] = x[i] < 0 ? 0 : x[i] (NaN stays), bit i = x[i] > 0, in one pass. y may be x
     sign_mask_f32          bit i = x[i] > 0
     mask_apply_f32         out[k n+i] = bit i ? in[k n+i] : 0, K probes under one mask: backward, tangent and tangent of backward alike. out may be in

   x, y: [n]; in, out: [probes, n]; mask: u32[ceil(n / 32)], bit i is bit i % 32 of word i / 32, bits beyond n are 0. Little-endian devices only.
   Work-group: 256; a work-item has 8 elements, one byte of the mask. Bytes per element: 8.125, 4.125, 8 per probe + 0.125. */
#include "cuda/cuda.cuh"

/* Elements beyond n are 0. */
SG_FN void load8(const f32 *p, i64 i, i64 n, f32 (&v)[8]) {
    if (i + 8 <= n && sg_aligned16(p + i)) {
        float4 a = sg_load4(p + i), b = sg_load4(p + i + 4);
        v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w, v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
    } else {
#pragma unroll
        for (i32 e = 0; e < 8; e++) v[e] = i + e < n ? p[i + e] : 0.0f;
    }
}
SG_FN void store8(f32 *p, i64 i, i64 n, const f32 (&v)[8]) {
    if (i + 8 <= n && sg_aligned16(p + i)) {
        sg_store4(p + i, make_float4(v[0], v[1], v[2], v[3]));
        sg_store4(p + i + 4, make_float4(v[4], v[5], v[6], v[7]));
    } else {
#pragma unroll
        for (i32 e = 0; e < 8; e++) {
            if (i + e < n) p[i + e] = v[e];
        }
    }
}
SG_FN u8 positive8(const f32 (&v)[8]) {
    u32 bits = 0;
#pragma unroll
    for (i32 e = 0; e < 8; e++) {
        if (v[e] > 0.0f) bits |= 1u << e;
    }
    return (u8)bits;
}

extern "C" __global__ void relu_forward_mask_f32(const f32 *x, f32 *y, u32 *mask, i64 n) {
    i64 octet = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (octet >= (n + 31) / 32 * 4) return;
    f32 v[8];
    load8(x, 8 * octet, n, v);
    reinterpret_cast<u8 *>(mask)[octet] = positive8(v);
#pragma unroll
    for (i32 e = 0; e < 8; e++) v[e] = v[e] < 0.0f ? 0.0f : v[e];
    store8(y, 8 * octet, n, v);
}

extern "C" __global__ void sign_mask_f32(const f32 *x, u32 *mask, i64 n) {
    i64 octet = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (octet >= (n + 31) / 32 * 4) return;
    f32 v[8];
    load8(x, 8 * octet, n, v);
    reinterpret_cast<u8 *>(mask)[octet] = positive8(v);
}

extern "C" __global__ void mask_apply_f32(const u32 *mask, i64 probes, const f32 *in, f32 *out, i64 n) {
    i64 octet = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (8 * octet >= n) return;
    u32 bits = reinterpret_cast<const u8 *>(mask)[octet];
    for (i64 k = 0; k < probes; k++) {
        f32 v[8];
        load8(in + k * n, 8 * octet, n, v);
#pragma unroll
        for (i32 e = 0; e < 8; e++) v[e] = (bits >> e & 1u) != 0u ? v[e] : 0.0f;
        store8(out + k * n, 8 * octet, n, v);
    }
}
