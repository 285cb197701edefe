// Modules, functions and launches.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "driver.h"

using namespace sim;

namespace {

CUresult check_function(CUfunction f) { return driver().functions.count(f) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE; }

int resident_blocks(const SimFunction& f, int threads, size_t dynamic_shared) {
    if (threads <= 0 || threads > kMaxThreads) return 0;
    int by_threads = 2048 / ((threads + 31) / 32 * 32);
    size_t shared = dynamic_shared + f.static_shared + 1024;
    int by_shared = static_cast<int>((164 << 10) / shared);
    return std::min({32, by_threads, by_shared});
}

// The packed form, CU_LAUNCH_PARAM_BUFFER_POINTER (1) and _SIZE (2), uses C's layout, as our offsets do.
CUresult pack(const SimKernel& k, void** params, void** extra, std::vector<char>* packed) {
    packed->assign(static_cast<size_t>(k.offsets[k.parameter_count]), 0);
    if (extra != nullptr) {
        const char* buffer = nullptr;
        size_t bytes = 0;
        for (; *extra != nullptr; extra += 2) {
            if (reinterpret_cast<size_t>(extra[0]) == 1) buffer = static_cast<const char*>(extra[1]);
            if (reinterpret_cast<size_t>(extra[0]) == 2) bytes = *static_cast<size_t*>(extra[1]);
        }
        if (buffer == nullptr || bytes < packed->size()) return CUDA_ERROR_INVALID_VALUE;
        memcpy(packed->data(), buffer, packed->size());
        return CUDA_SUCCESS;
    }
    if (params == nullptr && k.parameter_count > 0) return CUDA_ERROR_INVALID_VALUE;
    for (int i = 0; i < k.parameter_count; i++) {
        if (params[i] == nullptr) return CUDA_ERROR_INVALID_VALUE;
        memcpy(packed->data() + k.offsets[i], params[i], k.sizes[i]);
    }
    return CUDA_SUCCESS;
}

CUresult check_geometry(const SimFunction& f, dim3 g, dim3 b, size_t shared) {
    if (g.x == 0 || g.y == 0 || g.z == 0 || b.x == 0 || b.y == 0 || b.z == 0) return CUDA_ERROR_INVALID_VALUE;
    if (g.x > 2147483647u || g.y > 65535 || g.z > 65535) return CUDA_ERROR_INVALID_VALUE;
    if (b.x > 1024 || b.y > 1024 || b.z > 64 || static_cast<uint64_t>(b.x) * b.y * b.z > kMaxThreads) return CUDA_ERROR_INVALID_VALUE;
    if (shared > f.max_dynamic_shared) return CUDA_ERROR_INVALID_VALUE;
    if (shared + f.static_shared > kMaxShared) return CUDA_ERROR_INVALID_VALUE;
    int bound = f.kernel->max_threads;
    if (bound > 0 && b.x * b.y * b.z > static_cast<unsigned>(bound)) {
        write_report(std::string("kernel ") + f.kernel->name + ": block of " + std::to_string(b.x * b.y * b.z) + " threads, but __launch_bounds__(" +
                     std::to_string(bound) + ")");
        return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

CUresult launch(CUfunction f, dim3 grid, dim3 block, size_t shared, CUstream stream, void** params, void** extra) {
    if (CUresult r = check_function(f)) return r;
    if (CUresult r = check_geometry(*f, grid, block, shared)) return r;
    LaunchRequest request = {f->kernel, f->module, {}, grid, block, shared};
    if (CUresult r = pack(*f->kernel, params, extra, &request.params)) return r;
    return enqueue(stream, kNodeKernel, [request, f]() -> CUresult {
        if (!driver().functions.count(f)) return CUDA_ERROR_INVALID_HANDLE; // a graph replayed after its module was unloaded
        return fault_launch() ? CUDA_ERROR_LAUNCH_FAILED : run_launch(request);
    });
}

// The options CU_JIT_ERROR_LOG_BUFFER (5) and _SIZE_BYTES (6), whose slot holds the number itself and takes what was written.
void write_log(const std::string& text, unsigned count, const int* options, void** values) {
    char* log = nullptr;
    void** size = nullptr;
    for (unsigned i = 0; i < count; i++) {
        if (options[i] == 5) log = static_cast<char*>(values[i]);
        if (options[i] == 6) size = &values[i];
    }
    if (log == nullptr || size == nullptr) return;
    size_t n = std::min(text.size() + 1, static_cast<size_t>(reinterpret_cast<uintptr_t>(*size)));
    if (n > 0) snprintf(log, n, "%s", text.c_str());
    *size = reinterpret_cast<void*>(static_cast<uintptr_t>(n));
}

} // namespace

SIM_API CUresult cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned count, int* options, void** values) {
    SIM_ENTER();
    std::string why = "asked to fail";
    Module* opened;
    CUresult r = fault_module();
    if (r == CUDA_SUCCESS) r = open_module(image, &opened, &why);
    if (r != CUDA_SUCCESS) {
        write_report("cuModuleLoadData: " + why);
        write_log(why, count, options, values);
        return r;
    }
    *module = new SimModuleHandle{opened, {}};
    driver().modules.insert(*module);
    return CUDA_SUCCESS;
}
SIM_API CUresult cuModuleLoadData(CUmodule* module, const void* image) { return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr); }
SIM_API CUresult cuModuleLoadFatBinary(CUmodule* module, const void* image) { return cuModuleLoadData(module, image); }
SIM_API CUresult cuModuleLoad(CUmodule* module, const char* path) {
    FILE* f = fopen(path, "rb");
    if (f == nullptr) return CUDA_ERROR_FILE_NOT_FOUND;
    char image[4097] = {};
    fread(image, 1, sizeof image - 1, f);
    fclose(f);
    return cuModuleLoadData(module, image);
}
SIM_API CUresult cuModuleUnload(CUmodule m) {
    SIM_ENTER();
    if (driver().modules.erase(m) == 0) return CUDA_ERROR_INVALID_HANDLE;
    for (SimFunction* f : m->functions) {
        driver().functions.erase(f);
        delete f;
    }
    close_module(m->module);
    delete m;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuModuleGetFunction(CUfunction* f, CUmodule m, const char* name) {
    SIM_ENTER();
    if (!driver().modules.count(m)) return CUDA_ERROR_INVALID_HANDLE;
    for (SimFunction* known : m->functions)
        if (strcmp(known->kernel->name, name) == 0) {
            *f = known;
            return CUDA_SUCCESS;
        }
    const SimModuleTable& table = *m->module->table;
    for (int i = 0; i < table.kernel_count; i++)
        if (strcmp(table.kernels[i].name, name) == 0) {
            *f = new SimFunction{&table.kernels[i], m->module, kDefaultDynamicShared, m, static_shared_of(*m->module, name)};
            m->functions.push_back(*f);
            driver().functions.insert(*f);
            return CUDA_SUCCESS;
        }
    return CUDA_ERROR_NOT_FOUND;
}
SIM_API CUresult cuModuleGetGlobal_v2(CUdeviceptr* p, size_t* bytes, CUmodule m, const char* name) {
    SIM_ENTER();
    if (!driver().modules.count(m)) return CUDA_ERROR_INVALID_HANDLE;
    size_t size;
    void* address = module_symbol(*m->module, name, &size);
    if (address == nullptr) return CUDA_ERROR_NOT_FOUND;
    if (bytes != nullptr) *bytes = size;
    if (p != nullptr) *p = reinterpret_cast<CUdeviceptr>(address);
    memory().host[static_cast<char*>(address)] = size; // so that copies to it are allowed
    return CUDA_SUCCESS;
}
SIM_API CUresult cuModuleGetLoadingMode(int* mode) {
    *mode = 1; // eager
    return CUDA_SUCCESS;
}
SIM_API CUresult cuFuncGetModule(CUmodule* m, CUfunction f) {
    SIM_ENTER();
    if (CUresult r = check_function(f)) return r;
    *m = f->handle;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuFuncGetAttribute(int* value, int which, CUfunction f) {
    SIM_ENTER();
    if (CUresult r = check_function(f)) return r;
    switch (which) {
    case 0: *value = f->kernel->max_threads > 0 ? f->kernel->max_threads : kMaxThreads; break; // MAX_THREADS_PER_BLOCK
    case 1: *value = static_cast<int>(f->static_shared); break;                                // SHARED_SIZE_BYTES
    case 4: *value = 32; break;                                                                 // NUM_REGS
    case 5: case 6: *value = 80; break;                                                         // PTX_VERSION, BINARY_VERSION
    case 8: *value = static_cast<int>(f->max_dynamic_shared); break;                            // MAX_DYNAMIC_SHARED_SIZE_BYTES
    default: *value = 0;
    }
    return CUDA_SUCCESS;
}
SIM_API CUresult cuFuncSetAttribute(CUfunction f, int which, int value) {
    SIM_ENTER();
    if (CUresult r = check_function(f)) return r;
    if (which == 8) {
        if (value < 0 || static_cast<size_t>(value) + f->static_shared > kMaxShared) return CUDA_ERROR_INVALID_VALUE;
        f->max_dynamic_shared = static_cast<size_t>(value);
    }
    return CUDA_SUCCESS;
}
SIM_API CUresult cuFuncSetCacheConfig(CUfunction f, int) {
    SIM_ENTER();
    return check_function(f);
}
SIM_API CUresult cuFuncSetSharedMemConfig(CUfunction f, int) {
    SIM_ENTER();
    return check_function(f);
}

SIM_API CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, CUfunction f, int threads, size_t dynamic_shared) {
    SIM_ENTER();
    if (CUresult r = check_function(f)) return r;
    *blocks = resident_blocks(*f, threads, dynamic_shared);
    return CUDA_SUCCESS;
}
SIM_API CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, CUfunction f, int threads, size_t shared, unsigned) {
    return cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, f, threads, shared);
}
SIM_API CUresult cuOccupancyMaxPotentialBlockSize(int* grid, int* block, CUfunction f, size_t (*shared_for)(int), size_t shared, int limit) {
    SIM_ENTER();
    if (CUresult r = check_function(f)) return r;
    *block = std::min(limit > 0 ? limit : kMaxThreads, f->kernel->max_threads > 0 ? f->kernel->max_threads : kMaxThreads);
    *grid = 4 * resident_blocks(*f, *block, shared_for != nullptr ? shared_for(*block) : shared);
    return CUDA_SUCCESS;
}

SIM_API CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                                CUstream stream, void** params, void** extra) {
    SIM_ENTER();
    return launch(f, {gx, gy, gz}, {bx, by, bz}, shared, stream, params, extra);
}
