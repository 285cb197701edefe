/* For the variants of kernels for CPU devices: Philox on eight blocks at a time, 64 bits per word. The product of two words fills a lane, so one multiplication
   gives both halves; what stands above a word's 32 bits is never read. 6 vector operations per round. */
#ifndef SG_LIB_CPU_PHILOX_H
#define SG_LIB_CPU_PHILOX_H
#include "lib/philox.h"

#define SG_LOW_WORD 0xFFFFFFFFul

/* The low words of a's lanes and of b's, in turn. Not by shift and or: the compiler would make the shift part of a 64-bit multiplication, which is slow. */
#define sg_low_words(a, b) __builtin_shufflevector(as_uint16(a), as_uint16(b), 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
#define sg_high_words(a, b) __builtin_shufflevector(as_uint16(a), as_uint16(b), 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31)

/* The first two rounds, of which half is the same for all blocks with one high word: so that is done on scalars. Declares c0 to c3, k0, k1. */
#define SG_PHILOX_START(c, block)                                                                                                             \
    ulong8 c##p = (((ulong8)((u64)(block)) + (ulong8)(0, 1, 2, 3, 4, 5, 6, 7)) & SG_LOW_WORD) * (u64)SG_PHILOX_M0;                            \
    ulong8 c##q = (((c##p >> 32) ^ (u64)(key.step ^ key.key1)) & SG_LOW_WORD) * (u64)SG_PHILOX_M1;                                            \
    ulong8 c##0 = (c##q >> 32) ^ (u64)((u32)shared1 ^ k0), c##1 = c##q, c##2 = c##p ^ (u64)((u32)(shared0 >> 32) ^ k1), c##3 = (ulong8)(shared0)
#define SG_PHILOX_SHARED(block)                                                                                                               \
    u64 shared1 = (u64)SG_PHILOX_M1 * key.stream;                                                                                             \
    u64 shared0 = (u64)SG_PHILOX_M0 * ((u32)(shared1 >> 32) ^ (u32)((u64)(block) >> 32) ^ key.high ^ key.key0);                               \
    u32 k0 = key.key0 + SG_PHILOX_W0, k1 = key.key1 + SG_PHILOX_W1
#define SG_PHILOX_NEXT_KEY   \
    {                        \
        k0 += SG_PHILOX_W0;  \
        k1 += SG_PHILOX_W1;  \
    }
#define SG_PHILOX_ROUND(c)                                                                                                                    \
    {                                                                                                                                         \
        ulong8 p0 = (c##0 & SG_LOW_WORD) * (u64)SG_PHILOX_M0, p1 = (c##2 & SG_LOW_WORD) * (u64)SG_PHILOX_M1;                                  \
        c##0 = (p1 >> 32) ^ c##1 ^ (u64)k0;                                                                                                   \
        c##1 = p1;                                                                                                                            \
        c##2 = (p0 >> 32) ^ c##3 ^ (u64)k1;                                                                                                   \
        c##3 = p0;                                                                                                                            \
    }

/* Eight blocks from `block` on, a multiple of 8: *first holds words 0 and 1 of block j in lane j, low word first, *second words 2 and 3. */
SG_FN void sg_philox_v8(sg_random_key key, i64 block, ulong8 *first, ulong8 *second) {
    SG_PHILOX_SHARED(block);
    SG_PHILOX_START(c, block);
#pragma unroll
    for (i32 round = 2; round < 10; round++) {
        SG_PHILOX_NEXT_KEY
        SG_PHILOX_ROUND(c)
    }
    *first = as_ulong8(sg_low_words(c0, c1));
    *second = as_ulong8(sg_low_words(c2, c3));
}

#define SG_FIRST_BLOCKS(a, b) as_uint16(__builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11))
#define SG_LAST_BLOCKS(a, b) as_uint16(__builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15))

/* The words of eight blocks in their order: *low of blocks 0 to 3, *high of 4 to 7. */
SG_FN void sg_philox_words_v8(sg_random_key key, i64 block, uint16 *low, uint16 *high) {
    ulong8 a, b;
    sg_philox_v8(key, block, &a, &b);
    *low = SG_FIRST_BLOCKS(a, b);
    *high = SG_LAST_BLOCKS(a, b);
}

/* The same of sixteen blocks, four to a vector: a round waits for the one before, so two chains side by side take less than twice the time of one. */
SG_FN void sg_philox_words_v16(sg_random_key key, i64 block, uint16 *words) {
    SG_PHILOX_SHARED(block);
    SG_PHILOX_START(c, block);
    SG_PHILOX_START(d, block + 8);
#pragma unroll
    for (i32 round = 2; round < 10; round++) {
        SG_PHILOX_NEXT_KEY
        SG_PHILOX_ROUND(c)
        SG_PHILOX_ROUND(d)
    }
    ulong8 a = as_ulong8(sg_low_words(c0, c1)), b = as_ulong8(sg_low_words(c2, c3));
    words[0] = SG_FIRST_BLOCKS(a, b);
    words[1] = SG_LAST_BLOCKS(a, b);
    a = as_ulong8(sg_low_words(d0, d1)), b = as_ulong8(sg_low_words(d2, d3));
    words[2] = SG_FIRST_BLOCKS(a, b);
    words[3] = SG_LAST_BLOCKS(a, b);
}

#endif
