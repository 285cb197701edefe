/* Dense matrix product:

     C[z] = act( alpha op(A[z]) op(B[z]) + beta C[z] + bias[z] ),   z < batch

   gemm_f32_{nn,nt,tn,tt}              A, B and C fp32, in fp32 arithmetic                                     (gemm_fp32.cuh)
   gemm_{bf16,f16}_{nn,nt,tn,tt}       A, B and C of the named type (16-bit floats are stored as u16)          (gemm_mma.cuh)
   gemm_{bf16,f16}_f32_{nn,nt,tn,tt}   A and B 16-bit, C fp32                                                  (gemm_mma.cuh)
   gemm_tf32_{nn,nt,tn,tt}             A, B and C fp32, factors rounded to TF32                                (gemm_mma.cuh)
     CUDA_ONLY gemm_tf32_nn: served by gemm_f32_nn     CUDA_ONLY gemm_tf32_nt: served by gemm_f32_nt
     CUDA_ONLY gemm_tf32_tn: served by gemm_f32_tn     CUDA_ONLY gemm_tf32_tt: served by gemm_f32_tt
   Sums are fp32. The two letters say whether A and B are transposed. Row-major; z is added as z * stride_x elements:

     op(A): M x K   n: a[i * lda + t]   t: a[t * lda + i]        C: M x N   c[i * ldc + j]
     op(B): K x N   n: b[t * ldb + j]   t: b[j * ldb + t]        bias: fp32, bias[j], stride_bias 0 to share it

   flags: bit 0 add bias; bit 1 read C and add beta C (else C may hold anything, and beta is ignored);
          bits 8..11 activation: 0 none, else the code of lib/functions.h (SG_ALL_FUNCTIONS).
   M, N, K >= 1. Addresses need only be aligned to their element. Nothing outside the matrices is read or written, row padding included.

   A block computes one T x T tile of C. T is GEMM_SMALL where the grid has ceil(M/T) ceil(N/T) blocks of that size, else GEMM_LARGE: so the
   geometry chooses. Grid (tiles of C, 1, batch). Neighbouring blocks take a stripe of GEMM_STRIPE rows of tiles, so that they share B in L2.
     f32:     256 threads, static shared memory 34 KB.
     others:  128 threads, dynamic shared memory GEMM_STAGES * (128 T + 1024) bytes: 68 KB for T = 128 (two blocks on a multiprocessor), 36 KB for 64.
   K is summed in order, in steps of 64 bytes (16 fp32, 32 16-bit elements), zeros beyond K. A tile leaves through shared memory: full rows,
   16 bytes per thread. Flops 2 M N K; A is read ceil(N / T) times, B ceil(M / T) times, mostly from L2.

   4096^3 on an H200 (132 multiprocessors at 1.98 GHz, 4.3 TB/s); bytes 201 MB (fp32) in 0.05 ms are never the limit:
     f32    floor 2.05 ms (67 TFLOP/s)     predicted 2.7 ms: FFMA issue, 8 x 8 per thread, 4 loads of 16 bytes for 64 FFMA
     tf32   floor 0.28 ms (494 TFLOP/s)    predicted 0.5 ms: mma.sync reaches about 60 % of what wgmma would
     bf16   floor 0.14 ms (989 TFLOP/s)    predicted 0.25 ms: the same
   Source: Volkov & Demmel, Benchmarking GPUs to Tune Dense Linear Algebra (2008); the PTX ISA's mma.sync and ldmatrix.
   DIALECT: mma.sync, cp.async and double-buffered tiles in shared memory have no spelling in OpenCL. */
#ifndef GEMM_LARGE
#define GEMM_LARGE 128 /* rows and columns of a tile of C: 64 or 128 */
#endif
#ifndef GEMM_SMALL
#define GEMM_SMALL 64 /* the same where large tiles would leave multiprocessors idle: 64 or 128 */
#endif
#ifndef GEMM_STAGES
#define GEMM_STAGES 4 /* steps of K in shared memory in the tensor-core entries, at least 3: half of the sums must fit too */
#endif
#ifndef GEMM_STRIPE
#define GEMM_STRIPE 8 /* rows of tiles that neighbouring blocks share */
#endif

#include "lib/cuda/cuda.cuh"
#include "lib/cuda/ptx.cuh"
#include "gemm/gemm_fp32.cuh"
#include "gemm/gemm_mma.cuh"

#define GEMM_SIGNATURE(NAME, T_IN, T_OUT) \
    NAME(const T_IN *a, const T_IN *b, T_OUT *c, const f32 *bias, i32 m, i32 n, i32 k, i32 lda, i32 ldb, i32 ldc, i64 stride_a, \
         i64 stride_b, i64 stride_c, i64 stride_bias, f32 alpha, f32 beta, i32 flags)

#define GEMM_PROBLEM(T_IN, T_OUT) \
    const i64 z = blockIdx.z; \
    const GemmProblem<T_IN, T_OUT> problem = {a + z * stride_a, b + z * stride_b, c + z * stride_c, bias + z * stride_bias, \
                                              m, n, k, lda, ldb, ldc, alpha, beta, flags}; \
    const bool small = gridDim.x == gemm_tiles(m, GEMM_SMALL) * gemm_tiles(n, GEMM_SMALL);

#define GEMM_PLAIN_ENTRY(SUFFIX, TRANS_A, TRANS_B) \
    extern "C" __global__ void __launch_bounds__(GEMM_FP32_THREADS, 2) GEMM_SIGNATURE(gemm_f32_##SUFFIX, f32, f32) { \
        __shared__ __align__(16) f32 memory[GEMM_FP32_SHARED]; \
        GEMM_PROBLEM(f32, f32) \
        if (small) gemm_fp32_tile<TRANS_A, TRANS_B, GEMM_SMALL>(problem, memory); \
        else gemm_fp32_tile<TRANS_A, TRANS_B, GEMM_LARGE>(problem, memory); \
    }

#define GEMM_TENSOR_ENTRY(NAME, FORMAT, T_IN, T_OUT, OUT, TRANS_A, TRANS_B) \
    extern "C" __global__ void __launch_bounds__(GEMM_MMA_THREADS, 2) GEMM_SIGNATURE(NAME, T_IN, T_OUT) { \
        SG_DYNAMIC_SHARED(unsigned char, memory); \
        GEMM_PROBLEM(T_IN, T_OUT) \
        if (small) gemm_mma_tile<FORMAT, OUT, TRANS_A, TRANS_B, GEMM_SMALL>(problem, memory); \
        else gemm_mma_tile<FORMAT, OUT, TRANS_A, TRANS_B, GEMM_LARGE>(problem, memory); \
    }

#define GEMM_DTYPES(SUFFIX, TRANS_A, TRANS_B) \
    GEMM_PLAIN_ENTRY(SUFFIX, TRANS_A, TRANS_B) \
    GEMM_TENSOR_ENTRY(gemm_tf32_##SUFFIX, GemmTf32, f32, f32, GemmF32, TRANS_A, TRANS_B) \
    GEMM_TENSOR_ENTRY(gemm_bf16_##SUFFIX, GemmBf16, u16, u16, GemmBf16, TRANS_A, TRANS_B) \
    GEMM_TENSOR_ENTRY(gemm_f16_##SUFFIX, GemmF16, u16, u16, GemmF16, TRANS_A, TRANS_B) \
    GEMM_TENSOR_ENTRY(gemm_bf16_f32_##SUFFIX, GemmBf16, u16, f32, GemmF32, TRANS_A, TRANS_B) \
    GEMM_TENSOR_ENTRY(gemm_f16_f32_##SUFFIX, GemmF16, u16, f32, GemmF32, TRANS_A, TRANS_B)

GEMM_DTYPES(nn, false, false)
GEMM_DTYPES(nt, false, true)
GEMM_DTYPES(tn, true, false)
GEMM_DTYPES(tt, true, true)
