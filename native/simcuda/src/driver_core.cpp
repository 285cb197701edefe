// Initialisation, the device and contexts.
#include <cstdio>
#include <cstring>
#include <time.h>

#include "driver.h"

namespace sim {

Driver& driver() {
    static Driver& instance = *new Driver;
    return instance;
}

std::vector<CUcontext>& context_stack() {
    // Never freed: Java threads may outlive this library's destructors.
    thread_local std::vector<CUcontext>* stack = new std::vector<CUcontext>;
    return *stack;
}

int64_t clock_ns() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

CUresult require_context() {
    if (!driver().initialised) return CUDA_ERROR_NOT_INITIALIZED;
    if (context_stack().empty() || context_stack().back() == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
    return driver().contexts.count(context_stack().back()) ? CUDA_SUCCESS : CUDA_ERROR_CONTEXT_IS_DESTROYED;
}

} // namespace sim

using namespace sim;

namespace {
constexpr const char* kName = "Simulated CUDA";
constexpr const char* kBusId = "0000:5A:00.0";

void set_current(CUcontext c) {
    auto& stack = context_stack();
    if (stack.empty()) stack.push_back(c);
    else stack.back() = c;
}

void free_context(CUcontext c) {
    memory().release_all(c);
    driver().contexts.erase(c);
}

// The device is small, so that grids sized by the number of multiprocessors stay small, and otherwise an sm_80.
int attribute(int which) {
    switch (which) {
    case 1: return 1024;                          // MAX_THREADS_PER_BLOCK
    case 2: case 3: return 1024;                  // MAX_BLOCK_DIM_X, _Y
    case 4: return 64;                            // MAX_BLOCK_DIM_Z
    case 5: return 2147483647;                    // MAX_GRID_DIM_X
    case 6: case 7: return 65535;                 // MAX_GRID_DIM_Y, _Z
    case 8: return kDefaultDynamicShared;         // MAX_SHARED_MEMORY_PER_BLOCK
    case 9: return 65536;                         // TOTAL_CONSTANT_MEMORY
    case 10: return kWarp;                        // WARP_SIZE
    case 11: return 2147483647;                   // MAX_PITCH
    case 12: return 65536;                        // MAX_REGISTERS_PER_BLOCK
    case 13: return 1410000;                      // CLOCK_RATE, kHz
    case 14: return 512;                          // TEXTURE_ALIGNMENT
    case 15: return 1;                            // GPU_OVERLAP
    case 16: return 4;                            // MULTIPROCESSOR_COUNT
    case 17: return 0;                            // KERNEL_EXEC_TIMEOUT
    case 18: return 0;                            // INTEGRATED
    case 19: return 1;                            // CAN_MAP_HOST_MEMORY
    case 20: return 0;                            // COMPUTE_MODE: default
    case 31: return 1;                            // CONCURRENT_KERNELS
    case 33: return 0x5A;                         // PCI_BUS_ID
    case 36: return 1215000;                      // MEMORY_CLOCK_RATE, kHz
    case 37: return 5120;                         // GLOBAL_MEMORY_BUS_WIDTH
    case 38: return 4 << 20;                      // L2_CACHE_SIZE
    case 39: return 2048;                         // MAX_THREADS_PER_MULTIPROCESSOR
    case 40: return 1;                            // ASYNC_ENGINE_COUNT
    case 41: return 1;                            // UNIFIED_ADDRESSING
    case 75: return 8;                            // COMPUTE_CAPABILITY_MAJOR
    case 76: return 0;                            // COMPUTE_CAPABILITY_MINOR
    case 78: return 1;                            // STREAM_PRIORITIES_SUPPORTED
    case 79: case 80: return 1;                   // GLOBAL_L1_CACHE, LOCAL_L1_CACHE
    case 81: return 164 << 10;                    // MAX_SHARED_MEMORY_PER_MULTIPROCESSOR
    case 82: return 65536;                        // MAX_REGISTERS_PER_MULTIPROCESSOR
    case 83: return 1;                            // MANAGED_MEMORY
    case 89: return 1;                            // CONCURRENT_MANAGED_ACCESS
    case 95: return 1;                            // COOPERATIVE_LAUNCH
    case 97: return kMaxShared;                   // MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
    case 106: return 32;                          // MAX_BLOCKS_PER_MULTIPROCESSOR
    case 111: return 1 << 10;                     // RESERVED_SHARED_MEMORY_PER_BLOCK
    case 115: return 1;                           // MEMORY_POOLS_SUPPORTED
    default: return 0;
    }
}
} // namespace

#define SIM_DEVICE(d)                                                             \
    std::lock_guard<std::recursive_mutex> sim_guard(driver().lock);               \
    if (!driver().initialised) return CUDA_ERROR_NOT_INITIALIZED;                 \
    if ((d) != 0) return CUDA_ERROR_INVALID_DEVICE

SIM_API CUresult cuInit(unsigned flags) {
    if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
    std::lock_guard<std::recursive_mutex> guard(driver().lock);
    driver().initialised = true;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuDriverGetVersion(int* version) {
    *version = 12060;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuDeviceGetCount(int* count) {
    SIM_DEVICE(0);
    *count = 1;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuDeviceGet(CUdevice* device, int ordinal) {
    SIM_DEVICE(ordinal);
    *device = 0;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuDeviceGetName(char* name, int length, CUdevice d) {
    SIM_DEVICE(d);
    snprintf(name, length, "%s", kName);
    return CUDA_SUCCESS;
}
SIM_API CUresult cuDeviceGetAttribute(int* value, int which, CUdevice d) {
    SIM_DEVICE(d);
    *value = attribute(which);
    return CUDA_SUCCESS;
}
SIM_API CUresult cuDeviceComputeCapability(int* major, int* minor, CUdevice d) {
    SIM_DEVICE(d);
    *major = 8;
    *minor = 0;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuDeviceTotalMem_v2(size_t* bytes, CUdevice d) {
    SIM_DEVICE(d);
    *bytes = kDeviceBytes;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuDeviceGetUuid(CUuuid* uuid, CUdevice d) {
    SIM_DEVICE(d);
    memcpy(uuid->bytes, "simulated-cuda-0", sizeof uuid->bytes);
    return CUDA_SUCCESS;
}
SIM_API CUresult cuDeviceGetUuid_v2(CUuuid* uuid, CUdevice d) { return cuDeviceGetUuid(uuid, d); }
SIM_API CUresult cuDeviceGetPCIBusId(char* text, int length, CUdevice d) {
    SIM_DEVICE(d);
    snprintf(text, length, "%s", kBusId);
    return CUDA_SUCCESS;
}
SIM_API CUresult cuDeviceGetByPCIBusId(CUdevice* d, const char* text) {
    SIM_DEVICE(0);
    if (strcmp(text, kBusId) != 0) return CUDA_ERROR_INVALID_DEVICE;
    *d = 0;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuDeviceCanAccessPeer(int* can, CUdevice, CUdevice) {
    *can = 0;
    return CUDA_SUCCESS;
}

SIM_API CUresult cuDevicePrimaryCtxRetain(CUcontext* c, CUdevice d) {
    SIM_DEVICE(d);
    driver().primary.references++;
    driver().contexts.insert(&driver().primary);
    *c = &driver().primary;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice d) {
    SIM_DEVICE(d);
    SimContext& p = driver().primary;
    if (p.references == 0) return CUDA_ERROR_INVALID_CONTEXT;
    if (--p.references == 0) free_context(&p);
    return CUDA_SUCCESS;
}
SIM_API CUresult cuDevicePrimaryCtxReset_v2(CUdevice d) {
    SIM_DEVICE(d);
    memory().release_all(&driver().primary);
    return CUDA_SUCCESS;
}
SIM_API CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice d, unsigned flags) {
    SIM_DEVICE(d);
    driver().primary.flags = flags;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuDevicePrimaryCtxGetState(CUdevice d, unsigned* flags, int* active) {
    SIM_DEVICE(d);
    *flags = driver().primary.flags;
    *active = driver().primary.references > 0;
    return CUDA_SUCCESS;
}

SIM_API CUresult cuCtxCreate_v2(CUcontext* c, unsigned flags, CUdevice d) {
    SIM_DEVICE(d);
    *c = new SimContext{false, 1, flags};
    driver().contexts.insert(*c);
    context_stack().push_back(*c);
    return CUDA_SUCCESS;
}
SIM_API CUresult cuCtxDestroy_v2(CUcontext c) {
    SIM_DEVICE(0);
    if (c == nullptr || c->primary || !driver().contexts.count(c)) return CUDA_ERROR_INVALID_CONTEXT;
    free_context(c);
    auto& stack = context_stack();
    if (!stack.empty() && stack.back() == c) stack.pop_back();
    return CUDA_SUCCESS; // the struct stays: other threads may still name it, and must be told that it is gone
}
SIM_API CUresult cuCtxSetCurrent(CUcontext c) {
    SIM_DEVICE(0);
    if (c != nullptr && !driver().contexts.count(c)) return CUDA_ERROR_INVALID_CONTEXT;
    set_current(c);
    return CUDA_SUCCESS;
}
SIM_API CUresult cuCtxGetCurrent(CUcontext* c) {
    SIM_DEVICE(0);
    *c = context_stack().empty() ? nullptr : context_stack().back();
    return CUDA_SUCCESS;
}
SIM_API CUresult cuCtxPushCurrent_v2(CUcontext c) {
    SIM_DEVICE(0);
    if (!driver().contexts.count(c)) return CUDA_ERROR_INVALID_CONTEXT;
    context_stack().push_back(c);
    return CUDA_SUCCESS;
}
SIM_API CUresult cuCtxPopCurrent_v2(CUcontext* c) {
    SIM_DEVICE(0);
    if (context_stack().empty()) return CUDA_ERROR_INVALID_CONTEXT;
    if (c != nullptr) *c = context_stack().back();
    context_stack().pop_back();
    return CUDA_SUCCESS;
}
SIM_API CUresult cuCtxGetDevice(CUdevice* d) {
    SIM_ENTER();
    *d = 0;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuCtxGetFlags(unsigned* flags) {
    SIM_ENTER();
    *flags = context_stack().back()->flags;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuCtxGetId(CUcontext c, unsigned long long* id) {
    SIM_ENTER();
    *id = reinterpret_cast<unsigned long long>(c != nullptr ? c : context_stack().back());
    return CUDA_SUCCESS;
}
SIM_API CUresult cuCtxGetApiVersion(CUcontext, unsigned* version) {
    SIM_ENTER();
    *version = 12060;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuCtxSynchronize() {
    SIM_ENTER();
    return unsafe_during_capture();
}
SIM_API CUresult cuCtxGetStreamPriorityRange(int* least, int* greatest) {
    SIM_ENTER();
    if (least != nullptr) *least = 0;
    if (greatest != nullptr) *greatest = -5;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuCtxSetCacheConfig(int) {
    SIM_ENTER();
    return CUDA_SUCCESS;
}
SIM_API CUresult cuCtxGetCacheConfig(int* config) {
    SIM_ENTER();
    *config = 0;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuCtxSetLimit(int, size_t) {
    SIM_ENTER();
    return CUDA_SUCCESS;
}
SIM_API CUresult cuCtxGetLimit(size_t* value, int) {
    SIM_ENTER();
    *value = 0;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuProfilerStart() { return CUDA_SUCCESS; }
SIM_API CUresult cuProfilerStop() { return CUDA_SUCCESS; }
