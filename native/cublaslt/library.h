// What we use of cuBLASLt 12 and 13: the numbers of its attributes, its structures and its functions, as NVIDIA's reference documents them. The two versions agree.
#pragma once

#include <dlfcn.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace lt {

enum Status { kSuccess = 0, kNotInitialised = 1, kInvalidValue = 7, kNotSupported = 15 };
enum Type { kF32 = 0 };
enum Operation { kPlain = 0, kTransposed = 1 };
enum DescriptorAttribute { kTransA = 3, kTransB = 4, kEpilogue = 7, kBiasPointer = 8, kBiasStride = 10 };
enum LayoutAttribute { kBatch = 5, kStride = 6 };
enum PreferenceAttribute { kMostWorkspace = 1, kAlignmentA = 5, kAlignmentB = 6, kAlignmentC = 7, kAlignmentD = 8 };
enum Epilogue { kAddBias = 4 };

struct Algorithm {
    uint64_t data[8];
};

struct Candidate {
    Algorithm algorithm;
    size_t workspace;
    int state;
    float waves;
    int reserved[4];
};

using Opaque = void*;

struct Library {
    size_t (*version)();
    int (*create)(Opaque* handle);
    int (*destroy)(Opaque handle);
    int (*descriptor_create)(Opaque* descriptor, int compute, int scale);
    int (*descriptor_set)(Opaque descriptor, int attribute, const void* value, size_t bytes);
    int (*descriptor_destroy)(Opaque descriptor);
    int (*layout_create)(Opaque* layout, int type, uint64_t rows, uint64_t columns, int64_t leading);
    int (*layout_set)(Opaque layout, int attribute, const void* value, size_t bytes);
    int (*layout_destroy)(Opaque layout);
    int (*preference_create)(Opaque* preference);
    int (*preference_set)(Opaque preference, int attribute, const void* value, size_t bytes);
    int (*preference_destroy)(Opaque preference);
    int (*choose)(Opaque handle, Opaque descriptor, Opaque a, Opaque b, Opaque c, Opaque d, Opaque preference, int wanted, Candidate* candidates, int* found);
    int (*multiply)(Opaque handle, Opaque descriptor, const void* alpha, const void* a, Opaque a_layout, const void* b, Opaque b_layout, const void* beta,
                    const void* c, Opaque c_layout, void* d, Opaque d_layout, const Algorithm* algorithm, void* workspace, size_t workspace_bytes, void* stream);

    // The name of a function that is missing, or null.
    const char* load(void* from) {
        const char* missing = nullptr;
        auto find = [&](auto& function, const char* name) {
            function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(from, name));
            if (function == nullptr && missing == nullptr) missing = name;
        };
        find(version, "cublasLtGetVersion");
        find(create, "cublasLtCreate");
        find(destroy, "cublasLtDestroy");
        find(descriptor_create, "cublasLtMatmulDescCreate");
        find(descriptor_set, "cublasLtMatmulDescSetAttribute");
        find(descriptor_destroy, "cublasLtMatmulDescDestroy");
        find(layout_create, "cublasLtMatrixLayoutCreate");
        find(layout_set, "cublasLtMatrixLayoutSetAttribute");
        find(layout_destroy, "cublasLtMatrixLayoutDestroy");
        find(preference_create, "cublasLtMatmulPreferenceCreate");
        find(preference_set, "cublasLtMatmulPreferenceSetAttribute");
        find(preference_destroy, "cublasLtMatmulPreferenceDestroy");
        find(choose, "cublasLtMatmulAlgoGetHeuristic");
        find(multiply, "cublasLtMatmul");
        return missing;
    }
};

} // namespace lt
