#include "fibre.h"

#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace sim {

StackPool::StackPool() {
    void* map = mmap(nullptr, kStackBytes * kMaxThreads, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) {
        perror("simcuda: mmap of fibre stacks");
        abort();
    }
    base_ = static_cast<char*>(map);
    for (int i = 0; i < kMaxThreads; i++) mprotect(base_ + i * kStackBytes, getpagesize(), PROT_NONE);
    reset();
}

StackPool::~StackPool() { munmap(base_, kStackBytes * kMaxThreads); }

bool StackPool::in_guard(const void* p) const {
    return contains(p) && (static_cast<const char*>(p) - base_) % kStackBytes < static_cast<size_t>(getpagesize());
}

void StackPool::reset() {
    free_.clear();
    free_.reserve(kMaxThreads);
    for (int i = kMaxThreads - 1; i >= 0; i--) free_.push_back(i);
}

#if defined(__x86_64__)

// The six callee-saved registers of the System V ABI. MXCSR and the x87 word are the same for all fibres and are left alone.
asm(R"(
    .text
    .globl simcuda_switch_stack
    .type simcuda_switch_stack, @function
simcuda_switch_stack:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size simcuda_switch_stack, .-simcuda_switch_stack
)");

void* StackPool::take(int* index, void (*entry)()) {
    *index = free_.back();
    free_.pop_back();
    // The tops are staggered: at a regular distance all stacks would compete for the same few cache sets.
    char* top = base_ + (*index + 1) * kStackBytes - (*index % 61) * 576;
    void** sp = reinterpret_cast<void**>(reinterpret_cast<size_t>(top) & ~size_t(63));
    *--sp = nullptr; // stands for a return address: keeps the alignment that the ABI promises at entry
    *--sp = reinterpret_cast<void*>(entry);
    for (int i = 0; i < 6; i++) *--sp = nullptr;
    return sp;
}

#else

// Other processors: ucontext does the same, slower. The "stack pointer" is then the address of a context.
extern "C" void simcuda_switch_stack(void** save, void* to) {
    ucontext_t here;
    *save = &here;
    swapcontext(&here, static_cast<ucontext_t*>(to));
}

void* StackPool::take(int* index, void (*entry)()) {
    *index = free_.back();
    free_.pop_back();
    char* low = base_ + *index * kStackBytes;
    auto* context = reinterpret_cast<ucontext_t*>(low + kStackBytes - (sizeof(ucontext_t) + 63) / 64 * 64);
    getcontext(context);
    context->uc_stack.ss_sp = low + getpagesize();
    context->uc_stack.ss_size = reinterpret_cast<char*>(context) - low - getpagesize();
    context->uc_link = nullptr;
    makecontext(context, entry, 0);
    return context;
}

#endif

} // namespace sim
