/* For the variants of kernels for CPU devices: a work-group is one work-item, which has one long piece of the data. */
#ifndef SG_LIB_CPU_PIECES_H
#define SG_LIB_CPU_PIECES_H
#include "lib/dialect.h"

#ifndef STREAM_ELEMENTS
#define STREAM_ELEMENTS 4194304 /* outputs longer than this bypass the caches: no line is read only to be overwritten */
#endif

/* For functions whose const arguments choose their code. */
#define SG_SPECIAL __attribute__((always_inline)) SG_FN

/* The part of n units that is this work-group's: pieces of equal length in the order of the group numbers. */
SG_FN i64 sg_unit_begin(i64 n) {
    i64 groups = (i64)get_num_groups(0), begin = (n + groups - 1) / groups * (i64)get_group_id(0);
    return begin < n ? begin : n;
}
SG_FN i64 sg_unit_end(i64 n) {
    i64 groups = (i64)get_num_groups(0), end = (n + groups - 1) / groups * ((i64)get_group_id(0) + 1);
    return end < n ? end : n;
}

/* Whether to stream an output of n elements whose 16-element vectors start at multiples of 16 from p. */
SG_FN i32 sg_streams(const global void *p, i64 n) { return n > STREAM_ELEMENTS && ((u64)p & 63) == 0; }
SG_FN void sg_put16(float16 v, global f32 *p, i32 stream) {
    if (stream) {
        __builtin_nontemporal_store(v, (global float16 *)p);
    } else {
        vstore16(v, 0, p);
    }
}

/* May lie beyond the end of the buffer. */
#if defined(SG_PORTABLE)
#define sg_prefetch(p)
#else
#define sg_prefetch(p) __builtin_prefetch((const void *)(u64)(p))
#endif

#define sg_convert(x, type) __builtin_convertvector(x, type)

/* Sixteen values of 0 or 1 to bits, lowest first. */
SG_FN u32 sg_bits16(uint16 ones) {
    ulong8 pairs = as_ulong8(ones);
    uchar8 bytes = sg_convert(pairs | pairs >> 31, uchar8);
    uint2 halves = as_uint2(bytes); /* two bits in each byte; the product lines four of them up in its top byte */
    return (halves.s0 * 0x01041040u) >> 24 | (halves.s1 * 0x01041040u) >> 24 << 8;
}

#endif
