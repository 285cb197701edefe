// The part of cuBLASLt that native/cublaslt calls: a product with a bias. Stricter than the real one: an algorithm serves the very shapes and addresses' alignments
// that it was chosen for, and a long sum claims workspace to its last byte.
#include <cstdint>

#include "cublas_gemm.h"

namespace {

constexpr int kEpilogueBias = 4, kLongSum = 128;
constexpr size_t kLongSumWorkspace = 4096;

struct Context {
    int unused;
};

struct Descriptor {
    int compute;
    int32_t transa = 0, transb = 0;
    uint32_t epilogue = 1;
    const float* bias = nullptr;
    int64_t stride_bias = 0;
};

struct Layout {
    int type;
    int rows, columns;
    int leading;
    int32_t batch = 1;
    int64_t stride = 0;
};

struct Preference {
    uint64_t workspace = 0;
    uint32_t alignment[4] = {256, 256, 256, 256};
};

struct Algorithm {
    uint64_t digest, alignment[4], unused[3];
};

struct Candidate {
    Algorithm algorithm;
    size_t workspace;
    int state;
    float waves;
    int reserved[4];
};

template <typename T>
int assign(T& to, const void* from, size_t bytes) {
    if (from == nullptr || bytes != sizeof(T)) return kInvalidValue;
    memcpy(&to, from, sizeof(T));
    return kSuccess;
}

uint64_t digest(const Descriptor& d, const Layout& a, const Layout& b, const Layout& c) {
    uint64_t hash = 0x9E3779B97F4A7C15u;
    auto mix = [&](int64_t value) { hash = (hash ^ static_cast<uint64_t>(value)) * 0x100000001B3u; };
    for (int64_t value : {int64_t{d.compute}, int64_t{d.transa}, int64_t{d.transb}, int64_t{d.epilogue}, d.stride_bias}) mix(value);
    for (const Layout* l : {&a, &b, &c})
        for (int64_t value : {int64_t{l->type}, int64_t{l->rows}, int64_t{l->columns}, int64_t{l->leading}, int64_t{l->batch}, l->stride}) mix(value);
    return hash;
}

int inner(const Descriptor& d, const Layout& a) { return d.transa ? a.rows : a.columns; }

size_t workspace(const Descriptor& d, const Layout& a) { return inner(d, a) >= kLongSum ? kLongSumWorkspace : 0; }

// kSuccess if the three matrices fit each other and the epilogue is ours.
int check(const Descriptor& d, const Layout& a, const Layout& b, const Layout& c) {
    int m = d.transa ? a.columns : a.rows, n = d.transb ? b.rows : b.columns, k = d.transb ? b.columns : b.rows;
    if (m != c.rows || n != c.columns || k != inner(d, a)) return kInvalidValue;
    if (a.batch != c.batch || b.batch != c.batch) return kInvalidValue;
    if (d.epilogue != kEpilogueBias || d.bias == nullptr || !computes_in_f32(d.compute)) return kNotSupported;
    // the bias has the product's type, and ours is fp32
    return c.type == kF32 && a.type == b.type ? kSuccess : kNotSupported;
}

} // namespace

SIM_API size_t cublasLtGetVersion() { return 120600; }
SIM_API int cublasLtCreate(Context** made) {
    *made = nullptr;
    if (!simcuda_cublas_may_start()) return kNotInitialised;
    *made = new Context{0};
    return kSuccess;
}
SIM_API int cublasLtDestroy(Context* context) {
    if (context == nullptr) return kNotInitialised;
    delete context;
    return kSuccess;
}

SIM_API int cublasLtMatmulDescCreate(Descriptor** made, int compute, int scale) {
    if (scale != kF32) return kNotSupported;
    *made = new Descriptor{compute};
    return kSuccess;
}
SIM_API int cublasLtMatmulDescSetAttribute(Descriptor* d, int attribute, const void* value, size_t bytes) {
    switch (attribute) {
    case 3: return assign(d->transa, value, bytes);
    case 4: return assign(d->transb, value, bytes);
    case 7: return assign(d->epilogue, value, bytes);
    case 8: return assign(d->bias, value, bytes);
    case 10: return assign(d->stride_bias, value, bytes);
    default: return kNotSupported;
    }
}
SIM_API int cublasLtMatmulDescDestroy(Descriptor* d) {
    delete d;
    return kSuccess;
}

SIM_API int cublasLtMatrixLayoutCreate(Layout** made, int type, uint64_t rows, uint64_t columns, int64_t leading) {
    if (rows < 1 || columns < 1 || leading < static_cast<int64_t>(rows)) return kInvalidValue;
    *made = new Layout{type, static_cast<int>(rows), static_cast<int>(columns), static_cast<int>(leading)};
    return kSuccess;
}
SIM_API int cublasLtMatrixLayoutSetAttribute(Layout* l, int attribute, const void* value, size_t bytes) {
    return attribute == 5 ? assign(l->batch, value, bytes) : attribute == 6 ? assign(l->stride, value, bytes) : kNotSupported;
}
SIM_API int cublasLtMatrixLayoutDestroy(Layout* l) {
    delete l;
    return kSuccess;
}

SIM_API int cublasLtMatmulPreferenceCreate(Preference** made) {
    *made = new Preference{};
    return kSuccess;
}
SIM_API int cublasLtMatmulPreferenceSetAttribute(Preference* p, int attribute, const void* value, size_t bytes) {
    if (attribute >= 5 && attribute <= 8) return assign(p->alignment[attribute - 5], value, bytes);
    return attribute == 1 ? assign(p->workspace, value, bytes) : kNotSupported;
}
SIM_API int cublasLtMatmulPreferenceDestroy(Preference* p) {
    delete p;
    return kSuccess;
}

SIM_API int cublasLtMatmulAlgoGetHeuristic(Context* context, const Descriptor* d, const Layout* a, const Layout* b, const Layout* c, const Layout* product,
                                           const Preference* p, int wanted, Candidate* candidates, int* found) {
    *found = 0;
    if (context == nullptr) return kNotInitialised;
    if (wanted < 1 || digest(*d, *a, *b, *c) != digest(*d, *a, *b, *product)) return kInvalidValue;
    if (int status = check(*d, *a, *b, *c)) return status;
    if (workspace(*d, *a) > p->workspace) return kNotSupported;
    candidates[0] = {};
    candidates[0].algorithm.digest = digest(*d, *a, *b, *c);
    for (int i = 0; i < 4; i++) candidates[0].algorithm.alignment[i] = p->alignment[i];
    candidates[0].workspace = workspace(*d, *a);
    *found = 1;
    return kSuccess;
}

SIM_API int cublasLtMatmul(Context* context, const Descriptor* d, const void* alpha, const void* a, const Layout* la, const void* b, const Layout* lb,
                           const void* beta, const void* c, const Layout* lc, void* product, const Layout* lp, const Algorithm* algorithm, void* scratch,
                           size_t scratch_bytes, CUstream stream) {
    if (context == nullptr) return kNotInitialised;
    if (int status = check(*d, *la, *lb, *lp)) return status;
    if (alpha == nullptr || beta == nullptr || c != product || digest(*d, *la, *lb, *lc) != digest(*d, *la, *lb, *lp)) return kInvalidValue;
    if (algorithm == nullptr || algorithm->digest != digest(*d, *la, *lb, *lp)) return kInvalidValue;
    const void* addresses[4] = {a, b, c, product};
    for (int i = 0; i < 4; i++)
        if (reinterpret_cast<uintptr_t>(addresses[i]) % algorithm->alignment[i] != 0) return kInvalidValue;
    size_t needed = workspace(*d, *la);
    if (needed > scratch_bytes) return kInvalidValue;
    Gemm g{d->transa, d->transb, lp->rows, lp->columns, inner(*d, *la), la->type, lb->type, lp->type, la->leading, lb->leading, lp->leading, lp->batch,
           la->type == kF32 && d->compute == kComputeFastTf32, 0, a, b, product, la->stride, lb->stride, lp->stride, *static_cast<const float*>(alpha),
           *static_cast<const float*>(beta), nullptr, nullptr};
    g.bias = d->bias;
    g.stride_bias = d->stride_bias;
    return submit(stream, "cublasLtMatmul", g, scratch, needed);
}
