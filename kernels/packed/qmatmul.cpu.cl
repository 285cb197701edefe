/* Products with packed weights on CPU devices: the arguments, layouts and formulas of kernels/packed/qmatmul.cl.

   qmatvec (M = 1), qmatfew (M = 2 .. 8), both qfew.h: weights are decoded in registers, 16 output channels each, and read once, in order.
   qmatmul, qmatmul_backward (qmany.h)   at most QM_DEPTH x QM_WIDE weights are unpacked at any time, into the level-2 cache.
     GPU_ONLY qmatfew_backward_w2_f32: served by qmatmul_backward_w2_f32   GPU_ONLY qmatfew_backward_w3_f32: served by qmatmul_backward_w3_f32
     GPU_ONLY qmatfew_backward_w4_f32: served by qmatmul_backward_w4_f32   GPU_ONLY qmatfew_backward_w8_f32: served by qmatmul_backward_w8_f32

   Order of every sum: QM_DEPTH consecutive terms, cut at the ends of groups when 32 divides the group, form a segment. Over a segment
   x (code - 2^(B-1)) is one chain of fused multiply-adds from zero; the total takes s times that, then c times the sum of the segment's x,
   segment by segment, and the bias last. Where 32 does not divide the group, and backward, segments are not cut and the chain is over
   the dequantised weights. This depends on neither M nor the entry nor the number of work-groups: row i of a batch has the bits of row i
   alone. Activations below 2^-105 may lose bits (their product with 2^-20 is subnormal); an infinite x gives NaN where a code is centred.

   Work-group 1 x 1: item (x, y) of a grid (X, Y) takes the x-th part of the columns and, but for qmatvec, the y-th part of the rows.
   Bytes: N K B / 8, steps and centres, activations and results once. Flops: 2 M N K, and N K to decode. */
#include "packed/packed.h"
#include "packed/packed16.h"

#ifndef QM_DEPTH
#define QM_DEPTH 256 /* terms of the longest chain, a multiple of 32 */
#endif
#ifndef QM_WIDE
#define QM_WIDE 256 /* columns decoded at a time, a multiple of 32: with QM_DEPTH a quarter of the level-2 cache */
#endif
#ifndef QM_SPAN
#define QM_SPAN 2048 /* elements of each row of x that qmatvec keeps at hand, a multiple of QM_DEPTH */
#endif
#ifndef QM_PREFETCH
#define QM_PREFETCH 32 /* words of 16 rows that qmatvec fetches ahead */
#endif

#if defined(__AVX512F__) && !defined(SG_PORTABLE)
#define QM_FETCH(p) __asm__ volatile("prefetcht0 %0" : : "m"(*(p)))
#else
#define QM_FETCH(p)
#endif

#include "packed/qfew.h"
#include "packed/qmany.h"

#define QM_MANY(BITS, BACKWARD, A, BIAS, OUT)                                                                                    \
    local float16 strip[QT_ROWS * QT_LDA / 16], tiles[QM_DEPTH * QM_WIDE / 16], total[QT_ROWS * QT_COLS / 16];                   \
    local f32 units[QT_ROWS * (QM_DEPTH / 32 + 1)];                                                                              \
    if (group % 32 == 0)                                                                                                         \
        qm_many(BITS, BACKWARD, 1, A, words, scales, offsets, BIAS, OUT, m, n, k, group, (local f32 *)strip, (local f32 *)tiles, \
                (local f32 *)total, units);                                                                                      \
    else                                                                                                                         \
        qm_many(BITS, BACKWARD, 0, A, words, scales, offsets, BIAS, OUT, m, n, k, group, (local f32 *)strip, (local f32 *)tiles, \
                (local f32 *)total, units);

#define QM_FEW(NAME, BITS, SINGLE)                                                                                                                  \
    kernel void NAME(const global f32 *x, const global u32 *words, const global f32 *scales, const global f32 *offsets, \
                                      const global f32 *bias, global f32 *y, i32 m, i32 n, i32 k, i32 group) {                           \
        local float16 xs[QF_ROWS * QF_LD / 16];                                                                                          \
        local f32 units[QF_ROWS * QF_UNITS];                                                                                             \
        if (group % 32 == 0) qm_few(BITS, 1, SINGLE, x, words, scales, offsets, bias, y, m, n, k, group, (local f32 *)xs, units);        \
        else qm_few(BITS, 0, SINGLE, x, words, scales, offsets, bias, y, m, n, k, group, (local f32 *)xs, units);                        \
    }

#define QM_ENTRIES(BITS) \
    QM_FEW(qmatvec_w##BITS##_f32, BITS, 1) \
    QM_FEW(qmatfew_w##BITS##_f32, BITS, 0) \
    kernel void qmatmul_w##BITS##_f32(const global f32 *x, const global u32 *words, const global f32 *scales, const global f32 *offsets, \
                                      const global f32 *bias, global f32 *y, i32 m, i32 n, i32 k, i32 group) {                           \
        QM_MANY(BITS, 0, x, bias, y)                                                                                                     \
    }                                                                                                                                    \
    kernel void qmatmul_backward_w##BITS##_f32(const global f32 *dy, const global u32 *words, const global f32 *scales,                  \
                                               const global f32 *offsets, global f32 *dx, i32 m, i32 n, i32 k, i32 group) {              \
        QM_MANY(BITS, 1, dy, 0, dx)                                                                                                      \
    }

QM_ENTRIES(2)
QM_ENTRIES(3)
QM_ENTRIES(4)
QM_ENTRIES(8)
