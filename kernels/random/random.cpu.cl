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
   Work-group: 1, with a piece of the elements, 32 at a time from 8 blocks. Bytes per element: 4 written; dropout 8 per probe. About 20 integer operations per
   element, normal 35 floating-point ones more. Source: Salmon et al. 2011. */
#include "lib/normal.h"
#include "random/probe.h"
#include "lib/cpu/philox.h"
#include "lib/cpu/pieces.h"

#define to_float16(x) sg_convert(x, float16)
SG_NORMAL_PAIR(v16, float16, int16, uint16, as_float16, as_int16, to_float16)

SG_FN void make_bits(sg_random_key key, i64 block, uint16 *low, uint16 *high) { sg_philox_words_v8(key, block, low, high); }

SG_FN void make_uniform(sg_random_key key, i64 block, float16 *low, float16 *high) {
    uint16 a, b;
    sg_philox_words_v8(key, block, &a, &b);
    *low = to_float16(as_int16(a >> 8)) * (float16)(5.9604644775390625e-8f);
    *high = to_float16(as_int16(b >> 8)) * (float16)(5.9604644775390625e-8f);
}

SG_FN void make_rademacher(sg_random_key key, i64 block, float16 *low, float16 *high) {
    uint16 a, b;
    sg_philox_words_v8(key, block, &a, &b);
    *low = as_float16((a & 0x80000000u) | 0x3F800000u);
    *high = as_float16((b & 0x80000000u) | 0x3F800000u);
}

SG_FN void make_normal(sg_random_key key, i64 block, float16 *low, float16 *high) {
    ulong8 a, b;
    sg_philox_v8(key, block, &a, &b);
    /* words 0 and 2 of each block beside each other, then 1 and 3: so the pairs lie in equal lanes */
    float16 cosine, sine;
    sg_normal_pair_v16(sg_low_words(a, b), sg_high_words(a, b), &cosine, &sine);
    *low = __builtin_shufflevector(cosine, sine, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    *high = __builtin_shufflevector(cosine, sine, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

#define RANDOM(NAME, T, V, MAKE)                                                                                 \
    kernel void random_##NAME(const global u32 *state, u32 stream, i64 first, global T *out, i64 n) {            \
        sg_random_key key;                                                                                            \
        sg_random_key_of(state, stream, &key);                                                                        \
        i64 before = first % 32, units = (before + n + 31) / 32, end = sg_unit_end(units); /* units start at blocks divisible by 8 */\
        i32 streams = sg_streams(out - before, n);                                                                    \
        for (i64 unit = sg_unit_begin(units); unit < end; unit++) {                                                   \
            V low, high;                                                                                              \
            MAKE(key, (first / 32 + unit) * 8, &low, &high);                                                          \
            i64 i = unit * 32 - before;                                                                               \
            if (i >= 0 && i + 32 <= n) {                                                                              \
                sg_put16(as_float16(low), (global f32 *)out + i, streams);                                            \
                sg_put16(as_float16(high), (global f32 *)out + i + 16, streams);                                      \
            } else {                                                                                                  \
                T rest[32];                                                                                           \
                vstore16(low, 0, rest);                                                                               \
                vstore16(high, 1, rest);                                                                              \
                for (i64 e = i < 0 ? -i : 0; e < 32 && i + e < n; e++) out[i + e] = rest[e];                          \
            }                                                                                                         \
        }                                                                                                             \
    }

RANDOM(bits_u32, u32, uint16, make_bits)
RANDOM(uniform_f32, f32, float16, make_uniform)
RANDOM(rademacher_f32, f32, float16, make_rademacher)
RANDOM(normal_f32, f32, float16, make_normal)

#define PROBE(NAME, MAKE)                                                                                                               \
    kernel void probe_##NAME(const global i64 *which, const global i64 *segments, i64 count, i64 chunks, i64 probes, global f32 *out) { \
        i64 end = sg_unit_end(probes * chunks);                                                                                         \
        for (i64 unit = sg_unit_begin(probes * chunks); unit < end;) {                                                                  \
            i64 l = sg_probe_segment(segments, count, probes, unit), n = segments[4 * l + 2], across = (n + 31) / 32;                   \
            i64 inside = unit - probes * segments[4 * l + 3], k = inside / across, c = inside % across;                                 \
            i64 last = across - c < end - unit ? across : c + end - unit;                                                               \
            global f32 *to = out + probes * segments[4 * l + 1] + k * n;                                                                \
            i32 drawn = l >= which[1] && l < which[2], streams = sg_streams(to, probes * n);                                            \
            sg_random_key key;                                                                                                          \
            sg_random_key_make((u64)segments[4 * l], (u64)(which[0] + k), &key);                                                        \
            unit += last - c;                                                                                                           \
            for (; c < last; c++) {                                                                                                     \
                float16 low = (float16)(0.0f), high = (float16)(0.0f);                                                                  \
                if (drawn) MAKE(key, c * 8, &low, &high);                                                                               \
                i64 i = c * 32;                                                                                                         \
                if (i + 32 <= n) {                                                                                                      \
                    sg_put16(low, to + i, streams);                                                                                     \
                    sg_put16(high, to + i + 16, streams);                                                                               \
                } else {                                                                                                                \
                    f32 rest[32];                                                                                                       \
                    vstore16(low, 0, rest);                                                                                             \
                    vstore16(high, 1, rest);                                                                                            \
                    for (i32 e = 0; i + e < n; e++) to[i + e] = rest[e];                                                                \
                }                                                                                                                       \
            }                                                                                                                           \
        }                                                                                                                               \
    }

PROBE(rademacher_f32, make_rademacher)
PROBE(normal_f32, make_normal)

kernel void dropout_f32(const global u32 *state, u32 stream, u32 threshold, f32 scale, i64 probes, const global f32 *x, global f32 *y, i64 n) {
    sg_random_key key;
    sg_random_key_of(state, stream, &key);
    i64 end = sg_unit_end((n + 31) / 32);
    i32 streams = sg_streams(y, probes * n) && n % 16 == 0;
    for (i64 unit = sg_unit_begin((n + 31) / 32); unit < end; unit++) {
        uint16 low, high;
        sg_philox_words_v8(key, unit * 8, &low, &high);
        int16 drop_low = low < threshold, drop_high = high < threshold;
        for (i64 k = 0; k < probes; k++) {
            i64 i = unit * 32;
            const global f32 *from = x + k * n + i;
            global f32 *to = y + k * n + i;
            if (i + 32 <= n) {
                sg_put16(drop_low ? (float16)(0.0f) : vload16(0, from) * scale, to, streams);
                sg_put16(drop_high ? (float16)(0.0f) : vload16(1, from) * scale, to + 16, streams);
            } else {
                i32 drop[32];
                vstore16(drop_low, 0, drop);
                vstore16(drop_high, 1, drop);
                for (i32 e = 0; i + e < n; e++) to[e] = drop[e] ? 0.0f : from[e] * scale;
            }
        }
    }
}

kernel void random_state_advance(global u32 *state) {
    u32 low = state[2] + 1u;
    state[2] = low;
    if (low == 0u) state[3] += 1u;
}
