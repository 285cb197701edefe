// A small test bench over the driver API.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "api.h"

extern "C" {
CUresult cuInit(unsigned);
CUresult cuDevicePrimaryCtxRetain(CUcontext*, CUdevice);
CUresult cuCtxSetCurrent(CUcontext);
CUresult cuCtxSynchronize();
CUresult cuMemAlloc_v2(CUdeviceptr*, size_t);
CUresult cuMemFree_v2(CUdeviceptr);
CUresult cuMemGetInfo_v2(size_t*, size_t*);
CUresult cuMemcpyHtoD_v2(CUdeviceptr, const void*, size_t);
CUresult cuMemcpyDtoH_v2(void*, CUdeviceptr, size_t);
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr, CUdeviceptr, size_t, CUstream);
CUresult cuMemsetD32_v2(CUdeviceptr, unsigned, size_t);
CUresult cuMemsetD32Async(CUdeviceptr, unsigned, size_t, CUstream);
CUresult cuModuleLoadData(CUmodule*, const void*);
CUresult cuModuleLoadDataEx(CUmodule*, const void*, unsigned, int*, void**);
CUresult cuModuleUnload(CUmodule);
CUresult cuModuleGetFunction(CUfunction*, CUmodule, const char*);
CUresult cuModuleGetGlobal_v2(CUdeviceptr*, size_t*, CUmodule, const char*);
CUresult cuFuncSetAttribute(CUfunction, int, int);
CUresult cuFuncGetAttribute(int*, int, CUfunction);
CUresult cuLaunchKernel(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, CUstream, void**, void**);
CUresult cuStreamCreate(CUstream*, unsigned);
CUresult cuStreamDestroy_v2(CUstream);
CUresult cuStreamSynchronize(CUstream);
CUresult cuStreamWaitEvent(CUstream, CUevent, unsigned);
CUresult cuStreamBeginCapture_v2(CUstream, int);
CUresult cuStreamEndCapture(CUstream, CUgraph*);
CUresult cuEventCreate(CUevent*, unsigned);
CUresult cuEventRecord(CUevent, CUstream);
CUresult cuEventElapsedTime(float*, CUevent, CUevent);
CUresult cuGraphGetNodes(CUgraph, CUgraphNode*, size_t*);
CUresult cuGraphInstantiateWithFlags(CUgraphExec*, CUgraph, unsigned long long);
CUresult cuGraphLaunch(CUgraphExec, CUstream);
CUresult cuGraphDestroy(CUgraph);
CUresult cuGraphExecDestroy(CUgraphExec);
CUresult cuGetErrorName(CUresult, const char**);
int cublasCreate_v2(void**);
int cublasDestroy_v2(void*);
int cublasSetStream_v2(void*, CUstream);
int cublasSgemm_v2(void*, int, int, int, int, int, const float*, const float*, int, const float*, int, const float*, float*, int);
int cublasGemmEx(void*, int, int, int, int, int, const void*, const void*, int, int, const void*, int, int, const void*, void*, int, int, int, int);
int cublasSgemv_v2(void*, int, int, int, const float*, const float*, int, const float*, int, const float*, float*, int);
}

inline int failures = 0, checks = 0;

inline void expect(bool ok, const char* what, const std::string& detail, const char* file, int line) {
    checks++;
    if (ok) return;
    failures++;
    fprintf(stderr, "FAILED %s:%d: %s %s\n", file, line, what, detail.c_str());
}
template <class A, class B>
void expect_equal(const A& a, const B& b, const char* what, const char* file, int line) {
    expect(a == b, what, "(" + std::to_string(a) + ", " + std::to_string(b) + ")", file, line);
}
#define EXPECT(x) expect((x), #x, "", __FILE__, __LINE__)
#define EXPECT_EQ(a, b) expect_equal((a), (b), #a " == " #b, __FILE__, __LINE__)
#define OK(call) EXPECT_EQ(call, CUDA_SUCCESS)

template <class T>
struct Device {
    CUdeviceptr p = 0;
    size_t count;
    explicit Device(size_t n) : count(n) { OK(cuMemAlloc_v2(&p, n * sizeof(T))); }
    explicit Device(const std::vector<T>& v) : Device(v.size()) { OK(cuMemcpyHtoD_v2(p, v.data(), v.size() * sizeof(T))); }
    Device(const Device&) = delete;
    ~Device() { cuMemFree_v2(p); }
    std::vector<T> get() const {
        std::vector<T> v(count);
        OK(cuMemcpyDtoH_v2(v.data(), p, count * sizeof(T)));
        return v;
    }
};

struct Dim {
    unsigned x, y = 1, z = 1;
};

// A module image as a test reads it: bytes from a directory, not a path that the driver opens.
struct Kernels {
    CUmodule module = nullptr;
    std::string name;
    Kernels(const std::string& directory, const std::string& stem) : name(stem) {
        std::ifstream in(directory + "/" + stem + ".fatbin", std::ios::binary);
        std::stringstream bytes;
        bytes << in.rdbuf();
        OK(cuModuleLoadData(&module, bytes.str().c_str()));
    }
    ~Kernels() { cuModuleUnload(module); }
    CUfunction function(const char* kernel) const {
        CUfunction f = nullptr;
        OK(cuModuleGetFunction(&f, module, kernel));
        return f;
    }
    template <class... A>
    CUresult launch(const char* kernel, Dim grid, Dim block, size_t shared, CUstream stream, A... arguments) const {
        void* params[] = {&arguments..., nullptr};
        return cuLaunchKernel(function(kernel), grid.x, grid.y, grid.z, block.x, block.y, block.z, shared, stream, params, nullptr);
    }
};

// What was reported since the last call, from the file named by SIMCUDA_REPORT.
inline std::string take_report() {
    const char* path = getenv("SIMCUDA_REPORT");
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    remove(path);
    return text.str();
}

void test_correct(const std::string& directory, bool checked);
void test_broken(const std::string& plain, const std::string& checked);
void test_driver(const std::string& directory);
