/* Kernels without faults: each must give the right result, in both builds, with no report. */
#include "lib/cuda/cuda.cuh"
#include "lib/cuda/ptx.cuh"

#define DEFINE_SCALE(NAME, FACTOR) \
    extern "C" __global__ void NAME(const f32* x, f32* y, i32 n) { \
        i32 i = blockIdx.x * blockDim.x + threadIdx.x; \
        if (i < n) y[i] = FACTOR * x[i]; \
    }
DEFINE_SCALE(scale_f32, 2.0f) /* an entry that a macro makes */

extern "C" __global__ void __launch_bounds__(256) block_sums(const f32* x, f32* sums) {
    __shared__ f32 tile[256];
    u32 t = threadIdx.x;
    tile[t] = x[blockIdx.x * 256 + t];
    __syncthreads();
    for (u32 d = 128; d > 0; d /= 2) {
        if (t < d) tile[t] += tile[t + d];
        __syncthreads();
    }
    if (t == 0) sums[blockIdx.x] = tile[0];
}

extern "C" __global__ void block_reductions(const f32* x, f32* out) {
    __shared__ f32 scratch[32];
    f32 v = x[blockIdx.x * blockDim.x + threadIdx.x];
    f32 s = sg_block_sum(v, scratch), a = sg_block_max(v, scratch), b = sg_block_min(v, scratch);
    if (threadIdx.x == 0) {
        out[3 * blockIdx.x] = s;
        out[3 * blockIdx.x + 1] = a;
        out[3 * blockIdx.x + 2] = b;
    }
}

/* Per lane: shuffles, votes and match, packed into 8 words. A block of 48 threads leaves half a warp empty. */
extern "C" __global__ void warp_tricks(i32* out) {
    i32 t = threadIdx.x, lane = t % 32;
    u32 mask = t < 32 ? 0xFFFFFFFFu : 0x0000FFFFu;
    i32* o = out + 8 * t;
    o[0] = __shfl_sync(mask, t, 3);
    o[1] = __shfl_up_sync(mask, t, 1);
    o[2] = __shfl_down_sync(mask, t, 1, 16);
    o[3] = __shfl_xor_sync(mask, t, 5);
    o[4] = (i32)__ballot_sync(mask, lane % 3 == 0);
    o[5] = __any_sync(mask, lane == 7) + 2 * __all_sync(mask, lane < 32);
    o[6] = (i32)__match_any_sync(mask, lane % 4);
    o[7] = __syncthreads_count(t % 2) + 100 * __syncthreads_or(t == 5) + 1000 * __syncthreads_and(t < 48);
    if (lane < 4) o[0] += __shfl_sync(0xFu, t, 0); /* a part of the warp alone */
}

/* Same-warp exchange through shared memory is right with __syncwarp. */
extern "C" __global__ void syncwarp_exchange(i32* out) {
    __shared__ i32 tile[64];
    i32 t = threadIdx.x;
    tile[t] = t * t;
    __syncwarp();
    i32 v = tile[t ^ 1];
    __syncwarp();
    tile[t ^ 3] = v;
    __syncwarp();
    out[t] = tile[t];
}

extern "C" __global__ void histogram(const u32* x, u32* counts, f32* total, i32 n) {
    __shared__ u32 local[16];
    if (threadIdx.x < 16) local[threadIdx.x] = 0;
    __syncthreads();
    for (i32 i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        atomicAdd(&local[x[i] % 16], 1u);
        atomicAdd(total, 1.0f);
        atomicMax(&counts[16], x[i]);
    }
    __syncthreads();
    if (threadIdx.x < 16) atomicAdd(&counts[threadIdx.x], local[threadIdx.x]);
}

/* Reverses each tile of 4 * blockDim.x floats through dynamic shared memory, filled by cp.async in two groups. */
extern "C" __global__ void reverse_async(const f32* x, f32* y) {
    SG_DYNAMIC_SHARED(f32, tile);
    u32 t = threadIdx.x, n = blockDim.x, base = blockIdx.x * 4 * n;
    if (t < n / 2) ptx_cp_async_16(tile + 4 * t, x + base + 4 * t);
    ptx_cp_async_commit();
    if (t >= n / 2) ptx_cp_async_16(tile + 4 * t, x + base + 4 * t);
    ptx_cp_async_commit();
    ptx_cp_async_wait<0>();
    __syncthreads();
    for (u32 i = t; i < 4 * n; i += n) y[base + i] = tile[4 * n - 1 - i];
}

/* One warp: d[16][8] = a[16][16] b[16][8] in 16-bit through ldmatrix, bf16 or fp16. */
template <bool BF16>
static __device__ void mma_tile(const u16* a, const u16* b, f32* d) {
    __shared__ __align__(16) u16 ta[16 * 16];
    __shared__ __align__(16) u16 tb[16 * 8];
    i32 lane = threadIdx.x;
    for (i32 i = lane; i < 256; i += 32) ta[i] = a[i];
    for (i32 i = lane; i < 128; i += 32) tb[i] = b[i];
    __syncwarp();
    u32 fa[4], fb[2];
    f32 c[4] = {0, 0, 0, 0};
    ptx_ldmatrix_x4(fa, ta + lane % 16 * 16 + lane / 16 * 8);
    ptx_ldmatrix_x2_trans(fb, tb + lane % 16 * 8);
    if (BF16) ptx_mma_m16n8k16_bf16(c, fa, fb, c);
    else ptx_mma_m16n8k16_f16(c, fa, fb, c);
    i32 g = lane / 4, t = lane % 4;
    d[g * 8 + 2 * t] = c[0];
    d[g * 8 + 2 * t + 1] = c[1];
    d[(g + 8) * 8 + 2 * t] = c[2];
    d[(g + 8) * 8 + 2 * t + 1] = c[3];
}
extern "C" __global__ void mma_bf16(const u16* a, const u16* b, f32* d) { mma_tile<true>(a, b, d); }
extern "C" __global__ void mma_f16(const u16* a, const u16* b, f32* d) { mma_tile<false>(a, b, d); }

/* d[16][8] = a[16][8] b[8][8], TF32. */
extern "C" __global__ void mma_tf32(const f32* a, const f32* b, f32* d) {
    i32 g = threadIdx.x / 4, t = threadIdx.x % 4;
    u32 fa[4] = {ptx_cvt_rna_tf32(a[g * 8 + t]), ptx_cvt_rna_tf32(a[(g + 8) * 8 + t]), ptx_cvt_rna_tf32(a[g * 8 + t + 4]),
                 ptx_cvt_rna_tf32(a[(g + 8) * 8 + t + 4])};
    u32 fb[2] = {ptx_cvt_rna_tf32(b[t * 8 + g]), ptx_cvt_rna_tf32(b[(t + 4) * 8 + g])};
    f32 c[4] = {0, 0, 0, 0};
    ptx_mma_m16n8k8_tf32(c, fa, fb, c);
    d[g * 8 + 2 * t] = c[0];
    d[g * 8 + 2 * t + 1] = c[1];
    d[(g + 8) * 8 + 2 * t] = c[2];
    d[(g + 8) * 8 + 2 * t + 1] = c[3];
}

extern "C" __global__ void grid3(u32* out, u8 tag, u64 offset) {
    u32 b = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    out[offset + b * sg_block_threads() + sg_thread_rank()] = tag + 1000 * b + sg_thread_rank();
}

/* The last block to finish sums what all blocks wrote. */
extern "C" __global__ void last_block(f32* parts, u32* done, f32* total) {
    __shared__ u32 last;
    if (threadIdx.x == 0) {
        parts[blockIdx.x] = blockIdx.x + 1.0f;
        __threadfence();
        last = atomicAdd(done, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x == 0) {
        f32 s = 0;
        for (u32 i = 0; i < gridDim.x; i++) s += parts[i];
        *total = s;
    }
}

/* A warp spins until another one sets a flag. */
extern "C" __global__ void spin(u32* flag, i32* out) {
    if (threadIdx.x < 32) {
        while (ptx_ld_acquire_gpu(flag) == 0) {}
        out[threadIdx.x] = 7;
    } else if (threadIdx.x == 32) {
        ptx_st_release_gpu(flag, 1);
    }
}

__constant__ f32 table[4] = {1, 2, 3, 4};
extern "C" __global__ void use_table(f32* out) { out[threadIdx.x] = table[threadIdx.x % 4]; }

extern "C" __global__ void twenty_barriers(f32* x) {
    __shared__ f32 tile[256];
    f32 v = x[threadIdx.x];
    for (int i = 0; i < 10; i++) {
        tile[threadIdx.x] = v;
        __syncthreads();
        v += tile[threadIdx.x ^ 1];
        __syncthreads();
    }
    x[threadIdx.x] = v;
}

extern "C" __global__ void bit_tricks(u32* out) {
    out[0] = ptx_lop3<(0xF0 & 0xCC) | 0xAA>(0xFF00FF00u, 0xF0F0F0F0u, 0x0000000Fu);
    out[1] = ptx_prmt(0x03020100u, 0x07060504u, 0x7531u);
    out[2] = __byte_perm(0x80020100u, 0x07060504u, 0xB321u);
    out[3] = __brev(1u) + __popc(0xF0u) + __clz(1) + __ffs(8);
    out[4] = __umulhi(0x80000000u, 6u);
    out[5] = (u32)__dp4a((int)0x01FF0203, (int)0x02020202, 10);
    out[6] = (u32)__float2int_rn(2.5f) + 10 * (u32)__float2int_rn(3.5f) + 100 * (u32)__float2int_rz(1.9f);
    out[7] = (u32)__float2int_rn(1e20f);
}
