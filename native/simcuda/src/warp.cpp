// What one thread of a kernel can ask of its block and warp.
#include <cstring>
#include <time.h>

#include "checker.h"

using namespace sim;

const SimIndices* simcuda_indices() { return &worker()->current->indices; }
void* simcuda_dynamic_shared() { return worker()->dynamic_shared; }
void simcuda_yield() { worker()->yield(); }

int simcuda_barrier(int predicate, const char* file, int line) {
    Worker* w = worker();
    w->barrier_wait(predicate, file, line);
    return w->barrier_result();
}

void simcuda_trap(const char* file, int line) {
    Worker* w = worker();
    w->report(CUDA_ERROR_LAUNCH_FAILED, "__trap at " + std::string(file) + ":" + std::to_string(line) + ", " + w->where(), nullptr);
}

long long simcuda_clock() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

unsigned simcuda_active_mask() {
    // Lanes run one at a time here, so that "converged now" is the calling lane alone: the least that hardware may answer.
    return 1u << worker()->current->lane;
}

void simcuda_syncwarp(unsigned mask, const char* file, int line) {
    worker()->collective("__syncwarp", mask, nullptr, [](void**, unsigned lanes, Thread* warp) { order_at_syncwarp(warp, lanes); }, file, line);
}

namespace {
struct Shuffle {
    unsigned long long value, result;
    int source;
};
struct Vote {
    int predicate;
    unsigned votes, lanes;
};
struct Match {
    unsigned long long value;
    unsigned lanes;
};
} // namespace

unsigned long long simcuda_shuffle(unsigned mask, unsigned long long value, int source_lane, const char* file, int line) {
    Shuffle mine = {value, 0, source_lane & 31};
    worker()->collective("shuffle", mask, &mine, [](void** args, unsigned lanes, Thread*) {
        for (int lane = 0; lane < kWarp; lane++) {
            if (!(lanes >> lane & 1)) continue;
            auto* me = static_cast<Shuffle*>(args[lane]);
            auto* from = static_cast<Shuffle*>(args[me->source]);
            me->result = from != nullptr ? from->value : ~0ull; // a lane that takes no part: undefined in CUDA, a NaN here
        }
    }, file, line);
    return mine.result;
}

unsigned simcuda_vote(unsigned mask, int predicate, unsigned* taking_part, const char* file, int line) {
    Vote mine = {predicate, 0, 0};
    worker()->collective("vote", mask, &mine, [](void** args, unsigned lanes, Thread*) {
        unsigned votes = 0;
        for (int lane = 0; lane < kWarp; lane++)
            if (args[lane] != nullptr && static_cast<Vote*>(args[lane])->predicate) votes |= 1u << lane;
        for (int lane = 0; lane < kWarp; lane++)
            if (auto* v = static_cast<Vote*>(args[lane])) {
                v->votes = votes;
                v->lanes = lanes;
            }
    }, file, line);
    *taking_part = mine.lanes;
    return mine.votes;
}

unsigned simcuda_match(unsigned mask, unsigned long long value, const char* file, int line) {
    Match mine = {value, 0};
    worker()->collective("match", mask, &mine, [](void** args, unsigned, Thread*) {
        for (void** a = args; a < args + kWarp; a++)
            for (int lane = 0; *a != nullptr && lane < kWarp; lane++)
                if (args[lane] != nullptr && static_cast<Match*>(args[lane])->value == static_cast<Match*>(*a)->value)
                    static_cast<Match*>(*a)->lanes |= 1u << lane;
    }, file, line);
    return mine.lanes;
}

// cp.async. The source is read at issue; the target changes only at the wait, so that a kernel that forgets to wait reads what was there before.
void simcuda_copy_async(void* shared, const void* global, int bytes, int source_bytes) {
    Worker* w = worker();
    const void* pc = __builtin_return_address(0);
    if (reinterpret_cast<size_t>(shared) % bytes != 0 || reinterpret_cast<size_t>(global) % bytes != 0)
        w->report(CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned cp.async of " + std::to_string(bytes) + " bytes, " + w->where(), pc);
    if (launch_is_checked(*w->launch)) {
        check_access(global, source_bytes, Access::kRead, pc);
        check_async_target(shared, bytes, pc);
    }
    auto& groups = w->current->copies;
    if (groups.empty()) groups.emplace_back();
    AsyncCopy copy = {static_cast<char*>(shared), bytes, {}};
    memcpy(copy.data, global, source_bytes);
    groups.back().push_back(copy);
}

void simcuda_copy_commit() {
    auto& groups = worker()->current->copies;
    if (groups.empty()) groups.emplace_back();
    groups.emplace_back();
}

// Finishes the oldest groups until `groups_left` committed ones are left; -1 finishes the open group too (cp.async.wait_all).
void simcuda_copy_wait(int groups_left) {
    Worker* w = worker();
    auto& groups = w->current->copies;
    while (!groups.empty() && static_cast<int>(groups.size()) - 1 > groups_left) {
        for (const AsyncCopy& copy : groups.front()) {
            if (launch_is_checked(*w->launch)) check_access(copy.to, copy.bytes, Access::kWrite, __builtin_return_address(0));
            memcpy(copy.to, copy.data, copy.bytes);
        }
        groups.erase(groups.begin());
    }
}
