// Streams and events. Work runs at the call that submits it, so that every stream is always idle: ordering holds trivially, and what is
// left to simulate is capture.
#include "driver.h"

namespace sim {

CUresult check_stream(CUstream s) {
    return is_default_stream(s) || driver().streams.count(s) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult unsafe_during_capture() {
    if (driver().captures == 0) return CUDA_SUCCESS;
    for (CUstream s : driver().streams)
        if (s->capture != nullptr) s->invalidated = true;
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

CUresult enqueue(CUstream stream, int node_type, std::function<CUresult()> work) {
    if (CUresult r = check_stream(stream)) return r;
    if (is_default_stream(stream)) {
        // The legacy stream waits for every blocking stream, which a capture cannot express.
        if (reinterpret_cast<size_t>(stream) != 2)
            for (CUstream s : driver().streams)
                if (s->capture != nullptr && !(s->flags & 1)) {
                    s->invalidated = true;
                    return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
                }
        return work();
    }
    if (stream->capture == nullptr) return work();
    if (stream->invalidated) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    stream->capture->nodes.push_back({node_type, std::move(work)});
    if (!stream->origin) stream->forked_work = true;
    return CUDA_SUCCESS;
}

} // namespace sim

using namespace sim;

namespace {
CUresult check_event(CUevent e) { return driver().events.count(e) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE; }

// Asking whether a capturing stream is done makes no sense: CUDA ends the capture.
CUresult wait_for(CUstream s) {
    if (CUresult r = check_stream(s)) return r;
    if (!is_default_stream(s) && s->capture != nullptr) {
        s->invalidated = true;
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    return CUDA_SUCCESS;
}
} // namespace

SIM_API CUresult cuStreamCreateWithPriority(CUstream* s, unsigned flags, int priority) {
    SIM_ENTER();
    static uint64_t count = 0;
    *s = new SimStream{flags, priority < -5 ? -5 : priority > 0 ? 0 : priority, 3 + count++, nullptr, false, false, 0, false};
    driver().streams.insert(*s);
    return CUDA_SUCCESS;
}
SIM_API CUresult cuStreamCreate(CUstream* s, unsigned flags) { return cuStreamCreateWithPriority(s, flags, 0); }
SIM_API CUresult cuStreamDestroy_v2(CUstream s) {
    SIM_ENTER();
    if (driver().streams.erase(s) == 0) return CUDA_ERROR_INVALID_HANDLE;
    if (s->origin && s->capture != nullptr && s->mode != 2) driver().captures--;
    delete s;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuStreamSynchronize(CUstream s) {
    SIM_ENTER();
    return wait_for(s);
}
SIM_API CUresult cuStreamQuery(CUstream s) {
    SIM_ENTER();
    return wait_for(s);
}
SIM_API CUresult cuStreamGetPriority(CUstream s, int* priority) {
    SIM_ENTER();
    if (CUresult r = check_stream(s)) return r;
    *priority = is_default_stream(s) ? 0 : s->priority;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuStreamGetFlags(CUstream s, unsigned* flags) {
    SIM_ENTER();
    if (CUresult r = check_stream(s)) return r;
    *flags = is_default_stream(s) ? 0 : s->flags;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuStreamGetId(CUstream s, unsigned long long* id) {
    SIM_ENTER();
    if (CUresult r = check_stream(s)) return r;
    *id = is_default_stream(s) ? reinterpret_cast<size_t>(s) : s->id;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuStreamGetCtx(CUstream, CUcontext* c) {
    SIM_ENTER();
    *c = context_stack().back();
    return CUDA_SUCCESS;
}
SIM_API CUresult cuStreamWaitEvent(CUstream s, CUevent e, unsigned) {
    SIM_ENTER();
    if (CUresult r = check_stream(s)) return r;
    if (CUresult r = check_event(e)) return r;
    if (is_default_stream(s) || e->capture == nullptr) return CUDA_SUCCESS;
    if (s->capture == nullptr) {
        s->capture = e->capture; // the stream joins the capture
        s->origin = false;
        s->invalidated = false;
        s->forked_work = false;
    } else if (s->capture != e->capture) {
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    } else if (driver().streams.count(e->stream)) {
        e->stream->forked_work = false; // joined again
    }
    return CUDA_SUCCESS;
}
SIM_API CUresult cuLaunchHostFunc(CUstream s, CUhostFn fn, void* data) {
    SIM_ENTER();
    return enqueue(s, kNodeHost, [=]() -> CUresult {
        fn(data);
        return CUDA_SUCCESS;
    });
}
SIM_API CUresult cuStreamAddCallback(CUstream s, CUstreamCallback fn, void* data, unsigned) {
    SIM_ENTER();
    if (CUresult r = wait_for(s)) return r;
    fn(s, CUDA_SUCCESS, data);
    return CUDA_SUCCESS;
}

SIM_API CUresult cuEventCreate(CUevent* e, unsigned flags) {
    SIM_ENTER();
    *e = new SimEvent{flags, false, 0, nullptr, nullptr};
    driver().events.insert(*e);
    return CUDA_SUCCESS;
}
SIM_API CUresult cuEventDestroy_v2(CUevent e) {
    SIM_ENTER();
    if (driver().events.erase(e) == 0) return CUDA_ERROR_INVALID_HANDLE;
    delete e;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuEventRecord(CUevent e, CUstream s) {
    SIM_ENTER();
    if (CUresult r = check_stream(s)) return r;
    if (CUresult r = check_event(e)) return r;
    e->recorded = true;
    e->time_ns = clock_ns();
    e->stream = s;
    e->capture = is_default_stream(s) ? nullptr : s->capture;
    return CUDA_SUCCESS;
}
SIM_API CUresult cuEventRecordWithFlags(CUevent e, CUstream s, unsigned) { return cuEventRecord(e, s); }
SIM_API CUresult cuEventSynchronize(CUevent e) {
    SIM_ENTER();
    if (CUresult r = check_event(e)) return r;
    return e->capture != nullptr ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUDA_SUCCESS;
}
SIM_API CUresult cuEventQuery(CUevent e) { return cuEventSynchronize(e); }
SIM_API CUresult cuEventElapsedTime(float* ms, CUevent a, CUevent b) {
    SIM_ENTER();
    if (CUresult r = check_event(a)) return r;
    if (CUresult r = check_event(b)) return r;
    constexpr unsigned kDisableTiming = 2;
    if (!a->recorded || !b->recorded || (a->flags | b->flags) & kDisableTiming) return CUDA_ERROR_INVALID_HANDLE;
    *ms = static_cast<float>((b->time_ns - a->time_ns) * 1e-6);
    return CUDA_SUCCESS;
}
