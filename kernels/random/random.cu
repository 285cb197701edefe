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
   Block: 256; a thread makes 4 elements from one Philox block, and with the key that it has read goes on by the elements of the whole grid; dropout: one
   block only. Bytes per element: 4 written; dropout 8 per probe. About 20 integer operations per element, normal 35 floating-point ones more.
   Source: Salmon et al. 2011.
   WIDE random_*_*32: 0 loads, 1 store
   WIDE probe_*_f32: 0 loads, 1 store
   WIDE dropout_f32: 1 load, 1 store
   DIALECT: 16-byte stores through PTX. */
#include "lib/normal.h"
#include "lib/philox.h"
#include "random/probe.h"
#include "lib/cuda/cuda.cuh"
#include "lib/cuda/ptx.cuh"

SG_FN void store_words(u32 *out, i64 i, i64 n, uint4 v) {
    if (i + 4 <= n && sg_aligned16(out + i)) {
        *reinterpret_cast<uint4 *>(out + i) = v;
        return;
    }
    out[i] = v.x;
    if (i + 1 < n) out[i + 1] = v.y;
    if (i + 2 < n) out[i + 2] = v.z;
    if (i + 3 < n) out[i + 3] = v.w;
}
SG_FN void store_floats(f32 *out, i64 i, i64 n, f32 a, f32 b, f32 c, f32 d) {
    store_words(reinterpret_cast<u32 *>(out), i, n, make_uint4(__float_as_uint(a), __float_as_uint(b), __float_as_uint(c), __float_as_uint(d)));
}

#define RANDOM(NAME, T, STORE)                                                                                       \
    extern "C" __global__ void random_##NAME(const u32 *state, u32 stream, i64 first, T *out, i64 n) {               \
        sg_random_key key;                                                                                           \
        sg_random_key_of(state, stream, &key);                                                                       \
        i64 step = 4 * (i64)gridDim.x * blockDim.x;                                                                  \
        for (i64 i = 4 * ((i64)blockIdx.x * blockDim.x + threadIdx.x); i < n; i += step) {                           \
            sg_philox_words v = sg_philox(key, (first + i) / 4);                                                     \
            STORE;                                                                                                   \
        }                                                                                                            \
    }

RANDOM(bits_u32, u32, store_words(out, i, n, v))
RANDOM(uniform_f32, f32, store_floats(out, i, n, sg_unit_f32(v.x), sg_unit_f32(v.y), sg_unit_f32(v.z), sg_unit_f32(v.w)))
RANDOM(rademacher_f32, f32, store_floats(out, i, n, sg_sign_f32(v.x), sg_sign_f32(v.y), sg_sign_f32(v.z), sg_sign_f32(v.w)))
RANDOM(normal_f32, f32, f32 a; f32 b; f32 c; f32 d; sg_normal_pair_f32(v.x, v.y, &a, &b); sg_normal_pair_f32(v.z, v.w, &c, &d);
       store_floats(out, i, n, a, b, c, d))

#define PROBE(NAME, MAKE)                                                                                                         \
    extern "C" __global__ void probe_##NAME(const i64 *which, const i64 *segments, i64 count, i64 chunks, i64 probes, f32 *out) { \
        i64 step = (i64)gridDim.x * blockDim.x;                                                                                   \
        for (i64 block = (i64)blockIdx.x * blockDim.x + threadIdx.x; block < 8 * probes * chunks; block += step) {                \
            i64 unit = block / 8, l = sg_probe_segment(segments, count, probes, unit), n = segments[4 * l + 2];                   \
            u32 inside = (u32)(unit - probes * segments[4 * l + 3]), across = (u32)((n + 31) / 32);                               \
            i64 k = (i64)(inside / across), i = 32 * (i64)(inside % across) + 4 * (block % 8);                                    \
            if (i >= n) continue;                                                                                                 \
            float4 made = make_float4(0.0f, 0.0f, 0.0f, 0.0f);                                                                    \
            if (l >= which[1] && l < which[2]) {                                                                                  \
                sg_random_key key;                                                                                                \
                sg_random_key_make((u64)segments[4 * l], (u64)(which[0] + k), &key);                                              \
                sg_philox_words v = sg_philox(key, i / 4);                                                                        \
                MAKE;                                                                                                             \
            }                                                                                                                     \
            f32 *to = out + probes * segments[4 * l + 1] + k * n + i;                                                             \
            if (i + 4 <= n && sg_aligned16(to)) {                                                                                 \
                ptx_st_global_f32x4(to, made);                                                                                    \
            } else {                                                                                                              \
                to[0] = made.x;                                                                                                   \
                if (i + 1 < n) to[1] = made.y;                                                                                    \
                if (i + 2 < n) to[2] = made.z;                                                                                    \
                if (i + 3 < n) to[3] = made.w;                                                                                    \
            }                                                                                                                     \
        }                                                                                                                         \
    }

PROBE(rademacher_f32, made = make_float4(sg_sign_f32(v.x), sg_sign_f32(v.y), sg_sign_f32(v.z), sg_sign_f32(v.w)))
PROBE(normal_f32, sg_normal_pair_f32(v.x, v.y, &made.x, &made.y); sg_normal_pair_f32(v.z, v.w, &made.z, &made.w))

extern "C" __global__ void dropout_f32(const u32 *state, u32 stream, u32 threshold, f32 scale, i64 probes, const f32 *x, f32 *y, i64 n) {
    i64 i = 4 * ((i64)blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= n) return;
    sg_random_key key;
    sg_random_key_of(state, stream, &key);
    sg_philox_words v = sg_philox(key, i / 4);
    bool drop0 = v.x < threshold, drop1 = v.y < threshold, drop2 = v.z < threshold, drop3 = v.w < threshold;
    for (i64 k = 0; k < probes; k++) {
        const f32 *from = x + k * n + i;
        f32 *to = y + k * n + i;
        if (i + 4 <= n && sg_aligned16(from) && sg_aligned16(to)) {
            float4 a = ptx_ld_global_f32x4(from);
            ptx_st_global_f32x4(to, make_float4(drop0 ? 0.0f : a.x * scale, drop1 ? 0.0f : a.y * scale, drop2 ? 0.0f : a.z * scale,
                                      drop3 ? 0.0f : a.w * scale));
        } else {
            to[0] = drop0 ? 0.0f : from[0] * scale;
            if (i + 1 < n) to[1] = drop1 ? 0.0f : from[1] * scale;
            if (i + 2 < n) to[2] = drop2 ? 0.0f : from[2] * scale;
            if (i + 3 < n) to[3] = drop3 ? 0.0f : from[3] * scale;
        }
    }
}

extern "C" __global__ void random_state_advance(u32 *state) {
    if (blockIdx.x * blockDim.x + threadIdx.x > 0) return;
    u32 low = state[2] + 1u;
    state[2] = low;
    if (low == 0u) state[3] += 1u;
}
