/* One bit per element: the sign mask that ReLU keeps for its later passes.

     relu_forward_mask_f32  y[i] = x[i] < 0 ? 0 : x[i] (NaN stays), bit i = x[i] > 0, in one pass. y may be x
     sign_mask_f32          bit i = x[i] > 0
     mask_apply_f32         out[k n+i] = bit i ? in[k n+i] : 0, K probes under one mask: backward, tangent and tangent of backward alike. out may be in

   x, y: [n]; in, out: [probes, n]; mask: u32[ceil(n / 32)], bit i is bit i % 32 of word i / 32, bits beyond n are 0. Little-endian devices only.
   Work-group: 1, with a piece of the elements, one word of the mask at a time. Bytes per element: 8.125, 4.125, 8 per probe + 0.125. */
#include "lib/cpu/pieces.h"

SG_FN uint16 positive16(float16 v) { return as_uint16(v > 0.0f) & 1u; }

SG_SPECIAL void relu_mask(const global f32 *x, global f32 *y, global u32 *mask, i64 n, const i32 relu) {
    i64 end = sg_unit_end((n + 31) / 32);
    i32 streams = relu && sg_streams(y, n);
    for (i64 unit = sg_unit_begin((n + 31) / 32); unit < end; unit++) {
        i64 i = unit * 32;
        if (i + 32 <= n) {
            float16 a = vload16(0, x + i), b = vload16(1, x + i);
            mask[unit] = sg_bits16(positive16(a)) | sg_bits16(positive16(b)) << 16;
            if (relu) {
                sg_put16(a < 0.0f ? (float16)(0.0f) : a, y + i, streams);
                sg_put16(b < 0.0f ? (float16)(0.0f) : b, y + i + 16, streams);
            }
        } else {
            u32 word = 0;
            for (i32 e = 0; i + e < n; e++) {
                f32 v = x[i + e];
                word |= (v > 0.0f ? 1u : 0u) << e;
                if (relu) y[i + e] = v < 0.0f ? 0.0f : v;
            }
            mask[unit] = word;
        }
    }
}

kernel void relu_forward_mask_f32(const global f32 *x, global f32 *y, global u32 *mask, i64 n) { relu_mask(x, y, mask, n, 1); }

kernel void sign_mask_f32(const global f32 *x, global u32 *mask, i64 n) { relu_mask(x, 0, mask, n, 0); }

kernel void mask_apply_f32(const global u32 *mask, i64 probes, const global f32 *in, global f32 *out, i64 n) {
    const uint16 lane = (uint16)(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768);
    i64 end = sg_unit_end((n + 31) / 32);
    i32 streams = sg_streams(out, probes * n) && n % 16 == 0;
    for (i64 unit = sg_unit_begin((n + 31) / 32); unit < end; unit++) {
        u32 word = mask[unit];
        int16 low = ((uint16)(word) & lane) != 0u, high = ((uint16)(word >> 16) & lane) != 0u;
        i64 i = unit * 32;
        for (i64 k = 0; k < probes; k++) {
            const global f32 *from = in + k * n + i;
            global f32 *to = out + k * n + i;
            if (i + 32 <= n) {
                sg_put16(low ? vload16(0, from) : (float16)(0.0f), to, streams);
                sg_put16(high ? vload16(1, from) : (float16)(0.0f), to + 16, streams);
            } else {
                for (i32 e = 0; i + e < n; e++) to[e] = (word >> e & 1u) != 0u ? from[e] : 0.0f;
            }
        }
    }
}
