// State of the driver and the rules that every call shares.
#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "api.h"
#include "launch.h"
#include "memory.h"

struct SimContext {
    bool primary;
    int references;
    unsigned flags;
};

struct SimFunction {
    const SimKernel* kernel;
    sim::Module* module;
    size_t max_dynamic_shared; // 48 KiB until cuFuncSetAttribute allows more
    CUmodule handle;
    size_t static_shared;
};

struct SimModuleHandle {
    sim::Module* module;
    std::vector<SimFunction*> functions;
};

struct SimGraphNode {
    int type; // CUgraphNodeType
    std::function<CUresult()> run;
};

struct SimGraph {
    std::vector<SimGraphNode> nodes; // in an order that respects every dependency: the order of capture
};

struct SimGraphExec {
    SimGraph graph;
};

struct SimStream {
    unsigned flags;
    int priority;
    uint64_t id;
    CUgraph capture;    // null unless capturing
    bool origin;        // capture began here, not by waiting on an event of another stream
    bool invalidated;
    int mode;
    bool forked_work;   // a forked stream with work that the origin has not waited for
};

struct SimEvent {
    unsigned flags;
    bool recorded;
    int64_t time_ns;
    CUgraph capture; // recorded in a capturing stream
    CUstream stream;
};

namespace sim {

constexpr int kNodeKernel = 0, kNodeMemcpy = 1, kNodeMemset = 2, kNodeHost = 3, kNodeEmpty = 5;
constexpr size_t kDefaultDynamicShared = 48 << 10;

struct Driver {
    std::recursive_mutex lock; // one call at a time; recursive because a host function may call back
    bool initialised = false;
    SimContext primary = {true, 0, 0};
    std::set<CUcontext> contexts;
    std::set<CUstream> streams;
    std::set<CUevent> events;
    std::set<CUmodule> modules;
    std::set<CUfunction> functions;
    std::set<CUgraph> graphs;
    std::set<CUgraphExec> execs;
    int captures = 0; // streams in a capture that forbids unsafe calls on any thread
};

Driver& driver();
std::vector<CUcontext>& context_stack(); // of the calling thread
int64_t clock_ns();

// Opens every entry point that needs a context: locks, and answers what a real driver would where there is none.
#define SIM_ENTER()                                                          \
    std::lock_guard<std::recursive_mutex> sim_guard(sim::driver().lock);     \
    if (CUresult sim_ready = sim::require_context()) return sim_ready

CUresult require_context();

// The null stream and CU_STREAM_LEGACY (1) and CU_STREAM_PER_THREAD (2) are constants, not handles.
inline bool is_default_stream(CUstream s) { return reinterpret_cast<size_t>(s) <= 2; }
CUresult check_stream(CUstream s);

// Runs the work now, or adds it to the graph that the stream captures. All work goes through here.
CUresult enqueue(CUstream stream, int node_type, std::function<CUresult()> work);

// Calls that a capture in "global" mode forbids: they might depend on work not yet done.
CUresult unsafe_during_capture();

// A transfer or a library call touches [p, p+bytes): reports and fails if that is not inside one allocation (or, with host, pinned memory).
CUresult check_range(const void* p, size_t bytes, const char* call);
void mark_initialised(const void* p, size_t bytes);

// Faults on request: true when this allocation or launch is the one that must fail.
bool fault_alloc();
bool fault_launch();
bool fault_cublas();
CUresult fault_module(); // after the delay that was asked for

} // namespace sim
