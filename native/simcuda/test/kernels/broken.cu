/* One fault each. The test names the words that the report must hold. */
#include "lib/cuda/cuda.cuh"
#include "lib/cuda/ptx.cuh"

extern "C" __global__ void out_of_bounds_write(f32* y, i32 n) { y[blockIdx.x * blockDim.x + threadIdx.x + 1] = (f32)n; }
extern "C" __global__ void out_of_bounds_read(const f32* x, f32* y) { y[threadIdx.x] = x[(i32)threadIdx.x - 1]; }
extern "C" __global__ void far_write(f32* y) { y[10000000] = 1; }
extern "C" __global__ void null_write(f32* y) { *y = 1; }
extern "C" __global__ void store1(f32* y) { y[threadIdx.x] = 1; }

extern "C" __global__ void misaligned(const f32* x, f32* y) { y[threadIdx.x] = sg_load4(x + 1).x; }

extern "C" __global__ void barrier_in_branch(i32* y) {
    if (threadIdx.x < 40) __syncthreads();
    y[threadIdx.x] = 1;
}
extern "C" __global__ void two_barriers(i32* y) {
    if (threadIdx.x < 32) {
        y[threadIdx.x] = 1;
        __syncthreads();
    } else {
        __syncthreads();
    }
}
extern "C" __global__ void shuffle_in_branch(i32* y) {
    if (threadIdx.x % 2 == 0) y[threadIdx.x] = __shfl_sync(SG_FULL_MASK, 1, 0);
    else __syncthreads();
}
extern "C" __global__ void not_in_mask(i32* y) { y[threadIdx.x] = __shfl_sync(0x0000FFFFu, 1, 0); }

extern "C" __global__ void race_write_read(i32* y) {
    __shared__ i32 tile[64];
    tile[threadIdx.x] = threadIdx.x;
    y[threadIdx.x] = tile[threadIdx.x ^ 1];
}
extern "C" __global__ void race_lockstep(i32* y) { /* one warp, a shuffle between, but no __syncwarp */
    __shared__ i32 tile[32];
    tile[threadIdx.x] = threadIdx.x;
    i32 v = __shfl_sync(SG_FULL_MASK, 3, 0);
    y[threadIdx.x] = tile[threadIdx.x ^ 1] + v;
}
extern "C" __global__ void race_write_write(i32* y) {
    SG_DYNAMIC_SHARED(i32, tile);
    tile[threadIdx.x / 2] = threadIdx.x;
    __syncthreads();
    y[threadIdx.x] = tile[threadIdx.x / 2];
}
extern "C" __global__ void race_read_write(i32* y) {
    __shared__ i32 tile[64];
    tile[threadIdx.x] = threadIdx.x;
    __syncthreads();
    i32 v = tile[threadIdx.x ^ 33];
    tile[threadIdx.x] = v; /* others may not have read yet */
    y[threadIdx.x] = v;
}
extern "C" __global__ void race_global(i32* y) { y[0] = blockIdx.x; }
extern "C" __global__ void race_global_read(i32* y) {
    y[blockIdx.x * blockDim.x + threadIdx.x] = 1;
    y[gridDim.x * blockDim.x + blockIdx.x * blockDim.x + threadIdx.x] = y[threadIdx.x];
}

extern "C" __global__ void copy1(const f32* x, f32* y) { y[threadIdx.x] = x[threadIdx.x]; }
extern "C" __global__ void uninitialised_shared(f32* y) {
    __shared__ f32 tile[64];
    if (threadIdx.x < 32) tile[threadIdx.x] = 1;
    __syncthreads();
    y[threadIdx.x] = tile[threadIdx.x];
}
extern "C" __global__ void shared_overrun(f32* y) {
    SG_DYNAMIC_SHARED(f32, tile);
    tile[threadIdx.x + 1] = 1;
    __syncthreads();
    y[threadIdx.x] = tile[threadIdx.x];
}
extern "C" __global__ void static_overrun(f32* y, i32 n) {
    __shared__ f32 tile[32];
    tile[threadIdx.x + n] = 1;
    __syncthreads();
    y[threadIdx.x] = tile[threadIdx.x];
}
extern "C" __global__ void forgotten_wait(const f32* x, f32* y) {
    __shared__ __align__(16) f32 tile[128];
    ptx_cp_async_16(tile + 4 * threadIdx.x, x + 4 * threadIdx.x);
    ptx_cp_async_commit();
    __syncthreads();
    y[threadIdx.x] = tile[threadIdx.x];
}
extern "C" __global__ void big_shift(u32* y) { y[threadIdx.x] = 1u << (threadIdx.x + 1); }
extern "C" __global__ void divide(i32* y, i32 n) { y[threadIdx.x] = 5 / n; }
extern "C" __global__ void endless(u32* y) {
    while (ptx_ld_acquire_gpu(y) == 0) {}
}
