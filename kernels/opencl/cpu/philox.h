/* For the variants of kernels for CPU devices: Philox on eight blocks at a time, 64 bits per word. The product of two words fills a lane, so one multiplication
   gives both halves; what stands above a word's 32 bits is never read. 6 vector operations per round. */
#ifndef SG_CPU_PHILOX_H
#define SG_CPU_PHILOX_H
#include "common/philox.h"

#define SG_LOW_WORD 0xFFFFFFFFul

/* Eight blocks from `block` on: *first holds words 0 and 1 of block j in lane j, low word first, *second words 2 and 3. */
SG_FN void sg_philox_v8(sg_random_key key, i64 block, ulong8 *first, ulong8 *second) {
    ulong8 c0 = (ulong8)((u64)block) + (ulong8)(0, 1, 2, 3, 4, 5, 6, 7), c1 = (c0 >> 32) | (u64)key.high, c2 = (ulong8)((u64)key.stream), c3 = (ulong8)((u64)key.step);
    u32 k0 = key.key0, k1 = key.key1;
#pragma unroll
    for (i32 round = 0; round < 10; round++) {
        ulong8 p0 = (c0 & SG_LOW_WORD) * (u64)SG_PHILOX_M0, p1 = (c2 & SG_LOW_WORD) * (u64)SG_PHILOX_M1;
        c0 = (p1 >> 32) ^ c1 ^ (u64)k0;
        c1 = p1;
        c2 = (p0 >> 32) ^ c3 ^ (u64)k1;
        c3 = p0;
        k0 += SG_PHILOX_W0;
        k1 += SG_PHILOX_W1;
    }
    *first = (c0 & SG_LOW_WORD) | (c1 << 32);
    *second = (c2 & SG_LOW_WORD) | (c3 << 32);
}

/* The words of eight blocks in their order: *low of blocks 0 to 3, *high of 4 to 7. */
SG_FN void sg_philox_words_v8(sg_random_key key, i64 block, uint16 *low, uint16 *high) {
    ulong8 a, b;
    sg_philox_v8(key, block, &a, &b);
    *low = as_uint16(__builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11));
    *high = as_uint16(__builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15));
}

#endif
