/* Random numbers named by (seed, stream, step, element), the same on every device (lib/philox.h): element e takes word e % 4 of Philox block e / 4.

     random_bits_u32        out[i] = word
     random_uniform_f32     out[i] = (word >> 8) 2^-24, in [0, 1)
     random_normal_f32      out[i]: words 0, 1 of a block give elements 0, 1 by Box and Muller, words 2, 3 elements 2, 3 (lib/normal.h)
     random_rademacher_f32  out[i] = -1 if the word's top bit is set, else 1
     dropout_f32            y[k n+i] = word < threshold ? 0 : x[k n+i] scale: one mask for all k. y may be x
     random_state_advance   step += 1
     probe_rademacher_f32   K probe vectors over L parameters: out[K offset + k elements + i] of each parameter is element i of step first + k under the
                            parameter's own key, made as random_rademacher's; so a probe is the same vector whatever K and whichever parameters lie beside
     probe_normal_f32       the same of random_normal's numbers

   state: u32[4] = seed low, seed high, step low, step high. out: [n], element e = first + i, first a multiple of 4. x, y: [probes, n].
   which: [3] = number of the first probe, first parameter drawn, end of the parameters drawn (others get zeros). segments: [L, 4] = key, offset, elements,
   chunks of 32 elements of one vector before it. chunks: of one vector; probes chunks < 2^31. Elements that no parameter has are not written.
   Work-group: 256; a work-item makes 4 elements from one Philox block, and with the key that it has read goes on by the elements of the whole grid, where
   that is smaller than the work; dropout: one block only. A group of probe_* has a run
   of chunks to itself, 32 at a time, so that it stays in one vector for long: the next block is an addition away, and only where a vector ends is a parameter
   searched and a key made. Bytes per element: 4 written; dropout 8 per probe. About 20 integer operations per element, normal 35
   floating-point ones more. Source: Salmon et al. 2011.
   WIDE random_*_*32: 0 loads, 1 store
   WIDE probe_*_f32: 0 loads, 1 store
   WIDE dropout_f32: 1 load, 1 store */
#include "lib/gpu.h"
#include "lib/normal.h"
#include "lib/philox.h"
#include "random/probe.h"

SG_FN void store_words(SG_GLOBAL u32 *out, i64 i, i64 n, uint4 v) {
    if (i + 4 <= n && sg_takes_4(out + i)) {
        sg_store_words_4(out + i, v);
        return;
    }
    out[i] = v.x;
    if (i + 1 < n) out[i + 1] = v.y;
    if (i + 2 < n) out[i + 2] = v.z;
    if (i + 3 < n) out[i + 3] = v.w;
}
SG_FN void store_floats(SG_GLOBAL f32 *out, i64 i, i64 n, f32 a, f32 b, f32 c, f32 d) {
    uint4 v;
    v.x = SG_F32_TO_BITS(a);
    v.y = SG_F32_TO_BITS(b);
    v.z = SG_F32_TO_BITS(c);
    v.w = SG_F32_TO_BITS(d);
    store_words((SG_GLOBAL u32 *)out, i, n, v);
}

#define RANDOM(NAME, T, STORE)                                                                           \
    SG_ENTRY random_##NAME(const SG_GLOBAL u32 *state, u32 stream, i64 first, SG_GLOBAL T *out, i64 n) { \
        sg_random_key key;                                                                               \
        sg_random_key_of(state, stream, &key);                                                           \
        i64 step = 4 * sg_all_items();                                                                   \
        for (i64 i = 4 * sg_item(); i < n; i += step) {                                                  \
            sg_philox_words v = sg_philox(key, (first + i) / 4);                                         \
            STORE;                                                                                       \
        }                                                                                                \
    }

RANDOM(bits_u32, u32, store_words(out, i, n, v))
RANDOM(uniform_f32, f32, store_floats(out, i, n, sg_unit_f32(v.x), sg_unit_f32(v.y), sg_unit_f32(v.z), sg_unit_f32(v.w)))
RANDOM(rademacher_f32, f32, store_floats(out, i, n, sg_sign_f32(v.x), sg_sign_f32(v.y), sg_sign_f32(v.z), sg_sign_f32(v.w)))
RANDOM(normal_f32, f32, f32 a; f32 b; f32 c; f32 d; sg_normal_pair_f32(v.x, v.y, &a, &b); sg_normal_pair_f32(v.z, v.w, &c, &d);
       store_floats(out, i, n, a, b, c, d))

/* chunk: of all, below `end` in the parameter l; place: of the chunk in the vector of its probe k, `across` chunks long. */
#define PROBE(NAME, MAKE)                                                                                                                     \
    SG_ENTRY probe_##NAME(const SG_GLOBAL i64 *which, const SG_GLOBAL i64 *segments, i64 count, i64 chunks, i64 probes, SG_GLOBAL f32 *out) { \
        u32 all = (u32)(probes * chunks), step = sg_locals(0) / 8, share = (all + sg_groups(0) - 1) / sg_groups(0);                           \
        u32 begin = sg_group(0) * share, stop = begin + share < all ? begin + share : all, end = 0, across = 0, place = 0, k = 0;             \
        i64 l = 0, n = 0;                                                                                                                     \
        i32 drawn = 0;                                                                                                                        \
        SG_GLOBAL f32 *vector = out;                                                                                                          \
        sg_random_key key;                                                                                                                    \
        sg_random_key_make(0, 0, &key);                                                                                                       \
        for (u32 chunk = begin + sg_local(0) / 8; chunk < stop; chunk += step, place += step) {                                               \
            if (place >= across) {                                                                                                            \
                if (chunk >= end) {                                                                                                           \
                    l = sg_probe_segment(segments, count, probes, chunk);                                                                     \
                    n = segments[4 * l + 2];                                                                                                  \
                    end = l + 1 < count ? (u32)(probes * segments[4 * l + 7]) : all;                                                          \
                    across = (u32)((n + 31) / 32);                                                                                            \
                    place = chunk - (u32)(probes * segments[4 * l + 3]);                                                                      \
                    k = 0;                                                                                                                    \
                }                                                                                                                             \
                k += place / across;                                                                                                          \
                place %= across;                                                                                                              \
                drawn = l >= which[1] && l < which[2];                                                                                        \
                vector = out + probes * segments[4 * l + 1] + k * n;                                                                          \
                sg_random_key_make((u64)segments[4 * l], (u64)(which[0] + k), &key);                                                          \
            }                                                                                                                                 \
            i64 i = 32 * (i64)place + 4 * (sg_local(0) % 8);                                                                                  \
            if (i >= n) continue;                                                                                                             \
            f32 a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f;                                                                                       \
            if (drawn) {                                                                                                                      \
                sg_philox_words v = sg_philox(key, i / 4);                                                                                    \
                MAKE;                                                                                                                         \
            }                                                                                                                                 \
            if (i + 4 <= n && sg_takes_4(vector + i)) {                                                                                       \
                sg_store_4(vector + i, sg_make_4(a, b, c, d));                                                                                \
            } else {                                                                                                                          \
                vector[i] = a;                                                                                                                \
                if (i + 1 < n) vector[i + 1] = b;                                                                                             \
                if (i + 2 < n) vector[i + 2] = c;                                                                                             \
                if (i + 3 < n) vector[i + 3] = d;                                                                                             \
            }                                                                                                                                 \
        }                                                                                                                                     \
    }

PROBE(rademacher_f32, a = sg_sign_f32(v.x); b = sg_sign_f32(v.y); c = sg_sign_f32(v.z); d = sg_sign_f32(v.w))
PROBE(normal_f32, sg_normal_pair_f32(v.x, v.y, &a, &b); sg_normal_pair_f32(v.z, v.w, &c, &d))

SG_ENTRY dropout_f32(const SG_GLOBAL u32 *state, u32 stream, u32 threshold, f32 scale, i64 probes, const SG_GLOBAL f32 *x, SG_GLOBAL f32 *y, i64 n) {
    i64 i = 4 * sg_item();
    if (i >= n) return;
    sg_random_key key;
    sg_random_key_of(state, stream, &key);
    sg_philox_words v = sg_philox(key, i / 4);
    i32 drop0 = v.x < threshold, drop1 = v.y < threshold, drop2 = v.z < threshold, drop3 = v.w < threshold;
    for (i64 k = 0; k < probes; k++) {
        const SG_GLOBAL f32 *from = x + k * n + i;
        SG_GLOBAL f32 *to = y + k * n + i;
        if (i + 4 <= n && sg_takes_4(from) && sg_takes_4(to)) {
            float4 a = sg_load_4(from);
            sg_store_4(to, sg_make_4(drop0 ? 0.0f : a.x * scale, drop1 ? 0.0f : a.y * scale, drop2 ? 0.0f : a.z * scale, drop3 ? 0.0f : a.w * scale));
        } else {
            to[0] = drop0 ? 0.0f : from[0] * scale;
            if (i + 1 < n) to[1] = drop1 ? 0.0f : from[1] * scale;
            if (i + 2 < n) to[2] = drop2 ? 0.0f : from[2] * scale;
            if (i + 3 < n) to[3] = drop3 ? 0.0f : from[3] * scale;
        }
    }
}

SG_ENTRY random_state_advance(SG_GLOBAL u32 *state) {
    if (sg_item() > 0) return;
    u32 low = state[2] + 1u;
    state[2] = low;
    if (low == 0u) state[3] += 1u;
}
