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

// Saves the callee-saved registers on the current stack, stores its pointer in *save and continues on `to`.
extern "C" void simcuda_switch_stack(void** save, void* to);

} // namespace sim
