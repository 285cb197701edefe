// Stands in for cuBLAS 13: fp32 products in host memory, column-major, one at a time.
#include <cstddef>

extern "C" {
int cublasCreate_v2(void** handle) {
    static int it;
    *handle = &it;
    return 0;
}
int cublasGetProperty(int which, int* value) {
    constexpr int parts[] = {13, 0, 2};
    *value = parts[which];
    return 0;
}
int cublasDestroy_v2(void*) { return 0; }
int cublasSetStream_v2(void*, void*) { return 0; }
int cublasSetWorkspace_v2(void*, void*, size_t) { return 0; }
int cublasSetMathMode(void*, int) { return 0; }
int cublasGetMathMode(void*, int* mode) {
    *mode = 0;
    return 0;
}
int cublasGemmEx(void*, int transa, int transb, int m, int n, int k, const float* alpha, const float* a, int, int lda, const float* b, int, int ldb,
                 const float* beta, float* c, int, int ldc, int, int) {
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            float sum = 0;
            for (int l = 0; l < k; l++) sum += a[transa ? i * lda + l : l * lda + i] * b[transb ? l * ldb + j : j * ldb + l];
            c[j * ldc + i] = *alpha * sum + (*beta == 0 ? 0 : *beta * c[j * ldc + i]);
        }
    return 0;
}
}
