/* Random numbers named by (seed, stream, step, element), the same on every device (common/philox.h): element e takes word e % 4 of Philox block e / 4.

     random_bits_u32        out[i] = word
     random_uniform_f32     out[i] = (word >> 8) 2^-24, in [0, 1)
     random_normal_f32      out[i]: words 0, 1 of a block give elements 0, 1 by Box and Muller, words 2, 3 elements 2, 3 (common/normal.h)
     random_rademacher_f32  out[i] = -1 if the word's top bit is set, else 1
     dropout_f32            y[k n+i] = v < threshold ? 0 : x[k n+i] scale: one mask for all k. y may be x
     random_state_advance   step += 1

   state: u32[4] = seed low, seed high, step low, step high. out: [n], element e = first + i, first a multiple of 4. x, y: [probes, n].
   Work-group: 256; a work-item makes 4 elements from one block. Bytes per element: 4 written; dropout 8 per probe. About 20 integer operations per
   element, normal 35 floating-point ones more. Source: Salmon et al. 2011. */
#include "common/normal.h"
#include "common/philox.h"

SG_FN void store_words(global u32 *out, i64 i, i64 n, uint4 v) {
    if (i + 4 <= n) {
        vstore4(v, 0, out + i);
        return;
    }
    out[i] = v.x;
    if (i + 1 < n) out[i + 1] = v.y;
    if (i + 2 < n) out[i + 2] = v.z;
}
SG_FN void store_floats(global f32 *out, i64 i, i64 n, f32 a, f32 b, f32 c, f32 d) {
    store_words((global u32 *)out, i, n, as_uint4((float4)(a, b, c, d)));
}

#define RANDOM(NAME, T, STORE)                                                                                  \
    kernel void random_##NAME(const global u32 *state, u32 stream, i64 first, global T *out, i64 n) {           \
        i64 i = 4 * (i64)get_global_id(0);                                                                      \
        if (i >= n) return;                                                                                     \
        sg_random_key key;                                                                                      \
        sg_random_key_of(state, stream, &key);                                                                  \
        sg_philox_words v = sg_philox(key, (first + i) / 4);                                                    \
        STORE;                                                                                                  \
    }

RANDOM(bits_u32, u32, store_words(out, i, n, v))
RANDOM(uniform_f32, f32, store_floats(out, i, n, sg_unit_f32(v.x), sg_unit_f32(v.y), sg_unit_f32(v.z), sg_unit_f32(v.w)))
RANDOM(rademacher_f32, f32, store_floats(out, i, n, sg_sign_f32(v.x), sg_sign_f32(v.y), sg_sign_f32(v.z), sg_sign_f32(v.w)))
RANDOM(normal_f32, f32, f32 a; f32 b; f32 c; f32 d; sg_normal_pair_f32(v.x, v.y, &a, &b); sg_normal_pair_f32(v.z, v.w, &c, &d);
       store_floats(out, i, n, a, b, c, d))

kernel void dropout_f32(const global u32 *state, u32 stream, u32 threshold, f32 scale, i64 probes, const global f32 *x, global f32 *y, i64 n) {
    i64 i = 4 * (i64)get_global_id(0);
    if (i >= n) return;
    sg_random_key key;
    sg_random_key_of(state, stream, &key);
    sg_philox_words v = sg_philox(key, i / 4);
    for (i64 k = 0; k < probes; k++) {
        const global f32 *from = x + k * n + i;
        global f32 *to = y + k * n + i;
        if (i + 4 <= n) {
            float4 kept = vload4(0, from) * scale;
            vstore4(v < threshold ? (float4)(0.0f) : kept, 0, to);
        } else {
            to[0] = v.s0 < threshold ? 0.0f : from[0] * scale;
            if (i + 1 < n) to[1] = v.s1 < threshold ? 0.0f : from[1] * scale;
            if (i + 2 < n) to[2] = v.s2 < threshold ? 0.0f : from[2] * scale;
        }
    }
}

kernel void random_state_advance(global u32 *state) {
    if (get_global_id(0) > 0) return;
    u32 low = state[2] + 1u;
    state[2] = low;
    if (low == 0u) state[3] += 1u;
}
