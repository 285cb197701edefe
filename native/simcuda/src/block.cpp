#include "block.h"

#include <cstring>
#include <sys/mman.h>
#include <time.h>

#include "checker.h"
#include "launch.h"

namespace sim {

namespace {
thread_local Worker* this_worker = nullptr;

int64_t now_ns() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

std::string triple(const char* name, uint3 i) {
    return std::string(name) + " (" + std::to_string(i.x) + "," + std::to_string(i.y) + "," + std::to_string(i.z) + ")";
}
} // namespace

Worker* worker() { return this_worker; }

// Runs unstarted threads one after the other on the same stack; only a thread that blocks costs a stack of its own.
void fibre_main() {
    Worker* w = this_worker;
    int stack = w->fresh_stack_;
    for (;;) {
        Thread* t = &w->threads[w->next_unstarted_++];
        t->stack = stack;
        t->state = Thread::kRunning;
        w->current = t;
        w->launch->kernel->invoke(w->launch->params.data());
        w->finish(t);
        if (w->head_ != w->tail_ || w->next_unstarted_ == w->thread_count) {
            // Released while still in use, which is safe: resume_other takes a stack only when the queue is empty and a thread is unstarted.
            w->stacks.put(stack);
            w->resume_other(&w->dropped_sp_);
        }
    }
}

Worker::Worker() : storage_(kMaxThreads), queue_(kMaxThreads), pending_(kMaxThreads) {
    threads = storage_.data();
    void* map = mmap(nullptr, kMaxShared + kSharedGuard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    dynamic_shared = static_cast<char*>(map);
}

std::string Worker::where(const Thread& t) const {
    return std::string("kernel ") + launch->kernel->name + ", " + triple("block", t.indices.block_idx) + ", " + triple("thread", t.indices.thread_idx);
}
std::string Worker::where() const { return where(*current); }

void Worker::report(CUresult code, const std::string& text, const void* pc) {
    int count = add_report(*launch, {code, text, pc});
    if (code != CUDA_SUCCESS || count >= kMaxReports) abandon();
}

void Worker::abandon() {
    launch->abort = true;
    simcuda_switch_stack(&dropped_sp_, main_sp_);
    __builtin_unreachable();
}

void Worker::run(Launch& l) {
    this_worker = this;
    launch = &l;
    thread_count = static_cast<int>(l.block.x * l.block.y * l.block.z);
    static_shared = static_cast<char*>(shared_segment(*l.module, &static_shared_bytes));
    for (int i = 0; i < thread_count; i++) {
        Thread& t = threads[i];
        t.indices.thread_idx = {i % l.block.x, i / l.block.x % l.block.y, i / (l.block.x * l.block.y)};
        t.indices.block_dim = l.block;
        t.indices.grid_dim = l.grid;
        t.linear = i;
        t.lane = i % kWarp;
        t.warp = i / kWarp;
    }
    for (uint64_t b; !l.abort && (b = l.next_block++) < l.block_count;) run_block(b);
    launch = nullptr;
    this_worker = nullptr;
}

void Worker::run_block(uint64_t index) {
    serial = launch->first_serial + static_cast<uint32_t>(index);
    uint3 block_idx = {static_cast<unsigned>(index % launch->grid.x), static_cast<unsigned>(index / launch->grid.x % launch->grid.y),
                       static_cast<unsigned>(index / launch->grid.x / launch->grid.y)};
    // All ones: a NaN in every float format, so that what was never written shows in the result even without the checker.
    memset(dynamic_shared, 0xFF, launch->dynamic_shared);
    memset(static_shared, 0xFF, static_shared_bytes);
    for (int i = 0; i < thread_count; i++) {
        Thread& t = threads[i];
        t.indices.block_idx = block_idx;
        t.state = Thread::kUnstarted;
        t.copies.clear();
    }
    head_ = tail_ = 0;
    next_unstarted_ = done_ = barrier_arrived_ = barrier_votes_ = 0;
    used_atomics = false;
    current = nullptr;
    begin_block_checks(*this);
    check_limits();
    if (launch->abort) return;
    stacks.reset();
    resume_other(&main_sp_);
    if (done_ != thread_count && !launch->abort) deadlock();
}

void Worker::check_limits() {
    if (now_ns() > launch->deadline_ns && !launch->abort) {
        add_report(*launch, {CUDA_ERROR_LAUNCH_TIMEOUT, std::string("kernel ") + launch->kernel->name + ": launch exceeded SIMCUDA_TIMEOUT", nullptr});
        launch->abort = true;
    }
}

// Goes on with a thread that can run, else starts one, else returns to run_block: finished or deadlocked.
void Worker::resume_other(void** save) {
    if ((++ticks_ & 0xFFFF) == 0) check_limits();
    if (launch->abort) {
        simcuda_switch_stack(save, main_sp_);
    } else if (head_ != tail_) {
        Thread* t = queue_[head_++ % kMaxThreads];
        t->state = Thread::kRunning;
        current = t;
        simcuda_switch_stack(save, t->sp);
    } else if (next_unstarted_ < thread_count) {
        start_fibre(save);
    } else {
        simcuda_switch_stack(save, main_sp_);
    }
}

void Worker::start_fibre(void** save) {
    void* sp = stacks.take(&fresh_stack_, fibre_main);
    simcuda_switch_stack(save, sp);
}

void Worker::suspend() { resume_other(&current->sp); }

void Worker::ready(Thread* t) {
    t->state = Thread::kReady;
    queue_[tail_++ % kMaxThreads] = t;
}

void Worker::yield() {
    if (head_ == tail_ && next_unstarted_ == thread_count) {
        if ((++ticks_ & 0xFFF) == 0) check_limits();
        if (launch->abort) abandon();
        return; // nobody else can run
    }
    Thread* t = current;
    ready(t);
    if (next_unstarted_ < thread_count)
        start_fibre(&t->sp); // not suspend(), which would pick this very thread when the queue holds no other
    else
        suspend();
}

void Worker::barrier_wait(int predicate, const char* file, int line) {
    Thread* t = current;
    t->file = file;
    t->line = line;
    if (barrier_arrived_ == 0) {
        barrier_first_ = t;
    } else if (line != barrier_first_->line || strcmp(file, barrier_first_->file) != 0) {
        report(CUDA_ERROR_LAUNCH_FAILED,
               "divergent barrier: " + where() + " waits at " + file + ":" + std::to_string(line) + " while thread " +
                   std::to_string(barrier_first_->linear) + " waits at " + barrier_first_->file + ":" + std::to_string(barrier_first_->line),
               nullptr);
    }
    barrier_arrived_++;
    barrier_votes_ += predicate != 0;
    if (barrier_arrived_ == thread_count) {
        complete_barrier();
        return;
    }
    t->state = Thread::kAtBarrier;
    suspend();
}

void Worker::complete_barrier() {
    // One result for all is enough: the next barrier cannot complete before every thread has read this one and come again.
    barrier_result_ = barrier_votes_;
    barrier_arrived_ = barrier_votes_ = 0;
    if (launch_is_checked(*launch)) order_at_barrier(*this);
    for (int i = 0; i < thread_count; i++)
        if (threads[i].state == Thread::kAtBarrier) ready(&threads[i]);
}

void Worker::collective(const char* name, unsigned mask, void* args, CollectiveFn fn, const char* file, int line) {
    Thread* t = current;
    t->file = file;
    t->line = line;
    t->collective = name;
    t->mask = mask;
    t->args = args;
    pending_[t->linear] = fn;
    if (!(mask >> t->lane & 1))
        report(CUDA_ERROR_LAUNCH_FAILED, std::string(name) + " at " + file + ":" + std::to_string(line) + ": " + where() +
               " is not in its own mask", nullptr);
    t->state = Thread::kAtCollective;
    if (complete_collective(t)) return;
    suspend();
}

// When every live lane of the member's mask has come with the same mask: computes, releases the others. The member itself stays as it is.
bool Worker::complete_collective(Thread* member) {
    Thread* warp = &threads[member->warp * kWarp];
    int lanes = thread_count - member->warp * kWarp < kWarp ? thread_count - member->warp * kWarp : kWarp;
    void* args[kWarp] = {};
    unsigned alive = 0;
    for (int lane = 0; lane < lanes; lane++) {
        Thread& t = warp[lane];
        if (!(member->mask >> lane & 1) || t.state == Thread::kDone) continue; // CUDA too waits for non-exited lanes only
        if (t.state != Thread::kAtCollective || t.mask != member->mask) return false;
        alive |= 1u << lane;
        args[lane] = t.args;
    }
    for (int lane = 0; lane < lanes; lane++) {
        Thread& t = warp[lane];
        if (alive >> lane & 1 && (pending_[t.linear] != pending_[member->linear] || strcmp(t.collective, member->collective) != 0))
            report(CUDA_ERROR_LAUNCH_FAILED, std::string("warp collectives differ: ") + where(*member) + " is at " + member->collective + " (" +
                   member->file + ":" + std::to_string(member->line) + "), lane " + std::to_string(lane) + " at " + t.collective + " (" + t.file +
                   ":" + std::to_string(t.line) + ")", nullptr);
    }
    pending_[member->linear](args, alive, warp);
    for (int lane = 0; lane < lanes; lane++)
        if (alive >> lane & 1 && &warp[lane] != current) ready(&warp[lane]);
    if (alive >> current->lane & 1 && current->warp == member->warp) current->state = Thread::kRunning;
    return true;
}

void Worker::finish(Thread* t) {
    t->state = Thread::kDone;
    done_++;
    // A collective may have waited for this lane only.
    Thread* warp = &threads[t->warp * kWarp];
    for (int lane = 0; lane < kWarp && t->warp * kWarp + lane < thread_count; lane++)
        if (warp[lane].state == Thread::kAtCollective && warp[lane].mask >> t->lane & 1) complete_collective(&warp[lane]);
}

void Worker::deadlock() {
    std::string text = std::string("divergent barrier: kernel ") + launch->kernel->name + ", " + triple("block", threads[0].indices.block_idx) +
                       ": no thread can go on;";
    int finished = 0, groups = 0;
    for (int i = 0; i < thread_count;) {
        Thread& t = threads[i];
        if (t.state == Thread::kDone) {
            finished++;
            i++;
            continue;
        }
        int end = i + 1;
        auto same = [&](const Thread& o) { return o.state == t.state && o.line == t.line && strcmp(o.file, t.file) == 0; };
        while (end < thread_count && threads[end].state != Thread::kDone && same(threads[end])) end++;
        if (groups++ < 8) {
            text += " threads " + std::to_string(i) + ".." + std::to_string(end - 1) + " wait at " +
                    (t.state == Thread::kAtBarrier ? "__syncthreads" : t.collective) + " (" + t.file + ":" + std::to_string(t.line) + ")";
            if (t.state == Thread::kAtCollective) {
                char mask[32];
                snprintf(mask, sizeof mask, " mask 0x%08x", t.mask);
                text += mask;
            }
            text += ";";
        }
        i = end;
    }
    text += " " + std::to_string(finished) + " of " + std::to_string(thread_count) + " have finished";
    add_report(*launch, {CUDA_ERROR_LAUNCH_FAILED, text, nullptr});
    launch->abort = true;
}

} // namespace sim
