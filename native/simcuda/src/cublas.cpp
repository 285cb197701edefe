// The part of cuBLAS that a network needs: column-major GEMM and GEMV in fp32, bf16 and fp16 storage with fp32 accumulation.
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

struct Handle {
    CUstream stream;
    int math_mode, pointer_mode;
};

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
                write(c_at, g.ctype, at, g.alpha * column[i] + old);
            }
        }
    }
}

size_t extent(int rows, int cols, int ld, int type, long long stride, int batch) {
    if (rows <= 0 || cols <= 0) return 0;
    long long elements = static_cast<long long>(cols - 1) * ld + rows + (batch - 1) * stride;
    return static_cast<size_t>(elements) * width(type);
}

int submit(Handle* h, const char* call, Gemm g, const void* alpha, const void* beta) {
    if (h == nullptr) return kNotInitialised;
    for (int type : {g.atype, g.btype, g.ctype})
        if (type != kF32 && type != kF16 && type != kBf16) return kNotSupported;
    if (g.m < 0 || g.n < 0 || g.k < 0 || g.batch < 0) return kInvalidValue;
    int a_rows = g.transa ? g.k : g.m, a_cols = g.transa ? g.m : g.k, b_rows = g.transb ? g.n : g.k, b_cols = g.transb ? g.k : g.n;
    if (g.lda < (a_rows > 1 ? a_rows : 1) || g.ldb < (b_rows > 1 ? b_rows : 1) || g.ldc < (g.m > 1 ? g.m : 1)) return kInvalidValue;
    if (g.m == 0 || g.n == 0 || g.batch == 0) return kSuccess;
    if (alpha == nullptr || beta == nullptr) return kInvalidValue;
    g.device_scalars = h->pointer_mode;
    if (h->pointer_mode) {
        g.alpha_on_device = static_cast<const float*>(alpha);
        g.beta_on_device = static_cast<const float*>(beta);
    } else {
        g.alpha = *static_cast<const float*>(alpha);
        g.beta = *static_cast<const float*>(beta);
    }
    SimOperand operands[3] = {{g.a, extent(a_rows, a_cols, g.lda, g.atype, g.stride_a, g.batch), 0},
                              {g.b, extent(b_rows, b_cols, g.ldb, g.btype, g.stride_b, g.batch), 0},
                              {g.c, extent(g.m, g.n, g.ldc, g.ctype, g.stride_c, g.batch), 1}};
    if (!loaded(h->stream, g)) return kExecutionFailed;
    return simcuda_library_work(h->stream, call, operands, 3, run, &g, sizeof g) == CUDA_SUCCESS ? kSuccess : kExecutionFailed;
}

bool computes_in_f32(int type) { return type == kComputeF32 || type == kComputePedantic || (type >= kComputeFast16 && type <= kComputeFastTf32); }

} // namespace

SIM_API int cublasCreate_v2(Handle** h) {
    *h = nullptr;
    if (!simcuda_cublas_may_start()) return kNotInitialised;
    *h = new Handle{nullptr, 0, 0};
    return kSuccess;
}
SIM_API int cublasDestroy_v2(Handle* h) {
    if (h == nullptr) return kNotInitialised;
    delete h;
    return kSuccess;
}
SIM_API int cublasGetVersion_v2(Handle*, int* version) {
    *version = 120600;
    return kSuccess;
}
SIM_API int cublasGetProperty(int which, int* value) {
    constexpr int parts[] = {12, 6, 0};
    if (which < 0 || which > 2) return kInvalidValue;
    *value = parts[which];
    return kSuccess;
}
SIM_API size_t cublasGetCudartVersion() { return 12060; }
SIM_API int cublasSetStream_v2(Handle* h, CUstream s) {
    if (h == nullptr) return kNotInitialised;
    h->stream = s;
    return kSuccess;
}
SIM_API int cublasGetStream_v2(Handle* h, CUstream* s) {
    if (h == nullptr) return kNotInitialised;
    *s = h->stream;
    return kSuccess;
}
SIM_API int cublasSetWorkspace_v2(Handle* h, void*, size_t) { return h == nullptr ? kNotInitialised : kSuccess; }
SIM_API int cublasSetMathMode(Handle* h, int mode) {
    if (h == nullptr) return kNotInitialised;
    h->math_mode = mode;
    return kSuccess;
}
SIM_API int cublasGetMathMode(Handle* h, int* mode) {
    if (h == nullptr) return kNotInitialised;
    *mode = h->math_mode;
    return kSuccess;
}
SIM_API int cublasSetPointerMode_v2(Handle* h, int mode) {
    if (h == nullptr) return kNotInitialised;
    h->pointer_mode = mode;
    return kSuccess;
}
SIM_API int cublasGetPointerMode_v2(Handle* h, int* mode) {
    if (h == nullptr) return kNotInitialised;
    *mode = h->pointer_mode;
    return kSuccess;
}
SIM_API int cublasSetAtomicsMode(Handle* h, int) { return h == nullptr ? kNotInitialised : kSuccess; }
SIM_API const char* cublasGetStatusName(int status) {
    switch (status) {
    case kSuccess: return "CUBLAS_STATUS_SUCCESS";
    case kNotInitialised: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case kInvalidValue: return "CUBLAS_STATUS_INVALID_VALUE";
    case kExecutionFailed: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case kNotSupported: return "CUBLAS_STATUS_NOT_SUPPORTED";
    default: return "CUBLAS_STATUS_unknown";
    }
}
SIM_API const char* cublasGetStatusString(int status) { return cublasGetStatusName(status); }

SIM_API int cublasSgemm_v2(Handle* h, int ta, int tb, int m, int n, int k, const float* alpha, const float* a, int lda, const float* b, int ldb,
                           const float* beta, float* c, int ldc) {
    int tf32 = h != nullptr && h->math_mode == kTf32Math;
    return submit(h, "cublasSgemm", {ta, tb, m, n, k, kF32, kF32, kF32, lda, ldb, ldc, 1, tf32, 0, a, b, c, 0, 0, 0, 0, 0, nullptr, nullptr}, alpha, beta);
}
SIM_API int cublasSgemmStridedBatched(Handle* h, int ta, int tb, int m, int n, int k, const float* alpha, const float* a, int lda, long long sa,
                                      const float* b, int ldb, long long sb, const float* beta, float* c, int ldc, long long sc, int batch) {
    int tf32 = h != nullptr && h->math_mode == kTf32Math;
    return submit(h, "cublasSgemmStridedBatched",
                  {ta, tb, m, n, k, kF32, kF32, kF32, lda, ldb, ldc, batch, tf32, 0, a, b, c, sa, sb, sc, 0, 0, nullptr, nullptr}, alpha, beta);
}
SIM_API int cublasGemmStridedBatchedEx(Handle* h, int ta, int tb, int m, int n, int k, const void* alpha, const void* a, int atype, int lda,
                                       long long sa, const void* b, int btype, int ldb, long long sb, const void* beta, void* c, int ctype, int ldc,
                                       long long sc, int batch, int compute, int) {
    if (!computes_in_f32(compute) || atype != btype) return kNotSupported;
    bool tf32 = atype == kF32 && (compute == kComputeFastTf32 || (compute == kComputeF32 && h != nullptr && h->math_mode == kTf32Math));
    return submit(h, "cublasGemmStridedBatchedEx",
                  {ta, tb, m, n, k, atype, btype, ctype, lda, ldb, ldc, batch, tf32, 0, a, b, c, sa, sb, sc, 0, 0, nullptr, nullptr}, alpha, beta);
}
SIM_API int cublasGemmEx(Handle* h, int ta, int tb, int m, int n, int k, const void* alpha, const void* a, int atype, int lda, const void* b, int btype,
                         int ldb, const void* beta, void* c, int ctype, int ldc, int compute, int algorithm) {
    return cublasGemmStridedBatchedEx(h, ta, tb, m, n, k, alpha, a, atype, lda, 0, b, btype, ldb, 0, beta, c, ctype, ldc, 0, 1, compute, algorithm);
}
// y = op(A) x as the row y' = x' op(A)': then any increment is a leading dimension.
SIM_API int cublasSgemv_v2(Handle* h, int trans, int m, int n, const float* alpha, const float* a, int lda, const float* x, int incx, const float* beta,
                           float* y, int incy) {
    if (incx <= 0 || incy <= 0) return kNotSupported;
    int rows = trans ? n : m, inner = trans ? m : n;
    return submit(h, "cublasSgemv", {0, !trans, 1, rows, inner, kF32, kF32, kF32, incx, lda, incy, 1, 0, 0, x, a, y, 0, 0, 0, 0, 0, nullptr, nullptr}, alpha, beta);
}
