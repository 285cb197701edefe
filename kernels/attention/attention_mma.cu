/* Attention on tensor cores: the passes of attention/attention.gpu.cl with the same arguments, formulas and layouts, fp32 in memory, for heads of up to 128
   elements. Factors of products are rounded to the format of the entry's name, queries, keys, values, cotangents and their tangents as they enter shared
   memory, probabilities and their derivatives where they become factors; sums, softmax, dropout and statistics are fp32. All products of a head, of one
   launch or several, round alike, so a probability is the same wherever it is computed.

   attention_{forward,backward,tangent,tangent_backward,curvature}_{tf32,bf16}_{32,64,128}     the number: D, the head size with its padding of zeros
     CUDA_ONLY attention_forward_tf32_32, attention_forward_tf32_64, attention_forward_tf32_128: served by attention_forward_f32
     CUDA_ONLY attention_forward_bf16_32, attention_forward_bf16_64, attention_forward_bf16_128: served by attention_forward_f32
     CUDA_ONLY attention_backward_tf32_32, attention_backward_tf32_64, attention_backward_tf32_128: served by attention_backward_f32
     CUDA_ONLY attention_backward_bf16_32, attention_backward_bf16_64, attention_backward_bf16_128: served by attention_backward_f32
     CUDA_ONLY attention_tangent_tf32_32, attention_tangent_tf32_64, attention_tangent_tf32_128: served by attention_tangent_f32
     CUDA_ONLY attention_tangent_bf16_32, attention_tangent_bf16_64, attention_tangent_bf16_128: served by attention_tangent_f32
     CUDA_ONLY attention_tangent_backward_tf32_32, attention_tangent_backward_tf32_64, attention_tangent_backward_tf32_128: served by attention_tangent_backward_f32
     CUDA_ONLY attention_tangent_backward_bf16_32, attention_tangent_backward_bf16_64, attention_tangent_backward_bf16_128: served by attention_tangent_backward_f32
     CUDA_ONLY attention_curvature_tf32_32, attention_curvature_tf32_64, attention_curvature_tf32_128: served by attention_curvature_f32
     CUDA_ONLY attention_curvature_bf16_32, attention_curvature_bf16_64, attention_curvature_bf16_128: served by attention_curvature_f32

   Blocks of 128 threads with 64 queries (or keys) of a head, tiles of 32 (or 16) of the others (attention_mma_tile.cuh). Grid, all in x except as said:
     forward            batch heads ceil(t / 64)
     tangent            copies batch heads ceil(t / 64)
     backward and tangent_backward   copies batch heads ceil(t / 64) for dq, where that is wanted, then copies batch kv_heads ceil(s / 64) for dk and dv, where one is
     curvature          (batch heads ceil(t / 64), copies or fewer)       partial: [copies, grid x, 2], second floats 0
   One copy a block: scores are made again for each, one product of five (tangent) or two of ten (tangent_backward). Nothing is added between blocks; two launches give
   the same bits. Tiles that see nothing are left out. Rows that are not aligned to 16 bytes come by 4.

   Dynamic shared memory, with e bytes of an element (bf16 2, tf32 4), R = 32 rows of other tiles (16 where e = 4, D > 64 and there
   are 4 other operands), `own` and `other` operands 1 and 2 (forward), 2 and 4 (tangent), 2 and 2 (backward), 4 and 4 (tangent_backward), 3 and 4 (curvature):
     own 64 (D e + 16) + other R (D e + 16 + 4 D) + 1024
   Flops of a visible pair and column: forward 4, tangent 10 a copy, backward 14, tangent_backward 36 a copy, curvature 12 a copy.
   A warp reads 1.5 KB of shared memory for 4 mma of scores, 0.5 KB for 2 of sums, so that shared memory, not mma.sync, sets the pace: 1365 .. 2048 flops (bf16; TF32
   683 .. 1024) a cycle and multiprocessor, a third to a half of the tensor cores' rate. Predicted on H100, bf16, d = 64: 200 TFLOP/s forward, causal T = 2048 of 64 heads 175 us.
   Own tiles are loaded 16 bytes at a time, other tiles by cp.async:
   WIDE attention_forward_*: 4 loads, 0 stores
   WIDE attention_tangent_tf32_*, attention_tangent_bf16_*: 8 loads, 0 stores
   WIDE attention_backward_*: 16 loads, 0 stores
   WIDE attention_tangent_backward_*: 32 loads, 0 stores
   WIDE attention_curvature_*: 12 loads, 0 stores
   Source: Dao, FlashAttention-2 (2023); the PTX ISA's mma.sync and ldmatrix; for the tangents Pearlmutter 1994.
   DIALECT: mma.sync, ldmatrix and cp.async have no spelling in OpenCL. */
#include "attention/attention_mma_rows.cuh"
#include "attention/attention_mma_backward.cuh"

#define ATTENTION_MMA_INPUTS const f32 *q, const f32 *k, const f32 *v, const i32 *lengths, const f32 *slopes, const u32 *random
#define ATTENTION_MMA_ENTRY(BLOCKS) extern "C" __global__ void __launch_bounds__(ATTENTION_MMA_THREADS, BLOCKS)
#define ATTENTION_MMA_PROBLEM                                                                                                                                \
    SG_DYNAMIC_SHARED(unsigned char, memory);                                                                                                                \
    const AttentionMma problem = {q, k, v, lengths, slopes, random, batch, heads, kv_heads, t, s, d, q_from, k_from, v_from, q_row, k_row, v_row,            \
                                  scale, causal, window, dropout, stream, copies};
#define ATTENTION_MMA_ENTRIES(SUFFIX, FORMAT, D)                                                                                                             \
    ATTENTION_MMA_ENTRY(D > 64 ? 2 : 3) attention_forward_##SUFFIX##_##D(ATTENTION_MMA_INPUTS, f32 *o, f32 *lse, ATTENTION_PROBLEM) {                        \
        ATTENTION_MMA_PROBLEM                                                                                                                                \
        attention_mma_forward<FORMAT, D>(problem, o, lse, memory);                                                                                           \
    }                                                                                                                                                        \
    ATTENTION_MMA_ENTRY(2) attention_backward_##SUFFIX##_##D(ATTENTION_MMA_INPUTS, const f32 *lse, const f32 *delta, const f32 *d_o, f32 *dq, f32 *dk,       \
                                                    f32 *dv, ATTENTION_PROBLEM) {                                                                            \
        ATTENTION_MMA_PROBLEM                                                                                                                                \
        const AttentionGradients gradients = {lse, 0, delta, 0, d_o, 0, 0, 0, 0, dq, dk, dv};                                                                \
        attention_mma_backward<FORMAT, D>(problem, gradients, memory);                                                                                       \
    }                                                                                                                                                        \
    ATTENTION_MMA_ENTRY(2) attention_tangent_##SUFFIX##_##D(ATTENTION_MMA_INPUTS, const f32 *o, const f32 *lse, const f32 *qt, const f32 *kt,                \
                                                   const f32 *vt, f32 *ot, f32 *mu, ATTENTION_PROBLEM) {                                                     \
        ATTENTION_MMA_PROBLEM                                                                                                                                \
        attention_mma_tangent<FORMAT, D>(problem, o, lse, qt, kt, vt, ot, mu, memory);                                                                       \
    }                                                                                                                                                        \
    ATTENTION_MMA_ENTRY(2) attention_tangent_backward_##SUFFIX##_##D(ATTENTION_MMA_INPUTS, const f32 *lse, const f32 *mu, const f32 *delta,                  \
                                                            const f32 *delta_t, const f32 *d_o, const f32 *qt, const f32 *kt, const f32 *vt,                 \
                                                            const f32 *d_ot, f32 *dqt, f32 *dkt, f32 *dvt, ATTENTION_PROBLEM) {                              \
        ATTENTION_MMA_PROBLEM                                                                                                                                \
        const AttentionGradients gradients = {lse, mu, delta, delta_t, d_o, qt, kt, vt, d_ot, dqt, dkt, dvt};                                                \
        attention_mma_tangent_backward<FORMAT, D>(problem, gradients, memory);                                                                               \
    }                                                                                                                                                        \
    ATTENTION_MMA_ENTRY(2) attention_curvature_##SUFFIX##_##D(ATTENTION_MMA_INPUTS, const f32 *lse, const f32 *mu, const f32 *delta, const f32 *d_o,         \
                                                     const f32 *qt, const f32 *kt, const f32 *vt, f32 *partial, ATTENTION_PROBLEM) {                         \
        ATTENTION_MMA_PROBLEM                                                                                                                                \
        const AttentionGradients gradients = {lse, mu, delta, 0, d_o, qt, kt, vt, 0, 0, 0, 0};                                                               \
        attention_mma_curvature<FORMAT, D>(problem, gradients, partial, memory);                                                                             \
    }

ATTENTION_MMA_ENTRIES(tf32, AttentionTf32, 32)
ATTENTION_MMA_ENTRIES(tf32, AttentionTf32, 64)
ATTENTION_MMA_ENTRIES(tf32, AttentionTf32, 128)
ATTENTION_MMA_ENTRIES(bf16, AttentionBf16, 32)
ATTENTION_MMA_ENTRIES(bf16, AttentionBf16, 64)
ATTENTION_MMA_ENTRIES(bf16, AttentionBf16, 128)
