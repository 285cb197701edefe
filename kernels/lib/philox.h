/* Philox 4x32-10: a bijection of 128-bit counters under a 64-bit key, whose outputs pass for random (Salmon, Moraes, Dror, Shaw 2011).

   Every random number of the engine is named by (seed, stream, step, element) and is the same on every device and in any order of evaluation:
     key     = seed                                                                  low word first
     counter = (block low, block high | step bits 32..47 << 16, stream, step low)    block < 2^48
   Seed and step are read from device memory, `state` = u32[4] = seed low, seed high, step low, step high, so that a captured graph moves on with them.
   Uses of one seed are kept apart by `stream`: no two of them may share one. How an element finds its block stands with each kernel. */
#ifndef SG_LIB_PHILOX_H
#define SG_LIB_PHILOX_H
#include "lib/dialect.h"

#define SG_PHILOX_M0 0xD2511F53u
#define SG_PHILOX_M1 0xCD9E8D57u
#define SG_PHILOX_W0 0x9E3779B9u
#define SG_PHILOX_W1 0xBB67AE85u

typedef uint4 sg_philox_words;

/* What is the same for all blocks of one use. (Structures are not returned: Oclgrind cannot run what becomes of that.) */
typedef struct {
    u32 key0, key1;
    u32 high; /* or'ed to the high word of the block */
    u32 stream, step;
} sg_random_key;

SG_FN void sg_random_key_of(const SG_GLOBAL u32 *state, u32 stream, sg_random_key *key) {
    key->key0 = state[0];
    key->key1 = state[1];
    key->step = state[2];
    key->high = state[3] << 16;
    key->stream = stream;
}

/* The key of step `step` under a seed that is at hand; stream 0. */
SG_FN void sg_random_key_make(u64 seed, u64 step, sg_random_key *key) {
    key->key0 = (u32)seed;
    key->key1 = (u32)(seed >> 32);
    key->step = (u32)step;
    key->high = (u32)(step >> 32) << 16;
    key->stream = 0u;
}

SG_FN sg_philox_words sg_philox(sg_random_key key, i64 block) {
    u32 c0 = (u32)block, c1 = (u32)(block >> 32) | key.high, c2 = key.stream, c3 = key.step, k0 = key.key0, k1 = key.key1;
#if !defined(__OPENCL_VERSION__) && !defined(SG_SIMULATED)
#pragma unroll
#endif
    for (i32 round = 0; round < 10; round++) {
        u64 p0 = (u64)SG_PHILOX_M0 * c0, p1 = (u64)SG_PHILOX_M1 * c2;
        c0 = (u32)(p1 >> 32) ^ c1 ^ k0;
        c1 = (u32)p1;
        c2 = (u32)(p0 >> 32) ^ c3 ^ k1;
        c3 = (u32)p0;
        k0 += SG_PHILOX_W0;
        k1 += SG_PHILOX_W1;
    }
    sg_philox_words words;
    words.x = c0;
    words.y = c1;
    words.z = c2;
    words.w = c3;
    return words;
}

/* [0, 1) in steps of 2^-24 */
SG_FN f32 sg_unit_f32(u32 word) { return (f32)(word >> 8) * 5.9604644775390625e-8f; }
/* +1 or -1 by the top bit */
SG_FN f32 sg_sign_f32(u32 word) { return SG_BITS_TO_F32((word & 0x80000000u) | 0x3F800000u); }

#endif
