/* The backward pass of an elementwise function from the codes of its input, as the activation codec stores them (codec/codec.h, bf16 metadata): what
   codec_unpackB_bf16 and NAME_backward_f32 compute one after the other, the same bits, without x in memory.

     coded_NAME_backward_f32   dx[i] = dy[i] s'(x[i]),  x[i] = minimum + step codes[i] rounded once

   codes: u32[ceil(n bits / 32)], element i in bits i bits % 32 .. of word i bits / 32, lowest first. metadata: u32[ceil(n / group)], the bf16 minimum in the
   low half and the bf16 step in the high one. dy, dx: [n]; dx may be dy. bits: 1, 2, 4 or 8; group: 64 to 1024, a power of two.
   Work-group: 256; a work-item makes 8 elements of one group: `bits` bytes of codes, two 16-byte accesses of dy and of dx.
   Bytes per element, bits = 4, group = 256: 8.5, where unpacking first moves 16.5. About 30 flops (gelu). Source: the chain rule.
   Predicted on an H100 (90 % of 3.0 TB/s): 213 us for 64 Mi elements at 4 bits; the two kernels that it replaces take 372 (measured).
   WIDE coded_*: 2 loads, 2 stores */
#include "codec/codec.h"
#include "lib/functions.h"
#include "lib/gpu.h"

/* Codes of elements 8 unit .. 8 unit + 7, lowest first. Words beyond the last hold nothing. */
SG_FN u64 coded_eight(const SG_GLOBAL u32 *codes, i64 unit, i32 bits, i64 n) {
    i64 at = unit * bits / 4;
    if (bits == 8) {
        u64 low = codes[at];
        return 8 * unit + 4 < n ? low | (u64)codes[at + 1] << 32 : low;
    }
    return (codes[at] >> (u32)(8 * bits * (unit % (4 / bits)))) & (u32)((1ul << 8 * bits) - 1ul);
}

SG_FN f32 coded_value(u64 word, i32 e, i32 bits, f32 minimum, f32 step) {
    f32 code = (f32)(u32)(word >> bits * e & ((1u << bits) - 1u));
    return minimum != minimum ? SG_BITS_TO_F32(SG_CODEC_NAN) : sg_fma(code, step, minimum);
}

#define CODED(CODE, NAME)                                                                                                                          \
    SG_KERNEL(256) coded_##NAME##_backward_f32(const SG_GLOBAL u32 *codes, const SG_GLOBAL u32 *metadata, const SG_GLOBAL f32 *dy,             \
                                               SG_GLOBAL f32 *dx, i32 bits, i32 group, i64 n) {                                              \
        i64 unit = sg_item(), i = 8 * unit;                                                                                                  \
        if (i >= n) return;                                                                                                                  \
        u32 grid = metadata[i / group];                                                                                                      \
        f32 minimum = SG_BITS_TO_F32(grid << 16), step = SG_BITS_TO_F32(grid & 0xFFFF0000u);                                                 \
        u64 word = coded_eight(codes, unit, bits, n);                                                                                        \
        f32 d[8];                                                                                                                            \
        for (i32 e = 0; e < 8; e++) d[e] = NAME##_d1(coded_value(word, e, bits, minimum, step));                                             \
        if (i + 8 <= n && sg_takes_4(dy) && sg_takes_4(dx)) {                                                                                \
            float4 a = sg_load_4(dy + i), b = sg_load_4(dy + i + 4);                                                                         \
            sg_store_4(dx + i, sg_make_4(a.x * d[0], a.y * d[1], a.z * d[2], a.w * d[3]));                                                   \
            sg_store_4(dx + i + 4, sg_make_4(b.x * d[4], b.y * d[5], b.z * d[6], b.w * d[7]));                                               \
        } else {                                                                                                                             \
            for (i32 e = 0; e < 8 && i + e < n; e++) dx[i + e] = dy[i + e] * d[e];                                                           \
        }                                                                                                                                    \
    }

SG_SMOOTH_FUNCTIONS(CODED)
