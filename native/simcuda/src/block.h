// One block of a launch, run by one OS thread: its CUDA threads as fibres, its barrier, its warps and its shared memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "../include/simcuda/runtime.h"
#include "api.h"
#include "fibre.h"

namespace sim {

constexpr int kWarp = 32;
constexpr size_t kMaxShared = 163 << 10; // per block, dynamic and static together, as sm_80 opts in
constexpr size_t kSharedGuard = 64 << 10; // beyond the dynamic part: an overrun lands here instead of in foreign memory

struct Report {
    CUresult code;
    std::string text;
    const void* pc; // where in the module, nullptr when the text already names the source line
};

struct Module;

struct Launch {
    const SimKernel* kernel;
    Module* module;
    std::vector<char> params;
    dim3 grid, block;
    size_t dynamic_shared;
    uint64_t block_count;
    uint32_t first_serial;          // block b has serial first_serial + b: unique over the life of the process
    std::atomic<uint64_t> next_block{0};
    std::atomic<bool> abort{false};
    int64_t deadline_ns;
    std::vector<Report> reports;    // under report_lock
    std::atomic<int> report_count{0};
};

struct AsyncCopy {
    char* to;
    int bytes;
    char data[16];
};

struct Thread {
    SimIndices indices;
    void* sp;
    int stack, linear, lane, warp;
    enum State { kUnstarted, kReady, kRunning, kAtBarrier, kAtCollective, kDone } state;
    // where it waits
    const char* file;
    int line;
    // its pending collective
    const char* collective;
    unsigned mask;
    void* args;
    // cp.async: groups committed and not yet waited for; the last one is open
    std::vector<std::vector<AsyncCopy>> copies;
    // for the checker: see races.cpp
    uint32_t clock, barrier_clock;
    uint32_t seen[kWarp];
};

// Computes a collective for all lanes of the mask at once, on the lane that came last. args[lane] is null where no live lane stands.
using CollectiveFn = void (*)(void** args, unsigned mask, Thread* first_of_warp);

class Worker {
public:
    Worker();
    void run(Launch& launch); // takes blocks until none is left
    void barrier_wait(int predicate, const char* file, int line);
    int barrier_result() const { return barrier_result_; }
    void collective(const char* name, unsigned mask, void* args, CollectiveFn fn, const char* file, int line);
    void yield();
    [[noreturn]] void abandon(); // ends the block at once: every fibre is dropped where it stands
    void report(CUresult code, const std::string& text, const void* pc); // more than a few, or a fatal one, abandon the launch
    // Local variables of any thread, and the built-in variables.
    bool is_private(const void* p) const {
        return stacks.contains(p) || (p >= static_cast<const void*>(threads) && p < static_cast<const void*>(threads + kMaxThreads));
    }
    std::string where() const;   // "kernel k, block (0,0,0), thread (1,0,0)"
    std::string where(const Thread& t) const;

    Launch* launch = nullptr;
    Thread* current = nullptr;
    Thread* threads = nullptr;
    int thread_count = 0;
    uint32_t serial = 0;
    bool used_atomics = false; // the block did an atomic on global memory: see races.cpp
    StackPool stacks;
    char* dynamic_shared = nullptr;
    char* static_shared = nullptr;
    size_t static_shared_bytes = 0;

private:
    friend void fibre_main();
    void run_block(uint64_t index);
    void suspend();      // leaves the current thread for the next one
    void resume_other(void** save);
    void start_fibre(void** save);
    void ready(Thread* t);
    void finish(Thread* t);
    void complete_barrier();
    bool complete_collective(Thread* member);
    void deadlock();
    void check_limits();

    std::vector<Thread> storage_;
    void* main_sp_ = nullptr;
    void* dropped_sp_ = nullptr;
    std::vector<Thread*> queue_; // ring of threads that can run
    unsigned head_ = 0, tail_ = 0;
    int next_unstarted_ = 0, done_ = 0, fresh_stack_ = 0;
    int barrier_arrived_ = 0, barrier_votes_ = 0, barrier_result_ = 0;
    Thread* barrier_first_ = nullptr;
    std::vector<CollectiveFn> pending_;
    unsigned ticks_ = 0;
};

Worker* worker(); // of the calling OS thread; null outside a kernel

} // namespace sim
