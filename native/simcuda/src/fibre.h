// Stacks and the switch between them. A fibre is nothing but a stack and the stack pointer saved on it.
#pragma once

#include <cstddef>
#include <vector>

namespace sim {

constexpr size_t kStackBytes = 256 << 10; // virtual; only touched pages cost memory. Each has a guard page below.
constexpr int kMaxThreads = 1024;         // CUDA's limit per block

// A reserve of stacks in one mapping, so that "is this address on some fibre's stack" is one comparison.
class StackPool {
public:
    StackPool();
    ~StackPool();
    // A stack pointer from which switch_stack starts `entry`; `index` names the stack for put().
    void* take(int* index, void (*entry)());
    void put(int index) { free_.push_back(index); }
    void reset();
    bool contains(const void* p) const { return p >= base_ && p < base_ + kStackBytes * kMaxThreads; }
    bool in_guard(const void* p) const;

private:
    char* base_;
    std::vector<int> free_; // last in, first out: the next fibre runs on a stack that is still in the cache
};

// Saves the current fibre on its stack, stores the stack pointer in *save and continues on `to`.
#if defined(__x86_64__)
// Inline, and entered by a jump: a call and return would mislead the processor's return predictor at every switch, which costs more than all
// the rest. Files that use it are compiled with -mno-red-zone, because it pushes. MXCSR is the same for all fibres and left alone.
inline __attribute__((always_inline)) void switch_stack(void** save, void* to) {
    asm volatile(
        "pushq %%rbp\n\t"
        "pushq %%rbx\n\t"
        "leaq 1f(%%rip), %%rax\n\t"
        "pushq %%rax\n\t"
        "movq %%rsp, (%0)\n\t"
        "movq %1, %%rsp\n\t"
        "popq %%rax\n\t"
        "jmp *%%rax\n"
        "1:\n\t"
        "popq %%rbx\n\t"
        "popq %%rbp\n\t"
        : "+D"(save), "+S"(to)
        :
        : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
          "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory");
}
#else
void switch_stack(void** save, void* to);
#endif

} // namespace sim
