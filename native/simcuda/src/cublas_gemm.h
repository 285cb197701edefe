// Column-major products in fp32, bf16 and fp16 storage with fp32 accumulation, for cublas.cpp and cublaslt.cpp: each library has its own copy.
#pragma once

#include <array>
#include <cstring>
#include <mutex>
#include <set>
#include <vector>

#include "../include/simcuda/bits.h"
#include "library.h"

namespace {

enum Status { kSuccess = 0, kNotInitialised = 1, kInvalidValue = 7, kExecutionFailed = 13, kNotSupported = 15 };
enum Type { kF32 = 0, kF16 = 2, kBf16 = 14 };
constexpr int kTf32Math = 3, kComputeF32 = 68, kComputePedantic = 69, kComputeFast16 = 74, kComputeFastBf16 = 75, kComputeFastTf32 = 77;

float read(const void* p, int type, size_t i) {
    if (type == kF32) return static_cast<const float*>(p)[i];
    unsigned bits = static_cast<const unsigned short*>(p)[i];
    if (type == kBf16) return simcuda_cast<float>(bits << 16);
    _Float16 h;
    memcpy(&h, &bits, sizeof h);
    return static_cast<float>(h);
}

void write(void* p, int type, size_t i, float x) {
    if (type == kF32) {
        static_cast<float*>(p)[i] = x;
    } else if (type == kBf16) {
        unsigned bits = simcuda_cast<unsigned>(x);
        bits = x != x ? 0x7FC0u << 16 : bits + 0x7FFF + (bits >> 16 & 1); // to nearest, ties to even
        static_cast<unsigned short*>(p)[i] = static_cast<unsigned short>(bits >> 16);
    } else {
        _Float16 h = static_cast<_Float16>(x);
        memcpy(static_cast<unsigned short*>(p) + i, &h, sizeof h);
    }
}

float to_tf32(float x) { return x != x ? x : simcuda_cast<float>((simcuda_cast<unsigned>(x) + 0x1000) & 0xFFFFE000u); }

struct Gemm {
    int transa, transb, m, n, k, atype, btype, ctype, lda, ldb, ldc, batch, tf32, device_scalars;
    const void *a, *b;
    void* c;
    long long stride_a, stride_b, stride_c;
    float alpha, beta;
    const float *alpha_on_device, *beta_on_device;
    const float* bias = nullptr; // added to each column
    long long stride_bias = 0;
};

// Kernels are loaded when a product of their kind first runs, which some drivers forbid within a capture: so does this one, of every shape that has not run before.
bool loaded(CUstream stream, const Gemm& g) {
    static std::mutex lock;
    static std::set<std::array<int, 12>> kernels;
    std::array<int, 12> key{g.transa, g.transb, g.m, g.n, g.k, g.atype, g.btype, g.ctype, g.lda, g.ldb, g.batch, g.tf32};
    std::lock_guard<std::mutex> guard(lock);
    if (kernels.count(key)) return true;
    if (!simcuda_library_may_load(stream)) return false;
    kernels.insert(key);
    return true;
}

size_t width(int type) { return type == kF32 ? 4 : 2; }

// One matrix as floats, `rows` by `cols`, column-major.
std::vector<float> unpack(const void* p, int type, int transposed, int rows, int cols, int ld, bool tf32) {
    std::vector<float> out(static_cast<size_t>(rows) * cols);
    for (int j = 0; j < cols; j++)
        for (int i = 0; i < rows; i++) {
            float x = read(p, type, transposed ? static_cast<size_t>(i) * ld + j : static_cast<size_t>(j) * ld + i);
            out[static_cast<size_t>(j) * rows + i] = tf32 ? to_tf32(x) : x;
        }
    return out;
}

void run(const void* arguments) {
    Gemm g = *static_cast<const Gemm*>(arguments);
    if (g.device_scalars) {
        g.alpha = *g.alpha_on_device;
        g.beta = *g.beta_on_device;
    }
    std::vector<float> column(static_cast<size_t>(g.m));
    for (int batch = 0; batch < g.batch; batch++) {
        const char* a_at = static_cast<const char*>(g.a) + batch * g.stride_a * static_cast<long long>(width(g.atype));
        const char* b_at = static_cast<const char*>(g.b) + batch * g.stride_b * static_cast<long long>(width(g.btype));
        char* c_at = static_cast<char*>(g.c) + batch * g.stride_c * static_cast<long long>(width(g.ctype));
        std::vector<float> a = unpack(a_at, g.atype, g.transa, g.m, g.k, g.lda, g.tf32);
        std::vector<float> b = unpack(b_at, g.btype, g.transb, g.k, g.n, g.ldb, g.tf32);
        for (int j = 0; j < g.n; j++) {
            std::fill(column.begin(), column.end(), 0.0f);
            for (int k = 0; k < g.k; k++) {
                float x = b[static_cast<size_t>(j) * g.k + k];
                const float* from = &a[static_cast<size_t>(k) * g.m];
                for (int i = 0; i < g.m; i++) column[i] += x * from[i];
            }
            for (int i = 0; i < g.m; i++) {
                size_t at = static_cast<size_t>(j) * g.ldc + i;
                float old = g.beta == 0 ? 0 : g.beta * read(c_at, g.ctype, at); // beta 0: c may hold NaN
                float sum = g.alpha * column[i] + old;
                write(c_at, g.ctype, at, g.bias == nullptr ? sum : sum + g.bias[batch * g.stride_bias + i]);
            }
        }
    }
}

size_t extent(int rows, int cols, int ld, int type, long long stride, int batch) {
    if (rows <= 0 || cols <= 0) return 0;
    long long elements = static_cast<long long>(cols - 1) * ld + rows + (batch - 1) * stride;
    return static_cast<size_t>(elements) * width(type);
}

// Checks, then runs or captures. The scalars are set, or their places on the device; `scratch` is memory of the caller's that the product writes to.
int submit(CUstream stream, const char* call, const Gemm& g, void* scratch = nullptr, size_t scratch_bytes = 0) {
    for (int type : {g.atype, g.btype, g.ctype})
        if (type != kF32 && type != kF16 && type != kBf16) return kNotSupported;
    if (g.m < 0 || g.n < 0 || g.k < 0 || g.batch < 0) return kInvalidValue;
    int a_rows = g.transa ? g.k : g.m, a_cols = g.transa ? g.m : g.k, b_rows = g.transb ? g.n : g.k, b_cols = g.transb ? g.k : g.n;
    if (g.lda < (a_rows > 1 ? a_rows : 1) || g.ldb < (b_rows > 1 ? b_rows : 1) || g.ldc < (g.m > 1 ? g.m : 1)) return kInvalidValue;
    if (g.m == 0 || g.n == 0 || g.batch == 0) return kSuccess;
    SimOperand operands[5] = {{g.a, extent(a_rows, a_cols, g.lda, g.atype, g.stride_a, g.batch), 0},
                              {g.b, extent(b_rows, b_cols, g.ldb, g.btype, g.stride_b, g.batch), 0},
                              {g.c, extent(g.m, g.n, g.ldc, g.ctype, g.stride_c, g.batch), 1}};
    int count = 3;
    if (g.bias != nullptr) operands[count++] = {g.bias, static_cast<size_t>((g.batch - 1) * g.stride_bias + g.m) * 4, 0};
    if (scratch_bytes > 0) operands[count++] = {scratch, scratch_bytes, 1};
    if (!loaded(stream, g)) return kExecutionFailed;
    return simcuda_library_work(stream, call, operands, count, run, &g, sizeof g) == CUDA_SUCCESS ? kSuccess : kExecutionFailed;
}

bool computes_in_f32(int type) { return type == kComputeF32 || type == kComputePedantic || (type >= kComputeFast16 && type <= kComputeFastTf32); }

} // namespace
