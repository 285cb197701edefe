/* Products of fp32 activations with weights packed at 2, 3, 4 or 8 bits: entries for each width B, suffix _wB_f32.

     qmatvec            y[i, j]  = bias[j] + sum over t of x[i, t] w[j, t]     M = 1
     qmatfew            the same, M >= 2, faster up to 64 .. 256 (QTiles.mostFew)
     qmatmul            the same, any M
     qmatmul_backward   dx[i, t] = sum over j of dy[i, j] w[j, t]              any M
     qmatfew_backward   the same, any M, faster up to 64 .. 256

     w[j, t] = s[j, t / group] (code[j, t] - 2^(B-1)) + c[j, t / group]

   x, dx: [M, K]; dy, y: [M, N]; bias: [N] or null; all row-major fp32. words, scales (s) and offsets (c, null when symmetric) are in
   panels of 16 rows, see packed/packed.h: words [P][B ceil(K / 32)][16], scales and offsets [P][ceil(K / group)][16], P = ceil(N / 16).
   Any M, N, K, group >= 1.

   qmatvec, qmatfew   work-group 256, one panel each (grid x = P) and 2 rows of x (grid y). Threads in fours share a word column: 16 bytes
                      hold one word of four rows, and four rows share each activation. Thread (slot, quad) takes every 64th unit of 32
                      elements and loads the words of its next unit before it decodes one; the 64 partial sums of a row are added in
                      order, by fours and then by sixteens. When 32 divides the group, a unit is a chain of fused multiply-adds over
                      x (code - 2^(B-1)), then s times it and c times the sum of x are added; else, and where words, steps or centres
                      are not 16-byte aligned, the chain is over dequantised weights.
   qmatmul, backward  work-group 256, tile of 128 x 64 (grid x = tiles, row-major), 8 x 4 per thread; 32 terms per step, weights
                      dequantised into shared memory on the way. Chains of QM_DEPTH terms, added in order.
   qmatfew_backward   work-group 256, one unit of 32 columns (grid x = ceil(K / 32)) and 4 rows of dy (grid y). A thread has 16 columns and one row of every
                      eighth panel, in a chain over dequantised weights; of the 128 chains of a column the 8 of a panel row are added in order, then the 16.
   A row's bits do not depend on the other rows of the batch, nor on M as long as the same entry serves.

   Bytes: N K B / 8, steps and centres, activations and results once. Flops: 2 M N K. qmatvec spends 3.5 instructions per weight (3 and the
   loads, shifts and sums of a unit), qmatfew 4.7 for two rows; asymmetric ones 0.3 per row more. Memory's floor on an H200 at 4.3 TB/s,
   N = K = 4096, group 64, M = 1: 1.2, 1.7, 2.2 and 4.1 us at 2, 3, 4 and 8 bits.
   Source: own; panels in the manner of Marlin's offline repacking (Frantar et al. 2024), the exponent trick of fp16 decoding done in fp32. */
#define QG_LOCAL local
#define QG_BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
#define QG_LOAD_WORDS(p, wanted) ((wanted) ? *(const global uint4 *)(p) : (uint4)(0))
#define QG_JOIN(v, mask, e) (((v) & (mask)) | (e))
#define QG_BYTE(v, i, e) (((v) >> (8 * (i)) & 255u) | (e))
#include "packed/qmatback_gpu.h"
#include "packed/qmatmul_gpu.h"

#define QM_FEW(BITS, ROWS) \
    qg_few(BITS, ROWS, x, words, scales, offsets, bias, y, m, n, k, group, get_group_id(0), (i32)get_group_id(1) * QG_FEW, get_local_id(0), (local f32 *)shared)

#define QM_ENTRIES(BITS)                                                                                                                 \
    kernel void qmatvec_w##BITS##_f32(const global f32 *x, const global u32 *words, const global f32 *scales, const global f32 *offsets, \
                                      const global f32 *bias, global f32 *y, i32 m, i32 n, i32 k, i32 group) {                           \
        local float4 shared[QG_FEW_SHARED / 4];                                                                                          \
        QM_FEW(BITS, 1);                                                                                                                 \
    }                                                                                                                                    \
    kernel void qmatfew_w##BITS##_f32(const global f32 *x, const global u32 *words, const global f32 *scales, const global f32 *offsets, \
                                      const global f32 *bias, global f32 *y, i32 m, i32 n, i32 k, i32 group) {                           \
        local float4 shared[QG_FEW_SHARED / 4];                                                                                          \
        QM_FEW(BITS, QG_FEW);                                                                                                            \
    }                                                                                                                                    \
    kernel void qmatmul_w##BITS##_f32(const global f32 *x, const global u32 *words, const global f32 *scales, const global f32 *offsets, \
                                      const global f32 *bias, global f32 *y, i32 m, i32 n, i32 k, i32 group) {                           \
        local float4 shared[QG_TILE_SHARED / 4];                                                                                         \
        qg_tiles(BITS, 0, x, words, scales, offsets, bias, y, m, n, k, group, get_group_id(0), get_local_id(0),                          \
                 (local f32 *)shared);                                                                                                   \
    }                                                                                                                                    \
    kernel void qmatmul_backward_w##BITS##_f32(const global f32 *dy, const global u32 *words, const global f32 *scales,                  \
                                               const global f32 *offsets, global f32 *dx, i32 m, i32 n, i32 k, i32 group) {              \
        local float4 shared[QG_TILE_SHARED / 4];                                                                                         \
        qg_tiles(BITS, 1, dy, words, scales, offsets, 0, dx, m, n, k, group, get_group_id(0), get_local_id(0),                           \
                 (local f32 *)shared);                                                                                                   \
    } \
    kernel void qmatfew_backward_w##BITS##_f32(const global f32 *dy, const global u32 *words, const global f32 *scales,                  \
                                               const global f32 *offsets, global f32 *dx, i32 m, i32 n, i32 k, i32 group) {              \
        local f32 shared[QB_SHARED];                                                                                                     \
        qg_back(BITS, dy, words, scales, offsets, dx, m, n, k, group, (i32)get_group_id(0), (i32)get_group_id(1) * QB_ROWS,              \
                (i32)get_local_id(0), shared);                                                                                           \
    }

QM_ENTRIES(2)
QM_ENTRIES(3)
QM_ENTRIES(4)
QM_ENTRIES(8)
