#include "checker.h"

#include <cstring>
#include <memory>
#include <sys/mman.h>

#include "launch.h"

namespace sim {

namespace {
constexpr size_t kStaticLimit = 64 << 10; // nvcc allows 48 KiB of static shared memory

// Shadow of one worker's shared memory: the dynamic part first, then the module's static variables.
struct SharedShadow {
    unsigned char state[kMaxShared + kStaticLimit];
    Cell cells[kMaxShared + kStaticLimit];
};

SharedShadow* shadow() {
    thread_local SharedShadow* mine = static_cast<SharedShadow*>(
        mmap(nullptr, sizeof(SharedShadow), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    return mine;
}

const char* verb(Access kind) {
    return kind == Access::kWrite ? "write" : kind == Access::kAtomic ? "atomic" : "read";
}

std::string headline(const char* what, Access kind, size_t bytes, const void* address, const Worker& w) {
    char text[64];
    snprintf(text, sizeof text, "%zu-byte %s at %p, ", bytes, verb(kind), address);
    return std::string(what) + ": " + text + w.where();
}

// State and cells of every byte of a range that is known to exist.
void check_bytes(Worker& w, const void* address, size_t bytes, Access kind, unsigned char* state, Cell* cells, bool shared, const void* pc,
                 const std::string (*place)(const void*, const Worker&)) {
    bool uninitialised = false;
    if (kind != Access::kWrite)
        for (size_t i = 0; i < bytes && !uninitialised; i++) uninitialised = state[i] == kAllocated;
    if (uninitialised && !(!shared && untracked_writes()))
        w.report(CUDA_SUCCESS, headline("uninitialised read", kind, bytes, address, w) + ": " + place(address, w), pc);
    if (uninitialised || kind == Access::kWrite || kind == Access::kAtomic) memset(state, kInitialised, bytes); // also after a read: one report per place is enough
    // Atomics and volatile reads on global memory are how blocks order themselves: see races.cpp.
    if (!shared && (kind == Access::kAtomic || kind == Access::kVolatileRead)) w.used_atomics = true;
    if (kind == Access::kVolatileRead) return;
    std::string conflict;
    for (size_t i = 0; i < bytes; i++) {
        std::string found = race(w, &cells[i], kind, shared);
        if (conflict.empty()) conflict = std::move(found);
    }
    if (!conflict.empty())
        w.report(CUDA_SUCCESS, headline(shared ? "shared-memory race" : "global-memory race", kind, bytes, address, w) + ", with " + conflict + ": " +
                 place(address, w), pc);
}

const std::string shared_place(const void* address, const Worker& w) {
    const char* p = static_cast<const char*>(address);
    if (p >= w.dynamic_shared && p < w.dynamic_shared + kMaxShared + kSharedGuard)
        return "byte " + std::to_string(p - w.dynamic_shared) + " of " + std::to_string(w.launch->dynamic_shared) + " of dynamic shared memory";
    return "byte " + std::to_string(p - w.static_shared) + " of the static shared memory of its file: " + symbol_at(*w.launch->module, address);
}

const std::string global_place(const void* address, const Worker&) { return memory().describe(address); }
} // namespace

bool launch_is_checked(const Launch& launch) { return launch.module->table->checked != 0; }

void begin_block_checks(Worker& w) {
    if (!launch_is_checked(*w.launch)) return;
    memset(shadow()->state, kAllocated, w.launch->dynamic_shared);
    memset(shadow()->state + kMaxShared, kAllocated, w.static_shared_bytes < kStaticLimit ? w.static_shared_bytes : kStaticLimit);
    for (int i = 0; i < w.thread_count; i++) {
        Thread& t = w.threads[i];
        t.clock = 1;
        t.barrier_clock = 0;
        memset(t.seen, 0, sizeof t.seen);
    }
}

void check_access(const void* address, size_t bytes, Access kind, const void* pc) {
    Worker* w = worker();
    if (w == nullptr || w->current == nullptr || bytes == 0) return;
    if (w->is_private(address)) {
        if (w->stacks.in_guard(address)) w->report(CUDA_ERROR_LAUNCH_FAILED, headline("stack overflow", kind, bytes, address, *w), pc);
        return;
    }
    const char* p = static_cast<const char*>(address);
    if (static_cast<size_t>(p - w->dynamic_shared) < kMaxShared + kSharedGuard) {
        size_t offset = p - w->dynamic_shared;
        if (offset + bytes > w->launch->dynamic_shared)
            w->report(CUDA_ERROR_ILLEGAL_ADDRESS, headline("out of bounds", kind, bytes, address, *w) + ": " + shared_place(address, *w), pc);
        check_bytes(*w, address, bytes, kind, shadow()->state + offset, shadow()->cells + offset, true, pc, shared_place);
        return;
    }
    if (static_cast<size_t>(p - w->static_shared) < w->static_shared_bytes) {
        size_t offset = p - w->static_shared;
        if (offset + bytes <= kStaticLimit)
            check_bytes(*w, address, bytes, kind, shadow()->state + kMaxShared + offset, shadow()->cells + kMaxShared + offset, true, pc, shared_place);
        return;
    }
    Memory& m = memory();
    if (m.in_arena(address)) {
        unsigned char* state = m.state(address);
        for (size_t i = 0; i < bytes; i++)
            if (state[i] == kNone) {
                std::string place = m.describe(p + i);
                const char* what = place.find("freed") != std::string::npos ? "use of freed memory" : "out of bounds";
                w->report(CUDA_ERROR_ILLEGAL_ADDRESS, headline(what, kind, bytes, address, *w) + ": " + place, pc);
            }
        check_bytes(*w, address, bytes, kind, state, m.cell(address), false, pc, global_place);
        return;
    }
    if (in_image(*w->launch->module, address)) return; // __constant__ tables, __device__ variables: their bounds are not known
    if (m.in_host(address, bytes)) return;
    w->report(CUDA_ERROR_ILLEGAL_ADDRESS, headline("out of bounds", kind, bytes, address, *w) + ": not device memory", pc);
}

void check_async_target(const void* shared, size_t bytes, const void* pc) {
    check_access(shared, bytes, Access::kWrite, pc);
    Worker* w = worker();
    const char* p = static_cast<const char*>(shared);
    size_t offset = static_cast<size_t>(p - w->dynamic_shared) < kMaxShared ? p - w->dynamic_shared : kMaxShared + (p - w->static_shared);
    if (offset + bytes <= sizeof(SharedShadow::state)) memset(shadow()->state + offset, kAllocated, bytes);
}

} // namespace sim
