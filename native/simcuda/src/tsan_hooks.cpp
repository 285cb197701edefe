// The entry points that g++ -fsanitize=thread calls before each load and store, and those of the few -fsanitize=undefined checks that we
// compile in. Linking these instead of libtsan and libubsan lets the checker see every access of a kernel, and nothing of the driver.
#include <cstring>

#include "checker.h"

using sim::Access;
using sim::check_access;

#define HOOK extern "C" __attribute__((visibility("default"), noinline))
#define CALLER __builtin_return_address(0)

#define SIZED(N)                                                                                                     \
    HOOK void __tsan_read##N(void* p) { check_access(p, N, Access::kRead, CALLER); }                                 \
    HOOK void __tsan_write##N(void* p) { check_access(p, N, Access::kWrite, CALLER); }                               \
    HOOK void __tsan_unaligned_read##N(void* p) { check_access(p, N, Access::kRead, CALLER); }                       \
    HOOK void __tsan_unaligned_write##N(void* p) { check_access(p, N, Access::kWrite, CALLER); }                     \
    HOOK void __tsan_volatile_read##N(void* p) { check_access(p, N, Access::kVolatileRead, CALLER); }                \
    HOOK void __tsan_volatile_write##N(void* p) { check_access(p, N, Access::kAtomic, CALLER); }                     \
    HOOK void __tsan_unaligned_volatile_read##N(void* p) { check_access(p, N, Access::kVolatileRead, CALLER); }      \
    HOOK void __tsan_unaligned_volatile_write##N(void* p) { check_access(p, N, Access::kAtomic, CALLER); }
SIZED(1)
SIZED(2)
SIZED(4)
SIZED(8)
SIZED(16)

HOOK void __tsan_read_range(void* p, size_t bytes) { check_access(p, bytes, Access::kRead, CALLER); }
HOOK void __tsan_write_range(void* p, size_t bytes) { check_access(p, bytes, Access::kWrite, CALLER); }
HOOK void __tsan_init() {}
HOOK void __tsan_func_entry(void*) {}
HOOK void __tsan_func_exit() {}
HOOK void __tsan_vptr_update(void**, void*) {}
HOOK void __tsan_vptr_read(void**) {}
HOOK void __tsan_atomic_signal_fence(int) {}
HOOK void __tsan_atomic_thread_fence(int) {}

// Checked modules are linked with --wrap for these three: g++ may turn a loop or a large struct copy into a call.
HOOK void* __wrap_memcpy(void* to, const void* from, size_t bytes) {
    check_access(from, bytes, Access::kRead, CALLER);
    check_access(to, bytes, Access::kWrite, CALLER);
    return memcpy(to, from, bytes);
}
HOOK void* __wrap_memmove(void* to, const void* from, size_t bytes) {
    check_access(from, bytes, Access::kRead, CALLER);
    check_access(to, bytes, Access::kWrite, CALLER);
    return memmove(to, from, bytes);
}
HOOK void* __wrap_memset(void* to, int value, size_t bytes) {
    check_access(to, bytes, Access::kWrite, CALLER);
    return memset(to, value, bytes);
}

namespace {
struct SourceLocation {
    const char* file;
    unsigned line, column;
};
struct TypeDescriptor {
    unsigned short kind, info;
    char name[1];
};
struct TypeMismatch {
    SourceLocation at;
    const TypeDescriptor* type;
    unsigned char log_alignment, access;
};
struct OutOfBounds {
    SourceLocation at;
    const TypeDescriptor *array_type, *index_type;
};
struct Arithmetic {
    SourceLocation at;
};

std::string place(const SourceLocation& at) { return " at " + std::string(at.file) + ":" + std::to_string(at.line); }

void fail(CUresult code, const std::string& text) {
    sim::Worker* w = sim::worker();
    if (w != nullptr && w->current != nullptr) w->report(code, text + ", " + w->where(), nullptr);
}
} // namespace

HOOK void __ubsan_handle_type_mismatch_v1(TypeMismatch* data, void* p) {
    size_t alignment = size_t(1) << data->log_alignment;
    if (reinterpret_cast<size_t>(p) % alignment == 0) return; // a null pointer: the access itself is reported
    char text[160];
    snprintf(text, sizeof text, "misaligned access: %p as %s needs %zu-byte alignment", p, data->type->name, alignment);
    fail(CUDA_ERROR_MISALIGNED_ADDRESS, text + place(data->at));
}
HOOK void __ubsan_handle_out_of_bounds(OutOfBounds* data, size_t index) {
    fail(CUDA_ERROR_ILLEGAL_ADDRESS, "array index out of bounds: [" + std::to_string(static_cast<long long>(index)) + "] of " + data->array_type->name + place(data->at));
}
HOOK void __ubsan_handle_shift_out_of_bounds(Arithmetic* data, size_t, size_t) {
    fail(CUDA_SUCCESS, "shift by the width of the type or more (CUDA clamps, C masks: undefined)" + place(data->at));
}
HOOK void __ubsan_handle_divrem_overflow(Arithmetic* data, size_t, size_t) { fail(CUDA_ERROR_LAUNCH_FAILED, "integer division by zero" + place(data->at)); }
HOOK void __ubsan_handle_float_cast_overflow(Arithmetic* data, size_t) {
    fail(CUDA_SUCCESS, "float to integer out of range (CUDA saturates, OpenCL and C leave it undefined): clamp first" + place(data->at));
}
