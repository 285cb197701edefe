// Allocation, copies and fills.
#include <cstdlib>
#include <cstring>

#include "driver.h"

namespace sim {

CUresult check_range(const void* p, size_t bytes, const char* call) {
    if (bytes == 0) return CUDA_SUCCESS;
    Memory& m = memory();
    auto it = m.find(p);
    if (it != m.live().end() && static_cast<const char*>(p) + bytes <= it->first + it->second.bytes) return CUDA_SUCCESS;
    if (m.in_host(p, bytes)) return CUDA_SUCCESS;
    const char* end = static_cast<const char*>(p) + bytes;
    write_report(std::string("out of bounds: ") + call + " touches " + std::to_string(bytes) + " bytes: the first is " + m.describe(p) +
                 ", the end is " + m.describe(end));
    return CUDA_ERROR_INVALID_VALUE;
}

void mark_initialised(const void* p, size_t bytes) {
    if (memory().in_arena(p)) memset(memory().state(p), kInitialised, bytes);
}

} // namespace sim

using namespace sim;

namespace {

template <class T = char>
T* at(CUdeviceptr p) { return reinterpret_cast<T*>(p); }

CUresult allocate(CUdeviceptr* p, size_t bytes) {
    if (p == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (fault_alloc()) return CUDA_ERROR_OUT_OF_MEMORY;
    char* start;
    CUresult r = memory().allocate(bytes, context_stack().back(), &start);
    if (r == CUDA_SUCCESS) *p = reinterpret_cast<CUdeviceptr>(start);
    return r;
}

CUresult release(CUdeviceptr p) {
    if (p == 0) return CUDA_SUCCESS;
    Memory& m = memory();
    auto it = m.live().find(at(p));
    if (it == m.live().end()) {
        write_report("cuMemFree of " + m.describe(at(p)));
        return CUDA_ERROR_INVALID_VALUE;
    }
    std::string damage = m.damaged(it->first, it->second);
    if (!damage.empty()) write_report("out of bounds, found by cuMemFree: " + damage);
    CUresult r = m.release(at(p));
    return damage.empty() ? r : CUDA_ERROR_ILLEGAL_ADDRESS;
}

enum Side { kDevice, kHost, kUnified };

CUresult copy(const char* call, void* to, Side to_side, const void* from, Side from_side, size_t bytes, CUstream stream, bool synchronous) {
    if (bytes == 0) return CUDA_SUCCESS;
    if (to == nullptr || from == nullptr) return CUDA_ERROR_INVALID_VALUE;
    auto device = [](const void* p, Side side) { return side == kDevice || (side == kUnified && memory().in_arena(p)); };
    bool to_device = device(to, to_side), from_device = device(from, from_side);
    if (synchronous)
        if (CUresult r = unsafe_during_capture()) return r;
    // Checked at the call, as real drivers do, and again in a graph, whose memory may have been freed since.
    auto check = [=]() -> CUresult {
        if (to_device)
            if (CUresult r = check_range(to, bytes, call)) return r;
        return from_device ? check_range(from, bytes, call) : CUDA_SUCCESS;
    };
    if (CUresult r = check()) return r;
    return enqueue(stream, kNodeMemcpy, [=]() -> CUresult {
        if (CUresult r = check()) return r;
        memmove(to, from, bytes);
        if (to_device && from_device && memory().in_arena(to) && memory().in_arena(from))
            memmove(memory().state(to), memory().state(from), bytes); // copies of uninitialised bytes stay so
        else if (to_device)
            mark_initialised(to, bytes);
        return CUDA_SUCCESS;
    });
}

template <class T>
CUresult fill(const char* call, CUdeviceptr p, T value, size_t count, CUstream stream) {
    if (count == 0) return CUDA_SUCCESS;
    if (p % sizeof(T) != 0) return CUDA_ERROR_INVALID_VALUE;
    if (CUresult r = check_range(at(p), count * sizeof(T), call)) return r;
    return enqueue(stream, kNodeMemset, [=]() -> CUresult {
        if (CUresult r = check_range(at(p), count * sizeof(T), call)) return r;
        for (size_t i = 0; i < count; i++) at<T>(p)[i] = value;
        mark_initialised(at(p), count * sizeof(T));
        return CUDA_SUCCESS;
    });
}

CUresult allocate_host(void** p, size_t bytes) {
    if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
    if (fault_alloc()) return CUDA_ERROR_OUT_OF_MEMORY;
    *p = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    if (*p == nullptr) return CUDA_ERROR_OUT_OF_MEMORY;
    memory().host[static_cast<char*>(*p)] = bytes;
    return CUDA_SUCCESS;
}

} // namespace

SIM_API CUresult cuMemGetInfo_v2(size_t* free, size_t* total) {
    SIM_ENTER();
    *total = kDeviceBytes;
    *free = kDeviceBytes - memory().used();
    return CUDA_SUCCESS;
}
SIM_API CUresult cuMemAlloc_v2(CUdeviceptr* p, size_t bytes) {
    SIM_ENTER();
    if (CUresult r = unsafe_during_capture()) return r;
    return allocate(p, bytes);
}
SIM_API CUresult cuMemFree_v2(CUdeviceptr p) {
    SIM_ENTER();
    if (CUresult r = unsafe_during_capture()) return r;
    return release(p);
}
SIM_API CUresult cuMemAllocAsync(CUdeviceptr* p, size_t bytes, CUstream stream) {
    SIM_ENTER();
    if (CUresult r = check_stream(stream)) return r;
    // A graph that allocates is beyond what the engine does: its arena exists before capture.
    if (!is_default_stream(stream) && stream->capture != nullptr) return CUDA_ERROR_NOT_SUPPORTED;
    return allocate(p, bytes);
}
SIM_API CUresult cuMemFreeAsync(CUdeviceptr p, CUstream stream) {
    SIM_ENTER();
    if (CUresult r = check_stream(stream)) return r;
    if (!is_default_stream(stream) && stream->capture != nullptr) return CUDA_ERROR_NOT_SUPPORTED;
    return release(p);
}
SIM_API CUresult cuMemAllocManaged(CUdeviceptr* p, size_t bytes, unsigned) {
    SIM_ENTER();
    CUresult r = allocate(p, bytes);
    if (r == CUDA_SUCCESS) mark_initialised(at(*p), bytes); // the host may write it unseen
    return r;
}
SIM_API CUresult cuMemGetAddressRange_v2(CUdeviceptr* base, size_t* bytes, CUdeviceptr p) {
    SIM_ENTER();
    auto it = memory().find(at(p));
    if (it == memory().live().end()) return CUDA_ERROR_NOT_FOUND;
    if (base != nullptr) *base = reinterpret_cast<CUdeviceptr>(it->first);
    if (bytes != nullptr) *bytes = it->second.bytes;
    return CUDA_SUCCESS;
}

SIM_API CUresult cuMemAllocHost_v2(void** p, size_t bytes) {
    SIM_ENTER();
    return allocate_host(p, bytes);
}
SIM_API CUresult cuMemHostAlloc(void** p, size_t bytes, unsigned) {
    SIM_ENTER();
    return allocate_host(p, bytes);
}
SIM_API CUresult cuMemFreeHost(void* p) {
    SIM_ENTER();
    if (memory().host.erase(static_cast<char*>(p)) == 0) return CUDA_ERROR_INVALID_VALUE;
    free(p);
    return CUDA_SUCCESS;
}
SIM_API CUresult cuMemHostRegister_v2(void* p, size_t bytes, unsigned) {
    SIM_ENTER();
    if (p == nullptr || bytes == 0) return CUDA_ERROR_INVALID_VALUE;
    if (memory().in_host(p, 1)) return CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
    memory().host[static_cast<char*>(p)] = bytes;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuMemHostUnregister(void* p) {
    SIM_ENTER();
    return memory().host.erase(static_cast<char*>(p)) ? CUDA_SUCCESS : CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
}
SIM_API CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr* d, void* p, unsigned) {
    SIM_ENTER();
    if (!memory().in_host(p, 1)) return CUDA_ERROR_INVALID_VALUE;
    *d = reinterpret_cast<CUdeviceptr>(p);
    return CUDA_SUCCESS;
}
SIM_API CUresult cuMemHostGetFlags(unsigned* flags, void* p) {
    SIM_ENTER();
    if (!memory().in_host(p, 1)) return CUDA_ERROR_INVALID_VALUE;
    *flags = 0;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuMemPrefetchAsync(CUdeviceptr, size_t, CUdevice, CUstream) {
    SIM_ENTER();
    return CUDA_SUCCESS;
}
SIM_API CUresult cuMemAdvise(CUdeviceptr, size_t, int, CUdevice) {
    SIM_ENTER();
    return CUDA_SUCCESS;
}

// Synchronous and asynchronous copies. JCuda reaches the per-thread-stream variants by the same names.
#define SIM_COPY(NAME, TO_T, TO, TO_SIDE, FROM_T, FROM, FROM_SIDE, V)                                                                     \
    SIM_API CUresult NAME##V(TO_T to, FROM_T from, size_t bytes) {                                                                        \
        SIM_ENTER();                                                                                                                      \
        return copy(#NAME, TO, TO_SIDE, FROM, FROM_SIDE, bytes, nullptr, true);                                                           \
    }                                                                                                                                     \
    SIM_API CUresult NAME##Async##V(TO_T to, FROM_T from, size_t bytes, CUstream stream) {                                                \
        SIM_ENTER();                                                                                                                      \
        return copy(#NAME "Async", TO, TO_SIDE, FROM, FROM_SIDE, bytes, stream, false);                                                   \
    }
SIM_COPY(cuMemcpyHtoD, CUdeviceptr, at(to), kDevice, const void*, from, kHost, _v2)
SIM_COPY(cuMemcpyDtoH, void*, to, kHost, CUdeviceptr, at(from), kDevice, _v2)
SIM_COPY(cuMemcpyDtoD, CUdeviceptr, at(to), kDevice, CUdeviceptr, at(from), kDevice, _v2)
SIM_COPY(cuMemcpy, CUdeviceptr, at(to), kUnified, CUdeviceptr, at(from), kUnified, )

#define SIM_FILL(NAME, T)                                                                                                                 \
    SIM_API CUresult NAME##_v2(CUdeviceptr p, T value, size_t count) {                                                                    \
        SIM_ENTER();                                                                                                                      \
        if (CUresult r = unsafe_during_capture()) return r;                                                                               \
        return fill(#NAME, p, value, count, nullptr);                                                                                     \
    }                                                                                                                                     \
    SIM_API CUresult NAME##Async(CUdeviceptr p, T value, size_t count, CUstream stream) {                                                 \
        SIM_ENTER();                                                                                                                      \
        return fill(#NAME "Async", p, value, count, stream);                                                                              \
    }
SIM_FILL(cuMemsetD8, unsigned char)
SIM_FILL(cuMemsetD16, unsigned short)
SIM_FILL(cuMemsetD32, unsigned)

SIM_API CUresult cuPointerGetAttribute(void* data, int which, CUdeviceptr p) {
    SIM_ENTER();
    auto it = memory().find(at(p));
    bool device = it != memory().live().end(), host = memory().in_host(at(p), 1);
    if (!device && !host) return CUDA_ERROR_INVALID_VALUE;
    switch (which) {
    case 1: *static_cast<CUcontext*>(data) = device ? it->second.owner : context_stack().back(); break; // CONTEXT
    case 2: *static_cast<unsigned*>(data) = device ? 2 : 1; break;                                       // MEMORY_TYPE
    case 3: *static_cast<CUdeviceptr*>(data) = p; break;                                                 // DEVICE_POINTER
    case 4:                                                                                              // HOST_POINTER
        if (device) return CUDA_ERROR_INVALID_VALUE;
        *static_cast<CUdeviceptr*>(data) = p;
        break;
    case 7: *static_cast<unsigned long long*>(data) = device ? it->second.number : 0; break;             // BUFFER_ID
    case 8: *static_cast<unsigned*>(data) = 0; break;                                                    // IS_MANAGED
    case 9: *static_cast<int*>(data) = 0; break;                                                         // DEVICE_ORDINAL
    case 11: *static_cast<CUdeviceptr*>(data) = device ? reinterpret_cast<CUdeviceptr>(it->first) : p; break; // RANGE_START_ADDR
    case 12: *static_cast<size_t*>(data) = device ? it->second.bytes : 0; break;                         // RANGE_SIZE
    default: return CUDA_ERROR_NOT_SUPPORTED;
    }
    return CUDA_SUCCESS;
}
SIM_API CUresult cuPointerGetAttributes(unsigned count, int* which, void** data, CUdeviceptr p) {
    for (unsigned i = 0; i < count; i++)
        if (CUresult r = cuPointerGetAttribute(data[i], which[i], p)) return r;
    return CUDA_SUCCESS;
}
