/* One bit per element: the sign mask that ReLU keeps for its later passes.

     relu_forward_mask_f32  y[i] = x[i] < 0 ? 0 : x[i] (NaN stays), bit i = x[i] > 0, in one pass. y may be x
     sign_mask_f32          bit i = x[i] > 0
     mask_apply_f32         out[k n+i] = bit i ? in[k n+i] : 0, K probes under one mask: backward, tangent and tangent of backward alike. out may be in

   x, y: [n]; in, out: [probes, n]; mask: u32[ceil(n / 32)], bit i is bit i % 32 of word i / 32, bits beyond n are 0. Little-endian devices only.
   Block: 256. A warp has 256 elements, 32 bytes of the mask; lane l of it elements 4 l .. 4 l + 3 and 128 + 4 l .. 128 + 4 l + 3, so that every access of a warp
   fills whole sectors. Bytes per element: 8.125, 4.125, 8 per probe + 0.125.
   WIDE relu_forward_mask_f32 mask_apply_f32: 3 loads, 3 stores
   WIDE sign_mask_f32: 3 loads, 0 stores
   DIALECT: neighbouring lanes put a byte of the mask together by a shuffle, so that a warp's accesses fill whole sectors; OpenCL 1.2 has none, there a
   work-item has the 8 neighbours of a byte. */
#include "lib/cuda/wide.cuh"

#define WARP_ELEMENTS 256
#define SECOND 128 /* from a lane's first four elements to the other four */

SG_FN i64 warp_of_grid() { return ((i64)blockIdx.x * blockDim.x + threadIdx.x) / SG_WARP; }

/* Elements beyond n are 0. */
SG_FN void load_fours(const f32 *p, i64 i, i64 n, float4 &v, float4 &w) {
    bool wide = sg_aligned16(p);
    if (wide && i + SECOND + 4 <= n) {
        v = ptx_ld_global_f32x4(p + i);
        w = ptx_ld_global_f32x4(p + i + SECOND);
    } else {
        v = sg_load_up_to_4(p, i, n, wide, 0.0f);
        w = sg_load_up_to_4(p, i + SECOND, n, wide, 0.0f);
    }
}
SG_FN void store_fours(f32 *p, i64 i, i64 n, float4 v, float4 w) {
    bool wide = sg_aligned16(p);
    if (wide && i + SECOND + 4 <= n) {
        ptx_st_global_f32x4(p + i, v);
        ptx_st_global_f32x4(p + i + SECOND, w);
    } else {
        sg_store_up_to_4(p, i, n, wide, v);
        sg_store_up_to_4(p, i + SECOND, n, wide, w);
    }
}

SG_FN u32 positive(float4 v) { return (v.x > 0.0f ? 1u : 0u) | (v.y > 0.0f ? 2u : 0u) | (v.z > 0.0f ? 4u : 0u) | (v.w > 0.0f ? 8u : 0u); }
/* Of two neighbouring lanes the even one stores the byte of their first fours, the odd one that of the others. All lanes call. */
SG_FN void store_mask(u32 *mask, i64 n, float4 v, float4 w) {
    u32 first = positive(v), second = positive(w), odd = sg_lane() % 2;
    u32 other = __shfl_xor_sync(SG_FULL_MASK, odd ? first : second, 1);
    i64 byte = warp_of_grid() * (WARP_ELEMENTS / 8) + odd * (SECOND / 8) + sg_lane() / 2;
    if (byte < (n + 31) / 32 * 4) reinterpret_cast<u8 *>(mask)[byte] = (u8)(odd ? other | second << 4 : first | other << 4);
}

SG_FN float4 relu4(float4 v) { return make_float4(v.x < 0.0f ? 0.0f : v.x, v.y < 0.0f ? 0.0f : v.y, v.z < 0.0f ? 0.0f : v.z, v.w < 0.0f ? 0.0f : v.w); }

extern "C" __global__ void __launch_bounds__(256) relu_forward_mask_f32(const f32 *x, f32 *y, u32 *mask, i64 n) {
    i64 begin = warp_of_grid() * WARP_ELEMENTS, i = begin + 4 * sg_lane();
    if (begin >= n) return; /* the whole warp */
    float4 v, w;
    load_fours(x, i, n, v, w);
    store_mask(mask, n, v, w);
    store_fours(y, i, n, relu4(v), relu4(w));
}

extern "C" __global__ void __launch_bounds__(256) sign_mask_f32(const f32 *x, u32 *mask, i64 n) {
    i64 begin = warp_of_grid() * WARP_ELEMENTS;
    if (begin >= n) return;
    float4 v, w;
    load_fours(x, begin + 4 * sg_lane(), n, v, w);
    store_mask(mask, n, v, w);
}

SG_FN float4 keep4(u32 bits, float4 v) {
    return make_float4((bits & 1u) != 0u ? v.x : 0.0f, (bits & 2u) != 0u ? v.y : 0.0f, (bits & 4u) != 0u ? v.z : 0.0f, (bits & 8u) != 0u ? v.w : 0.0f);
}

extern "C" __global__ void __launch_bounds__(256) mask_apply_f32(const u32 *mask, i64 probes, const f32 *in, f32 *out, i64 n) {
    i64 i = warp_of_grid() * WARP_ELEMENTS + 4 * sg_lane();
    if (i >= n) return;
    const u8 *bytes = reinterpret_cast<const u8 *>(mask);
    u32 first = bytes[i / 8], second = i + SECOND < n ? bytes[(i + SECOND) / 8] : 0u, shift = i % 8; /* 0 or 4 */
    first >>= shift;
    second >>= shift;
    for (i64 k = 0; k < probes; k++) {
        float4 v, w;
        load_fours(in + k * n, i, n, v, w);
        store_fours(out + k * n, i, n, keep4(first, v), keep4(second, w));
    }
}
