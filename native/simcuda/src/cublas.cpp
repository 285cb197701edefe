// The part of cuBLAS that a network needs: column-major GEMM and GEMV.
#include "cublas_gemm.h"

namespace {

struct Handle {
    CUstream stream;
    int math_mode, pointer_mode;
};

int submit(Handle* h, const char* call, Gemm g, const void* alpha, const void* beta) {
    if (h == nullptr) return kNotInitialised;
    if (g.m > 0 && g.n > 0 && g.batch > 0 && (alpha == nullptr || beta == nullptr)) return kInvalidValue;
    g.device_scalars = h->pointer_mode;
    if (h->pointer_mode) {
        g.alpha_on_device = static_cast<const float*>(alpha);
        g.beta_on_device = static_cast<const float*>(beta);
    } else if (alpha != nullptr && beta != nullptr) {
        g.alpha = *static_cast<const float*>(alpha);
        g.beta = *static_cast<const float*>(beta);
    }
    return submit(h->stream, call, g);
}

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
