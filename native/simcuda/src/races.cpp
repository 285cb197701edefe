// Happens-before within a launch. Each thread has a clock that advances at every __syncthreads and __syncwarp. Each byte of memory
// remembers its last write and its last read: who, and at which clock. Two accesses by different threads, at least one of them a plain write,
// race unless a barrier lies between, or (same warp) a __syncwarp that named both. Lockstep is no excuse: sm_70 and later give none.
//
// Between blocks there is no barrier. Blocks order themselves through atomics (the last block to finish sums up); a block that has done
// an atomic on global memory is therefore no longer compared with other blocks: a race may be missed, but none is invented.
//
// A record is serial:32 | thread:10 | clock:19 | many_blocks:1 | many:1 | atomic:1, and 0 for none. A record of another launch (or, in shared
// memory, of another block) is stale, so that nothing need be cleared between launches. "many" marks a read that joined another concurrent read.
#include <cstring>

#include "checker.h"

namespace sim {

namespace {
constexpr uint64_t kAtomicBit = 1, kManyBit = 2, kManyBlocksBit = 4;
constexpr uint32_t kClockMask = (1u << 19) - 1;

uint32_t serial_of(uint64_t r) { return static_cast<uint32_t>(r >> 32); }
int thread_of(uint64_t r) { return static_cast<int>(r >> 22 & 1023); }
uint32_t clock_of(uint64_t r) { return static_cast<uint32_t>(r >> 3) & kClockMask; }

uint64_t load(const uint64_t& r) { return __atomic_load_n(&r, __ATOMIC_RELAXED); }
void store(uint64_t& r, uint64_t value) { __atomic_store_n(&r, value, __ATOMIC_RELAXED); }

// Has the current thread a right to rely on the access of `r`, which is of this block?
bool ordered(const Worker& w, uint64_t r) {
    const Thread& me = *w.current;
    const Thread& other = w.threads[thread_of(r)];
    uint32_t clock = clock_of(r);
    return clock <= other.barrier_clock || (other.warp == me.warp && clock <= me.seen[other.lane]);
}

bool stale(const Worker& w, uint64_t r, bool shared) {
    if (r == 0) return true;
    return shared ? serial_of(r) != w.serial : serial_of(r) - w.launch->first_serial >= w.launch->block_count;
}

// Does the current thread's access conflict with record r?
bool conflicts(const Worker& w, uint64_t r, bool shared) {
    if (stale(w, r, shared)) return false;
    if (serial_of(r) != w.serial) return !w.used_atomics;
    if (r & kManyBlocksBit && !w.used_atomics) return true;
    if (thread_of(r) == w.current->linear) return r & kManyBit && clock_of(r) == (w.current->clock & kClockMask);
    return !ordered(w, r);
}

std::string describe(const Worker& w, uint64_t r, const char* what) {
    if (serial_of(r) != w.serial || r & kManyBlocksBit) {
        uint64_t b = serial_of(r) - w.launch->first_serial;
        return std::string(what) + " by another block (block number " + std::to_string(b) + ", thread " + std::to_string(thread_of(r)) + ")";
    }
    if (thread_of(r) == w.current->linear) return std::string(what) + " by other threads of the block";
    return std::string(what) + " by thread " + std::to_string(thread_of(r)) + " of the same block without a barrier between";
}
} // namespace

std::string race(Worker& w, Cell* cell, Access kind, bool shared) {
    uint64_t write = load(cell->write), read = load(cell->read);
    uint64_t mine = static_cast<uint64_t>(w.serial) << 32 | static_cast<uint64_t>(w.current->linear) << 22 |
                    static_cast<uint64_t>(w.current->clock & kClockMask) << 3 | (kind == Access::kAtomic ? kAtomicBit : 0);
    std::string found;
    bool both_atomic = kind == Access::kAtomic && write & kAtomicBit;
    if (!both_atomic && conflicts(w, write, shared)) found = describe(w, write, write & kAtomicBit ? "an atomic" : "a write");
    if (kind == Access::kRead) {
        if ((read & ~(kManyBit | kManyBlocksBit)) == mine) return found;
        if (!stale(w, read, shared)) {
            if (serial_of(read) != w.serial || read & kManyBlocksBit) mine |= kManyBlocksBit;
            else if (thread_of(read) == w.current->linear ? (read & kManyBit) != 0 && clock_of(read) == (w.current->clock & kClockMask) : !ordered(w, read))
                mine |= kManyBit;
        }
        store(cell->read, mine);
    } else {
        if (found.empty() && conflicts(w, read, shared)) found = describe(w, read, "a read");
        store(cell->write, mine);
    }
    return found;
}

void order_at_barrier(Worker& w) {
    for (int i = 0; i < w.thread_count; i++) {
        w.threads[i].barrier_clock = w.threads[i].clock & kClockMask;
        w.threads[i].clock++;
    }
}

void order_at_syncwarp(Thread* warp, unsigned lanes) {
    uint32_t joined[kWarp] = {};
    for (int lane = 0; lane < kWarp; lane++) {
        if (!(lanes >> lane & 1)) continue;
        Thread& t = warp[lane];
        t.seen[lane] = t.clock & kClockMask;
        for (int i = 0; i < kWarp; i++) joined[i] = joined[i] > t.seen[i] ? joined[i] : t.seen[i];
    }
    for (int lane = 0; lane < kWarp; lane++) {
        if (!(lanes >> lane & 1)) continue;
        memcpy(warp[lane].seen, joined, sizeof joined);
        warp[lane].clock++;
    }
}

} // namespace sim
