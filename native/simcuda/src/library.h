// How libcublas.so.12 hands work to the driver: checked, ordered and captured like any other work.
#pragma once

#include "api.h"

struct SimOperand {
    const void* start;
    size_t bytes;
    int written;
};

// Runs work(arguments) in the stream, or captures it with a copy of the arguments.
SIM_API CUresult simcuda_library_work(CUstream stream, const char* call, const SimOperand* operands, int count, void (*work)(const void*),
                                      const void* arguments, size_t bytes);
SIM_API int simcuda_cublas_may_start();
// Whether the library may load a kernel that it has not used yet; in a capturing stream it may not, and the capture is lost.
SIM_API int simcuda_library_may_load(CUstream stream);
