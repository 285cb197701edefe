// Forwards the calls of dev.sagitta.device.cuda.CublasGemm from the names and versions of libcublas.so.12 to libcublas.so.13. Between the two versions neither
// the parameters nor the numbers of the enumerations have changed for these functions.
#include <dlfcn.h>

#include <cstddef>

namespace {

void* library() {
    static void* handle = dlopen("libcublas.so.13", RTLD_LAZY | RTLD_LOCAL);
    return handle;
}

constexpr int kNotSupported = 15;

} // namespace

#define FORWARD(name, parameters, arguments)                                               \
    extern "C" int name parameters {                                                       \
        static auto target = reinterpret_cast<int(*) parameters>(dlsym(library(), #name)); \
        return target == nullptr ? kNotSupported : target arguments;                       \
    }

FORWARD(cublasCreate_v2, (void** handle), (handle))
FORWARD(cublasDestroy_v2, (void* handle), (handle))
FORWARD(cublasGetVersion_v2, (void* handle, int* version), (handle, version))
FORWARD(cublasGetProperty, (int which, int* value), (which, value))
FORWARD(cublasSetStream_v2, (void* handle, void* stream), (handle, stream))
FORWARD(cublasSetWorkspace_v2, (void* handle, void* workspace, size_t bytes), (handle, workspace, bytes))
FORWARD(cublasSetPointerMode_v2, (void* handle, int mode), (handle, mode))
FORWARD(cublasSetMathMode, (void* handle, int mode), (handle, mode))
FORWARD(cublasGetMathMode, (void* handle, int* mode), (handle, mode))
FORWARD(cublasGemmEx,
        (void* handle, int transa, int transb, int m, int n, int k, const void* alpha, const void* a, int atype, int lda, const void* b, int btype, int ldb,
         const void* beta, void* c, int ctype, int ldc, int compute, int algorithm),
        (handle, transa, transb, m, n, k, alpha, a, atype, lda, b, btype, ldb, beta, c, ctype, ldc, compute, algorithm))
FORWARD(cublasGemmStridedBatchedEx,
        (void* handle, int transa, int transb, int m, int n, int k, const void* alpha, const void* a, int atype, int lda, long long stridea, const void* b, int btype,
         int ldb, long long strideb, const void* beta, void* c, int ctype, int ldc, long long stridec, int batch, int compute, int algorithm),
        (handle, transa, transb, m, n, k, alpha, a, atype, lda, stridea, b, btype, ldb, strideb, beta, c, ctype, ldc, stridec, batch, compute, algorithm))

// Java loads this library before JCublas2 touches it: a refusal here becomes an UnsatisfiedLinkError there, which says what to do.
extern "C" int JNI_OnLoad(void*, void*) {
    constexpr int kJni18 = 0x00010008, kError = -1;
    return library() == nullptr ? kError : kJni18;
}
