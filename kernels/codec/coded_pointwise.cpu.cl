/* The backward pass of an elementwise function from the codes of its input, for CPU devices: formulas, arguments and bits as in codec/coded_pointwise.gpu.cl.

   Work-group: 1, with a run of groups. A group is unpacked to the first-level cache and read from there, so x is never in memory. Bytes per element, bits = 4,
   group = 256: 8.5, where unpacking first moves 16.5. */
#include "codec/codec.h"
#include "codec/codec_cpu.h"
#include "lib/cpu/vector.h"

#define CODED_MOST 1024 /* the longest group */

/* x of the group whose codes begin at `at`; what stands beyond its end is no element. */
SG_SPECIAL void coded_unpack(const i32 bits, const global u8 *at, f32 minimum, f32 step, i32 group, f32 *x) {
    for (i32 i = 0; i < group; i += 16) {
        uint16 code = codec_get16(bits, at + i / 8 * bits);
        vstore16(fma(sg_convert(as_int16(code), float16), (float16)(step), (float16)(minimum)), 0, x + i);
    }
}

/* The last group when it is short: no word beyond its codes is read. */
SG_FN void coded_unpack_short(const global u32 *codes, i32 bits, f32 minimum, f32 step, i64 begin, i64 n, f32 *x) {
    for (i64 i = begin; i < n; i++) x[i - begin] = sg_fma((f32)(codes[i * bits / 32] >> (u32)(i * bits % 32) & ((1u << bits) - 1u)), step, minimum);
    for (i64 i = n - begin; i % 16 != 0; i++) x[i] = 0.0f;
}

#define CODED(CODE, NAME)                                                                                                                          \
    kernel void coded_##NAME##_backward_f32(const global u32 *codes, const global u32 *metadata, const global f32 *dy, global f32 *dx, i32 bits,   \
                                            i32 group, i64 n) {                                                                                    \
        f32 x[CODED_MOST] __attribute__((aligned(64)));                                                                                            \
        bool stream = dy != dx && sg_worth_streaming(dx, n);                                                                                       \
        i64 groups = (n + group - 1) / group, last = sg_unit_end(groups);                                                                          \
        for (i64 g = sg_unit_begin(groups); g < last; g++) {                                                                                       \
            f32 minimum = SG_BITS_TO_F32(metadata[g] << 16), step = SG_BITS_TO_F32(metadata[g] & 0xFFFF0000u);                                     \
            i64 begin = g * group, end = min(begin + group, n);                                                                                    \
            const global u8 *at = (const global u8 *)codes + begin / 8 * bits;                                                                     \
            if (end - begin < group) coded_unpack_short(codes, bits, minimum, step, begin, n, x);                                                  \
            else if (bits == 8) coded_unpack(8, at, minimum, step, group, x);                                                                      \
            else if (bits == 4) coded_unpack(4, at, minimum, step, group, x);                                                                      \
            else if (bits == 2) coded_unpack(2, at, minimum, step, group, x);                                                                      \
            else coded_unpack(1, at, minimum, step, group, x);                                                                                     \
            i64 i = begin;                                                                                                                         \
            for (; i + 16 <= end; i += 16) sg_store_v16(vload16(0, dy + i) * NAME##_d1_v16(vload16(0, x + (i - begin))), dx + i, stream);          \
            if (i < end) sg_store_part(sg_load_part(dy + i, end - i, 0.0f) * NAME##_d1_v16(vload16(0, x + (i - begin))), dx + i, end - i);         \
        }                                                                                                                                          \
    }

SG_SMOOTH_FUNCTIONS(CODED)
