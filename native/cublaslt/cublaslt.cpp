// Products with a bias by cuBLASLt, for dev.sagitta.device.cuda.CublasLt. Matrices are row-major; cuBLASLt, column-major, is asked for C' = op(B)' op(A)', whose rows
// are the columns of C: so its bias along rows is ours along columns. An algorithm is chosen once for a plan and kept: the same plan gives the same bits every time.
#include <jni.h>

#include <string>

#include "library.h"

namespace {

using namespace lt;

Library library;

// The largest power of two, up to cuBLASLt's own assumption, that divides an address.
uint32_t alignment(jlong address) {
    uint32_t bytes = 256;
    while (bytes > 1 && address % bytes != 0) bytes /= 2;
    return bytes;
}

struct Plan {
    Opaque handle = nullptr, descriptor = nullptr, first = nullptr, second = nullptr, product = nullptr;
    const void *first_at = nullptr, *second_at = nullptr;
    void* product_at = nullptr;
    Algorithm algorithm{};
    size_t workspace = 0;

    ~Plan() {
        if (descriptor != nullptr) library.descriptor_destroy(descriptor);
        for (Opaque layout : {first, second, product})
            if (layout != nullptr) library.layout_destroy(layout);
    }
};

template <typename T>
int set(int (*setter)(Opaque, int, const void*, size_t), Opaque object, int attribute, T value) {
    return setter(object, attribute, &value, sizeof value);
}

int layout(Opaque* made, int type, jlong rows, jlong columns, jlong leading, jint batch, jlong stride) {
    int status = library.layout_create(made, type, static_cast<uint64_t>(rows), static_cast<uint64_t>(columns), leading);
    if (status == kSuccess && batch > 1) status = set<int32_t>(library.layout_set, *made, kBatch, batch);
    if (status == kSuccess && batch > 1) status = set<int64_t>(library.layout_set, *made, kStride, stride);
    return status;
}

int choose(Plan& plan, Opaque preference, jlong a, jlong b, jlong c, jlong workspace) {
    const struct {
        int attribute;
        jlong address;
    } operands[] = {{kAlignmentA, b}, {kAlignmentB, a}, {kAlignmentC, c}, {kAlignmentD, c}};
    for (auto [attribute, address] : operands)
        if (int status = set<uint32_t>(library.preference_set, preference, attribute, alignment(address))) return status;
    if (int status = set<uint64_t>(library.preference_set, preference, kMostWorkspace, static_cast<uint64_t>(workspace))) return status;
    Candidate best{};
    int found = 0;
    int status = library.choose(plan.handle, plan.descriptor, plan.first, plan.second, plan.product, plan.product, preference, 1, &best, &found);
    if (status != kSuccess) return status;
    if (found < 1) return kNotSupported;
    if (best.state != kSuccess) return best.state;
    plan.algorithm = best.algorithm;
    plan.workspace = best.workspace;
    return kSuccess;
}

} // namespace

#define NATIVE(type, name) extern "C" JNIEXPORT type JNICALL Java_dev_sagitta_device_cuda_CublasLt_##name

// Why the library cannot be used, or null.
NATIVE(jstring, open)(JNIEnv* env, jclass, jstring file) {
    const char* name = env->GetStringUTFChars(file, nullptr);
    if (name == nullptr) return nullptr; // the JVM throws
    void* loaded = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
    std::string problem;
    if (loaded == nullptr) {
        const char* text = dlerror();
        problem = text != nullptr ? text : "dlopen failed";
    } else if (const char* missing = library.load(loaded)) {
        problem = std::string(name) + " has no " + missing;
    }
    env->ReleaseStringUTFChars(file, name);
    return problem.empty() ? nullptr : env->NewStringUTF(problem.c_str());
}

NATIVE(jlong, version)(JNIEnv*, jclass) { return static_cast<jlong>(library.version()); }

NATIVE(jint, create)(JNIEnv* env, jclass, jlongArray made) {
    Opaque handle = nullptr;
    int status = library.create(&handle);
    jlong value = reinterpret_cast<jlong>(handle);
    env->SetLongArrayRegion(made, 0, 1, &value);
    return status;
}

NATIVE(jint, destroy)(JNIEnv*, jclass, jlong handle) { return library.destroy(reinterpret_cast<Opaque>(handle)); }

// Addresses are of device memory; strides count elements; a batch of 1 ignores them.
NATIVE(jint, plan)
(JNIEnv* env, jclass, jlong handle, jboolean trans_a, jboolean trans_b, jlong m, jlong n, jlong k, jint factor, jint product, jint compute, jlong a, jlong lda,
 jlong stride_a, jlong b, jlong ldb, jlong stride_b, jlong c, jlong ldc, jlong stride_c, jint batch, jlong bias, jlong stride_bias, jlong workspace,
 jlongArray made) {
    Plan* plan = new Plan;
    plan->handle = reinterpret_cast<Opaque>(handle);
    plan->first_at = reinterpret_cast<const void*>(b);
    plan->second_at = reinterpret_cast<const void*>(a);
    plan->product_at = reinterpret_cast<void*>(c);
    int status = library.descriptor_create(&plan->descriptor, compute, kF32);
    auto describe = [&](int attribute, auto value) {
        if (status == kSuccess) status = set(library.descriptor_set, plan->descriptor, attribute, value);
    };
    describe(kTransA, int32_t{trans_b ? kTransposed : kPlain});
    describe(kTransB, int32_t{trans_a ? kTransposed : kPlain});
    describe(kEpilogue, uint32_t{kAddBias});
    describe(kBiasPointer, reinterpret_cast<const void*>(bias));
    if (batch > 1) describe(kBiasStride, int64_t{stride_bias});
    if (status == kSuccess) status = layout(&plan->first, factor, trans_b ? k : n, trans_b ? n : k, ldb, batch, stride_b);
    if (status == kSuccess) status = layout(&plan->second, factor, trans_a ? m : k, trans_a ? k : m, lda, batch, stride_a);
    if (status == kSuccess) status = layout(&plan->product, product, n, m, ldc, batch, stride_c);
    Opaque preference = nullptr;
    if (status == kSuccess) status = library.preference_create(&preference);
    if (status == kSuccess) status = choose(*plan, preference, a, b, c, workspace);
    if (preference != nullptr) library.preference_destroy(preference);
    if (status != kSuccess) {
        delete plan;
        return status;
    }
    jlong value = reinterpret_cast<jlong>(plan);
    env->SetLongArrayRegion(made, 0, 1, &value);
    return kSuccess;
}

NATIVE(jint, run)(JNIEnv*, jclass, jlong which, jfloat alpha, jfloat beta, jlong stream, jlong workspace, jlong bytes) {
    const Plan& plan = *reinterpret_cast<const Plan*>(which);
    if (plan.workspace > static_cast<size_t>(bytes)) return kInvalidValue;
    return library.multiply(plan.handle, plan.descriptor, &alpha, plan.first_at, plan.first, plan.second_at, plan.second, &beta, plan.product_at, plan.product,
                            plan.product_at, plan.product, &plan.algorithm, reinterpret_cast<void*>(workspace), static_cast<size_t>(bytes),
                            reinterpret_cast<void*>(stream));
}

NATIVE(void, release)(JNIEnv*, jclass, jlong plan) { delete reinterpret_cast<Plan*>(plan); }
