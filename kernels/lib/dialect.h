/* One vocabulary for both dialects: fixed-width types, qualifiers and the scalar maths that the kernels use.
   SG_FN marks a device function. SG_GLOBAL and SG_CONST_GLOBAL qualify pointers to device memory.
   Under the simulated CUDA driver (test only) SG_SIMULATED is defined as well as __CUDACC__'s vocabulary. */
#ifndef SG_LIB_DIALECT_H
#define SG_LIB_DIALECT_H

#if defined(__OPENCL_VERSION__)
typedef uchar u8;
typedef char i8;
typedef ushort u16;
typedef int i32;
typedef uint u32;
typedef long i64;
typedef ulong u64;
typedef float f32;
/* always_inline: PoCL 3.1 compiles a function that reads local memory wrongly where it is not inlined into the kernel */
#define SG_FN static inline __attribute__((always_inline))
#define SG_GLOBAL __global
#define SG_BITS_TO_F32(b) as_float(b)
#define SG_F32_TO_BITS(x) as_uint(x)
#define SG_INFINITY INFINITY
#define sg_mul_hi_u32(a, b) mul_hi((u32)(a), (u32)(b))
#define sg_exp(x) exp(x)
#define sg_exp2(x) exp2(x)
#define sg_log(x) log(x)
#define sg_sqrt(x) sqrt(x)
#define sg_erf(x) erf(x)
#define sg_erfc(x) erfc(x)
#define sg_tanh(x) tanh(x)
#define sg_floor(x) floor(x)
#define sg_fabs(x) fabs(x)
#define sg_fma(a, b, c) fma(a, b, c)
#define sg_fmin(a, b) fmin(a, b)
#define sg_fmax(a, b) fmax(a, b)
#define sg_cos(x) cos(x)
#define sg_sin(x) sin(x)
#define sg_quick_rcp(x) (1.0f / (x))
#else
typedef unsigned char u8;
typedef signed char i8;
typedef unsigned short u16;
typedef int i32;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;
typedef float f32;
#define SG_FN static __device__ __forceinline__
#define SG_GLOBAL
#define SG_BITS_TO_F32(b) __uint_as_float(b)
#define SG_F32_TO_BITS(x) __float_as_uint(x)
#define SG_INFINITY __uint_as_float(0x7F800000u)
#define sg_mul_hi_u32(a, b) __umulhi((u32)(a), (u32)(b))
#define sg_exp(x) expf(x)
#define sg_exp2(x) exp2f(x)
#define sg_log(x) logf(x)
#define sg_sqrt(x) sqrtf(x)
#define sg_erf(x) erff(x)
#define sg_erfc(x) erfcf(x)
#define sg_tanh(x) tanhf(x)
#define sg_floor(x) floorf(x)
#define sg_fabs(x) fabsf(x)
#define sg_fma(a, b, c) fmaf(a, b, c)
#define sg_fmin(a, b) fminf(a, b)
#define sg_fmax(a, b) fmaxf(a, b)
#define sg_cos(x) cosf(x)
#define sg_sin(x) sinf(x)
#ifdef SG_SIMULATED
#define sg_quick_rcp(x) (1.0f / (x))
#else
#define sg_quick_rcp(x) __fdividef(1.0f, x) /* 2 ulp, in place of IEEE division's slow path */
#endif
#endif

#endif
