/* Random numbers named by (seed, stream, step, element), the same on every device (lib/philox.h): element e takes word e % 4 of Philox block e / 4.

     random_bits_u32        out[i] = word
     random_uniform_f32     out[i] = (word >> 8) 2^-24, in [0, 1)
     random_normal_f32      out[i]: words 0, 1 of a block give elements 0, 1 by Box and Muller, words 2, 3 elements 2, 3 (lib/normal.h)
     random_rademacher_f32  out[i] = -1 if the word's top bit is set, else 1
     dropout_f32            y[k n+i] = v < threshold ? 0 : x[k n+i] scale: one mask for all k. y may be x
     random_state_advance   step += 1
     probe_rademacher_f32   K probe vectors over L parameters: out[K offset + k elements + i] of each parameter is element i of step first + k under the
                            parameter's own key, made as random_rademacher's; so a probe is the same vector whatever K and whichever parameters lie beside
     probe_normal_f32       the same of random_normal's numbers

   state: u32[4] = seed low, seed high, step low, step high. out: [n], element e = first + i, first a multiple of 4. x, y: [probes, n].
   which: [3] = number of the first probe, first parameter drawn, end of the parameters drawn (others get zeros). segments: [L, 4] = key, offset, elements,
   chunks of 32 elements of one vector before it. chunks: of one vector; probes chunks < 2^31. Elements that no parameter has are not written.
   Work-group: 256; a work-item makes 4 elements from one block. Bytes per element: 4 written; dropout 8 per probe. About 20 integer operations per
   element, normal 35 floating-point ones more. Source: Salmon et al. 2011. */
#include "lib/normal.h"
#include "lib/philox.h"
#include "random/probe.h"

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

#define PROBE(NAME, STORE)                                                                                                              \
    kernel void probe_##NAME(const global i64 *which, const global i64 *segments, i64 count, i64 chunks, i64 probes, global f32 *out) { \
        i64 block = (i64)get_global_id(0);                                                                                              \
        if (block >= 8 * probes * chunks) return;                                                                                       \
        i64 unit = block / 8, l = sg_probe_segment(segments, count, probes, unit), n = segments[4 * l + 2];                             \
        u32 inside = (u32)(unit - probes * segments[4 * l + 3]), across = (u32)((n + 31) / 32);                                         \
        i64 k = (i64)(inside / across), i = 32 * (i64)(inside % across) + 4 * (block % 8);                                              \
        if (i >= n) return;                                                                                                             \
        global f32 *to = out + probes * segments[4 * l + 1] + k * n;                                                                    \
        if (l < which[1] || l >= which[2]) {                                                                                            \
            store_floats(to, i, n, 0.0f, 0.0f, 0.0f, 0.0f);                                                                             \
            return;                                                                                                                     \
        }                                                                                                                               \
        sg_random_key key;                                                                                                              \
        sg_random_key_make((u64)segments[4 * l], (u64)(which[0] + k), &key);                                                            \
        sg_philox_words v = sg_philox(key, i / 4);                                                                                      \
        STORE;                                                                                                                          \
    }

PROBE(rademacher_f32, store_floats(to, i, n, sg_sign_f32(v.x), sg_sign_f32(v.y), sg_sign_f32(v.z), sg_sign_f32(v.w)))
PROBE(normal_f32, f32 a; f32 b; f32 c; f32 d; sg_normal_pair_f32(v.x, v.y, &a, &b); sg_normal_pair_f32(v.z, v.w, &c, &d);
      store_floats(to, i, n, a, b, c, d))

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
