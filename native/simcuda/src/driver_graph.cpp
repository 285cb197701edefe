// Stream capture and graphs. A graph is the list of its operations in the order of capture, each a closure over its arguments as they were then.
#include "driver.h"

using namespace sim;

namespace {
CUresult check_graph(CUgraph g) { return driver().graphs.count(g) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE; }
} // namespace

SIM_API CUresult cuStreamBeginCapture_v2(CUstream s, int mode) {
    SIM_ENTER();
    if (CUresult r = check_stream(s)) return r;
    if (is_default_stream(s) || s->capture != nullptr) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    s->capture = new SimGraph;
    s->origin = true;
    s->invalidated = false;
    s->mode = mode;
    if (mode != 2) driver().captures++; // 2: relaxed, which forbids nothing
    return CUDA_SUCCESS;
}
SIM_API CUresult cuStreamEndCapture(CUstream s, CUgraph* graph) {
    SIM_ENTER();
    if (CUresult r = check_stream(s)) return r;
    *graph = nullptr;
    if (is_default_stream(s) || s->capture == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (!s->origin) return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
    CUgraph g = s->capture;
    CUresult result = CUDA_SUCCESS;
    for (CUstream other : driver().streams) {
        if (other->capture != g) continue;
        if (other->invalidated) result = CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
        else if (other->forked_work && result == CUDA_SUCCESS) result = CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
        other->capture = nullptr;
        other->forked_work = other->invalidated = false;
    }
    for (CUevent e : driver().events)
        if (e->capture == g) e->capture = nullptr;
    if (s->mode != 2) driver().captures--;
    s->origin = false;
    if (result != CUDA_SUCCESS) {
        delete g;
        return result;
    }
    driver().graphs.insert(g);
    *graph = g;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuStreamIsCapturing(CUstream s, int* status) {
    SIM_ENTER();
    if (CUresult r = check_stream(s)) return r;
    *status = is_default_stream(s) || s->capture == nullptr ? 0 : s->invalidated ? 2 : 1;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuThreadExchangeStreamCaptureMode(int* mode) {
    SIM_ENTER();
    *mode = 0;
    return CUDA_SUCCESS;
}

SIM_API CUresult cuGraphCreate(CUgraph* g, unsigned) {
    SIM_ENTER();
    *g = new SimGraph;
    driver().graphs.insert(*g);
    return CUDA_SUCCESS;
}
SIM_API CUresult cuGraphDestroy(CUgraph g) {
    SIM_ENTER();
    if (driver().graphs.erase(g) == 0) return CUDA_ERROR_INVALID_VALUE;
    delete g;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuGraphGetNodes(CUgraph g, CUgraphNode* nodes, size_t* count) {
    SIM_ENTER();
    if (CUresult r = check_graph(g)) return r;
    if (nodes == nullptr) {
        *count = g->nodes.size();
        return CUDA_SUCCESS;
    }
    for (size_t i = 0; i < *count; i++) nodes[i] = i < g->nodes.size() ? &g->nodes[i] : nullptr;
    if (*count > g->nodes.size()) *count = g->nodes.size();
    return CUDA_SUCCESS;
}
SIM_API CUresult cuGraphNodeGetType(CUgraphNode node, int* type) {
    SIM_ENTER();
    *type = node->type;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuGraphInstantiateWithFlags(CUgraphExec* exec, CUgraph g, unsigned long long) {
    SIM_ENTER();
    if (CUresult r = check_graph(g)) return r;
    *exec = new SimGraphExec{*g}; // a copy: the graph may be destroyed before its executable
    driver().execs.insert(*exec);
    return CUDA_SUCCESS;
}
// The old entry point, which CUDA 12 headers rename; its error node and log stay empty.
SIM_API CUresult cuGraphInstantiate_v2(CUgraphExec* exec, CUgraph g, CUgraphNode* error, char* log, size_t bytes) {
    if (error != nullptr) *error = nullptr;
    if (log != nullptr && bytes > 0) *log = 0;
    return cuGraphInstantiateWithFlags(exec, g, 0);
}
SIM_API CUresult cuGraphExecDestroy(CUgraphExec exec) {
    SIM_ENTER();
    if (driver().execs.erase(exec) == 0) return CUDA_ERROR_INVALID_VALUE;
    delete exec;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuGraphUpload(CUgraphExec exec, CUstream s) {
    SIM_ENTER();
    if (CUresult r = check_stream(s)) return r;
    return driver().execs.count(exec) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
SIM_API CUresult cuGraphLaunch(CUgraphExec exec, CUstream s) {
    SIM_ENTER();
    if (!driver().execs.count(exec)) return CUDA_ERROR_INVALID_VALUE;
    SimGraph graph = exec->graph; // by value: within another capture it becomes part of that graph
    return enqueue(s, 4, [graph]() -> CUresult {
        for (const SimGraphNode& node : graph.nodes)
            if (CUresult r = node.run()) return r;
        return CUDA_SUCCESS;
    });
}
