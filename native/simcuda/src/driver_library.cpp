#include "library.h"

#include <cstring>

#include "driver.h"

using namespace sim;

CUresult simcuda_library_work(CUstream stream, const char* call, const SimOperand* operands, int count, void (*work)(const void*),
                              const void* arguments, size_t bytes) {
    SIM_ENTER();
    std::vector<SimOperand> touched(operands, operands + count);
    std::vector<char> copy(static_cast<const char*>(arguments), static_cast<const char*>(arguments) + bytes);
    auto check = [=]() -> CUresult {
        for (const SimOperand& o : touched)
            if (CUresult r = check_range(o.start, o.bytes, call)) return r;
        return CUDA_SUCCESS;
    };
    if (CUresult r = check()) return r;
    return enqueue(stream, kNodeKernel, [=]() -> CUresult {
        if (CUresult r = check()) return r;
        work(copy.data());
        for (const SimOperand& o : touched)
            if (o.written) mark_initialised(o.start, o.bytes);
        return CUDA_SUCCESS;
    });
}

int simcuda_cublas_may_start() {
    std::lock_guard<std::recursive_mutex> guard(driver().lock);
    return require_context() == CUDA_SUCCESS && !fault_cublas();
}

int simcuda_library_may_load(CUstream stream) {
    std::lock_guard<std::recursive_mutex> guard(driver().lock);
    if (check_stream(stream) != CUDA_SUCCESS || is_default_stream(stream) || stream->capture == nullptr) return 1;
    stream->invalidated = true;
    return 0;
}
