/* Inline PTX lives here and nowhere else. Each wrapper has a host version under SG_SIMULATED (test only): the collective ones are computed by the
   simulated driver with the fragment layouts of the PTX ISA. Everything needs sm_80 or later.

   Fragments of mma.sync, with g = lane / 4 and t = lane % 4:
     C, D  16x8         c[0] (g, 2t)   c[1] (g, 2t+1)   c[2] (g+8, 2t)   c[3] (g+8, 2t+1)
     A     16x8  tf32   a[0] (g, t)    a[1] (g+8, t)    a[2] (g, t+4)    a[3] (g+8, t+4)
     B      8x8  tf32   b[0] (t, g)    b[1] (t+4, g)
     A     16x16 16-bit a[0] (g, 2t..2t+1)   a[1] (g+8, 2t..)   a[2] (g, 2t+8..)   a[3] (g+8, 2t+8..)   low half = lower column
     B     16x8  16-bit b[0] (2t..2t+1, g)   b[1] (2t+8.., g)                                           low half = lower row
   ldmatrix x4 on a row-major 16x16 tile of 16-bit elements, lane l giving the address of row l % 16, column 8 * (l / 16), yields a[0..3];
   the same with .trans on a row-major 16x8 (k by n) tile, x2, lane l giving row l % 16, yields b[0..1]. */
#ifndef SG_LIB_CUDA_PTX_CUH
#define SG_LIB_CUDA_PTX_CUH

#include "lib/dialect.h"
#include "lib/numbers.h"

#ifdef SG_SIMULATED
#define SG_PTX_HERE , SIMCUDA_HERE
#define SG_PTX_FORWARD , file, line
#else
#define SG_PTX_HERE
/* An address in shared memory as PTX wants it. */
SG_FN u32 sg_ptx_shared(const void* p) { return static_cast<u32>(__cvta_generic_to_shared(p)); }
#endif

/* ---- cp.async: global to shared without registers. Both addresses aligned to the size. `valid` bytes are read, the rest filled with zeros.
   The target may be read by this thread after the wait, by others after a barrier as well. 4 and 8 bytes go through L1, 16 bypass it. */
#ifdef SG_SIMULATED
SG_FN void ptx_cp_async_4(void* shared, const void* global, u32 valid = 4) { simcuda_copy_async(shared, global, 4, (int)valid); }
SG_FN void ptx_cp_async_8(void* shared, const void* global, u32 valid = 8) { simcuda_copy_async(shared, global, 8, (int)valid); }
SG_FN void ptx_cp_async_16(void* shared, const void* global, u32 valid = 16) { simcuda_copy_async(shared, global, 16, (int)valid); }
SG_FN void ptx_cp_async_16_stream(void* shared, const void* global, u32 valid = 16) { simcuda_copy_async(shared, global, 16, (int)valid); }
SG_FN void ptx_cp_async_commit() { simcuda_copy_commit(); }
template <int GROUPS_LEFT>
SG_FN void ptx_cp_async_wait() { simcuda_copy_wait(GROUPS_LEFT); }
SG_FN void ptx_cp_async_wait_all() { simcuda_copy_wait(-1); }
#else
SG_FN void ptx_cp_async_4(void* shared, const void* global, u32 valid = 4) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(sg_ptx_shared(shared)), "l"(global), "r"(valid) : "memory");
}
SG_FN void ptx_cp_async_8(void* shared, const void* global, u32 valid = 8) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(sg_ptx_shared(shared)), "l"(global), "r"(valid) : "memory");
}
SG_FN void ptx_cp_async_16(void* shared, const void* global, u32 valid = 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(sg_ptx_shared(shared)), "l"(global), "r"(valid) : "memory");
}
/* For data read once, such as weights: it leaves L2 first and makes room for what is read again. */
SG_FN void ptx_cp_async_16_stream(void* shared, const void* global, u32 valid = 16) {
    asm volatile(
        "{\n"
        ".reg .b64 policy;\n"
        "createpolicy.fractional.L2::evict_first.b64 policy, 1.0;\n"
        "cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2, policy;\n"
        "}\n" ::"r"(sg_ptx_shared(shared)), "l"(global), "r"(valid) : "memory");
}
SG_FN void ptx_cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/* Waits until at most GROUPS_LEFT of this thread's committed groups are unfinished. */
template <int GROUPS_LEFT>
SG_FN void ptx_cp_async_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(GROUPS_LEFT) : "memory"); }
SG_FN void ptx_cp_async_wait_all() { asm volatile("cp.async.wait_all;" ::: "memory"); }
#endif

/* ---- Barrier `id`, 1 .. 15, of `threads` threads of the block, a whole number of warps; it orders their accesses to memory. Simulated by the whole block's:
   all of its threads must come equally often. */
#ifdef SG_SIMULATED
#define ptx_barrier(id, threads) __syncthreads()
#else
SG_FN void ptx_barrier(u32 id, u32 threads) { asm volatile("barrier.sync.aligned %0, %1;" ::"r"(id), "r"(threads) : "memory"); }
#endif

/* ---- x itself, of which the compiler knows nothing: what follows from it is computed where it is used instead of being kept in registers round a loop. */
#ifdef SG_SIMULATED
SG_FN i32 ptx_opaque(i32 x) { return x; }
#else
SG_FN i32 ptx_opaque(i32 x) {
    asm volatile("" : "+r"(x));
    return x;
}
#endif

/* ---- 2^x to 2 ulp; results below 2^-126 are 0. */
#ifdef SG_SIMULATED
SG_FN f32 ptx_exp2(f32 x) { return exp2f(x); }
#else
SG_FN f32 ptx_exp2(f32 x) {
    f32 y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
#endif

/* ---- ldmatrix: 8x8 tiles of 16-bit elements. Lanes 8m .. 8m+7 give the addresses of the rows of tile m, each 16 bytes and 16-byte aligned. */
#ifdef SG_SIMULATED
SG_FN void ptx_ldmatrix_x2(u32 (&r)[2], const void* row SG_PTX_HERE) { simcuda_ldmatrix(r, 2, 0, row SG_PTX_FORWARD); }
SG_FN void ptx_ldmatrix_x4(u32 (&r)[4], const void* row SG_PTX_HERE) { simcuda_ldmatrix(r, 4, 0, row SG_PTX_FORWARD); }
SG_FN void ptx_ldmatrix_x2_trans(u32 (&r)[2], const void* row SG_PTX_HERE) { simcuda_ldmatrix(r, 2, 1, row SG_PTX_FORWARD); }
SG_FN void ptx_ldmatrix_x4_trans(u32 (&r)[4], const void* row SG_PTX_HERE) { simcuda_ldmatrix(r, 4, 1, row SG_PTX_FORWARD); }
#else
SG_FN void ptx_ldmatrix_x2(u32 (&r)[2], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(sg_ptx_shared(row)) : "memory");
}
SG_FN void ptx_ldmatrix_x4(u32 (&r)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(sg_ptx_shared(row)) : "memory");
}
SG_FN void ptx_ldmatrix_x2_trans(u32 (&r)[2], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(sg_ptx_shared(row)) : "memory");
}
SG_FN void ptx_ldmatrix_x4_trans(u32 (&r)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(sg_ptx_shared(row)) : "memory");
}
#endif

/* ---- mma.sync, fp32 accumulation: d = a b + c. d and c may be the same registers. All 32 lanes call. */
#ifdef SG_SIMULATED
SG_FN void ptx_mma_m16n8k8_tf32(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], const f32 (&c)[4] SG_PTX_HERE) {
    simcuda_mma_tf32(d, a, b, c SG_PTX_FORWARD);
}
SG_FN void ptx_mma_m16n8k16_bf16(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], const f32 (&c)[4] SG_PTX_HERE) {
    simcuda_mma_bf16(d, a, b, c SG_PTX_FORWARD);
}
SG_FN void ptx_mma_m16n8k16_f16(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], const f32 (&c)[4] SG_PTX_HERE) {
    simcuda_mma_f16(d, a, b, c SG_PTX_FORWARD);
}
#else
#define SG_PTX_MMA(NAME, SHAPE_AND_TYPES)                                                                                      \
    SG_FN void NAME(f32 (&d)[4], const u32 (&a)[4], const u32 (&b)[2], const f32 (&c)[4]) {                                    \
        asm volatile("mma.sync.aligned." SHAPE_AND_TYPES " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %11, %12, %13};" \
                     : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])                                                          \
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3])); \
    }
SG_PTX_MMA(ptx_mma_m16n8k8_tf32, "m16n8k8.row.col.f32.tf32.tf32.f32")
SG_PTX_MMA(ptx_mma_m16n8k16_bf16, "m16n8k16.row.col.f32.bf16.bf16.f32")
SG_PTX_MMA(ptx_mma_m16n8k16_f16, "m16n8k16.row.col.f32.f16.f16.f32")
#undef SG_PTX_MMA
#endif

/* An fp32 value rounded to TF32, to nearest with ties away from zero. Without it the tensor core drops the low 13 bits: a biased error, twice as large. */
SG_FN u32 ptx_cvt_rna_tf32(f32 x) {
#ifdef SG_SIMULATED
    u32 bits = SG_F32_TO_BITS(x);
    if ((bits & 0x7F800000u) == 0x7F800000u) return (bits & 0x007FFFFFu) ? 0x7FFFE000u : bits; /* NaN, infinity */
    return (bits + 0x1000u) & 0xFFFFE000u;
#else
    u32 r;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(x));
    return r;
#endif
}

/* Two fp32 values rounded to bf16, to nearest even: the first in the low half. */
SG_FN u32 ptx_cvt_rn_bf16x2(f32 low, f32 high) {
#ifdef SG_SIMULATED
    return sg_f32_to_bf16(low) | (u32)sg_f32_to_bf16(high) << 16;
#else
    u32 r;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
    return r;
#endif
}

/* ---- lop3: any function of three bits. TABLE is the function applied to 0xF0, 0xCC, 0xAA: (a & b) | c is (0xF0 & 0xCC) | 0xAA. */
template <u32 TABLE>
SG_FN u32 ptx_lop3(u32 a, u32 b, u32 c) {
#ifdef SG_SIMULATED
    u32 r = 0;
    if (TABLE & 0x01) r |= ~a & ~b & ~c;
    if (TABLE & 0x02) r |= ~a & ~b & c;
    if (TABLE & 0x04) r |= ~a & b & ~c;
    if (TABLE & 0x08) r |= ~a & b & c;
    if (TABLE & 0x10) r |= a & ~b & ~c;
    if (TABLE & 0x20) r |= a & ~b & c;
    if (TABLE & 0x40) r |= a & b & ~c;
    if (TABLE & 0x80) r |= a & b & c;
    return r;
#else
    u32 r;
    asm("lop3.b32 %0, %1, %2, %3, %4;" : "=r"(r) : "r"(a), "r"(b), "r"(c), "n"(TABLE));
    return r;
#endif
}

/* Four bytes out of the eight of {b, a}, one selector nibble each (high bit of the nibble: replicate the sign). */
SG_FN u32 ptx_prmt(u32 a, u32 b, u32 selector) {
#ifdef SG_SIMULATED
    return __byte_perm(a, b, selector);
#else
    u32 r;
    asm("prmt.b32 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(selector));
    return r;
#endif
}

/* A NaN wins. */
SG_FN f32 ptx_max_nan(f32 a, f32 b) {
#ifdef SG_SIMULATED
    return a != a || a > b ? a : b;
#else
    f32 r;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
    return r;
#endif
}

/* ---- 16-byte global loads through the read-only path, for memory that nobody writes during the launch. p is 16-byte aligned. */
/* Read once by this SM: does not displace what L1 holds. */
SG_FN uint4 ptx_ld_global_streaming(const void* p) {
#ifdef SG_SIMULATED
    return *static_cast<const uint4*>(p);
#else
    uint4 v;
    asm("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p));
    return v;
#endif
}
/* The same without a branch where `wanted` != 0; else no access, and the result is undefined. */
SG_FN uint4 ptx_ld_global_streaming_if(const void* p, int wanted) {
#ifdef SG_SIMULATED
    return wanted ? *static_cast<const uint4*>(p) : make_uint4(0, 0, 0, 0);
#else
    uint4 v;
    asm volatile(
        "{\n"
        ".reg .pred wanted;\n"
        "setp.ne.s32 wanted, %5, 0;\n"
        "@wanted ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];\n"
        "}\n"
        : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p), "r"(wanted));
    return v;
#endif
}
/* Read once by the whole launch: leaves L2 first too. */
SG_FN uint4 ptx_ld_global_evict_first(const void* p) {
#ifdef SG_SIMULATED
    return *static_cast<const uint4*>(p);
#else
    uint4 v;
    asm("{\n"
        ".reg .b64 policy;\n"
        "createpolicy.fractional.L2::evict_first.b64 policy, 1.0;\n"
        "ld.global.nc.L1::no_allocate.L2::cache_hint.v4.u32 {%0, %1, %2, %3}, [%4], policy;\n"
        "}\n"
        : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p));
    return v;
#endif
}
/* A 16-byte store of what nobody reads again soon. */
SG_FN void ptx_st_global_streaming(void* p, uint4 v) {
#ifdef SG_SIMULATED
    *static_cast<uint4*>(p) = v;
#else
    asm volatile("st.global.cs.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(p), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w) : "memory");
#endif
}

/* ---- 16-byte global accesses that stay whole: a plain float4 may become four of 4 bytes where its parts are computed apart. p is 16-byte aligned and in
   global memory, never shared. The load may move across stores: only for memory that nobody writes during the launch, or that this thread
   alone writes, and each element only with what was computed from this load of it. */
SG_FN float4 ptx_ld_global_f32x4(const f32* p) {
#ifdef SG_SIMULATED
    return *reinterpret_cast<const float4*>(p);
#else
    float4 v;
    asm("ld.global.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w) : "l"(p));
    return v;
#endif
}
SG_FN void ptx_st_global_f32x4(f32* p, float4 v) {
#ifdef SG_SIMULATED
    *reinterpret_cast<float4*>(p) = v;
#else
    asm volatile("st.global.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(p), "f"(v.x), "f"(v.y), "f"(v.z), "f"(v.w) : "memory");
#endif
}

/* ---- Ordering between blocks: release what this thread wrote, acquire what another released. */
SG_FN void ptx_fence_acq_rel_gpu() {
#ifdef SG_SIMULATED
    __threadfence();
#else
    asm volatile("fence.acq_rel.gpu;" ::: "memory");
#endif
}
SG_FN u32 ptx_ld_acquire_gpu(const u32* p) {
#ifdef SG_SIMULATED
    return simcuda_atomic_u32(SIM_OR, const_cast<u32*>(p), 0, 0);
#else
    u32 v;
    asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
    return v;
#endif
}
SG_FN void ptx_st_release_gpu(u32* p, u32 v) {
#ifdef SG_SIMULATED
    simcuda_atomic_u32(SIM_EXCH, p, v, 0);
#else
    asm volatile("st.release.gpu.global.u32 [%0], %1;" ::"l"(p), "r"(v) : "memory");
#endif
}

#ifdef SG_SIMULATED
#undef SG_PTX_FORWARD
#endif
#undef SG_PTX_HERE

#endif
