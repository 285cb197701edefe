/* Barriers, fences and warp collectives. Each carries its place in the source for the report of a divergent barrier. */
#ifndef SIMCUDA_SYNC_H
#define SIMCUDA_SYNC_H

#include "runtime.h"

static inline void __syncthreads(SIMCUDA_HERE) { simcuda_barrier(0, file, line); }
static inline int __syncthreads_count(int predicate, SIMCUDA_HERE) { return simcuda_barrier(predicate, file, line); }
static inline int __syncthreads_or(int predicate, SIMCUDA_HERE) { return simcuda_barrier(predicate, file, line) != 0; }
static inline int __syncthreads_and(int predicate, SIMCUDA_HERE) { return simcuda_barrier(!predicate, file, line) == 0; }
static inline void __syncwarp(unsigned mask = 0xFFFFFFFFu, SIMCUDA_HERE) { simcuda_syncwarp(mask, file, line); }

/* Blocks see each other's writes at once here; a fence is only a good moment to let other threads run. */
static inline void __threadfence() { __atomic_signal_fence(__ATOMIC_SEQ_CST); simcuda_yield(); }
static inline void __threadfence_block() { __atomic_signal_fence(__ATOMIC_SEQ_CST); }
static inline void __threadfence_system() { __threadfence(); }
static inline void __nanosleep(unsigned) { simcuda_yield(); }
static inline long long clock64() { return simcuda_clock(); }
static inline int clock() { return (int)simcuda_clock(); }
static inline long long globaltimer() { return simcuda_clock(); }
#define __trap() simcuda_trap(__FILE__, __LINE__)

static inline unsigned __activemask() { return simcuda_active_mask(); }
static inline unsigned __ballot_sync(unsigned mask, int predicate, SIMCUDA_HERE) {
    unsigned part;
    return simcuda_vote(mask, predicate, &part, file, line);
}
static inline int __any_sync(unsigned mask, int predicate, SIMCUDA_HERE) { return __ballot_sync(mask, predicate, file, line) != 0; }
static inline int __all_sync(unsigned mask, int predicate, SIMCUDA_HERE) {
    unsigned part, votes = simcuda_vote(mask, predicate, &part, file, line);
    return votes == part;
}

template <class T>
static inline T simcuda_shuffle_value(unsigned mask, T value, int source, const char* file, int line) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 32 or 64 bits");
    unsigned long long bits = 0;
    __builtin_memcpy(&bits, &value, sizeof value);
    bits = simcuda_shuffle(mask, bits, source, file, line);
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}
static inline int simcuda_lane() {
    const SimIndices* i = simcuda_indices();
    return (int)((i->thread_idx.z * i->block_dim.y + i->thread_idx.y) * i->block_dim.x + i->thread_idx.x) & 31;
}

template <class T>
static inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, SIMCUDA_HERE) {
    int lane = simcuda_lane();
    return simcuda_shuffle_value(mask, value, (lane & -width) | (source & (width - 1)), file, line);
}
template <class T>
static inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, SIMCUDA_HERE) {
    int lane = simcuda_lane(), source = lane - (int)delta;
    return simcuda_shuffle_value(mask, value, source < (lane & -width) ? lane : source, file, line);
}
template <class T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, SIMCUDA_HERE) {
    int lane = simcuda_lane(), source = lane + (int)delta;
    return simcuda_shuffle_value(mask, value, source >= (lane & -width) + width ? lane : source, file, line);
}
template <class T>
static inline T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, SIMCUDA_HERE) {
    int lane = simcuda_lane(), source = lane ^ lane_mask;
    return simcuda_shuffle_value(mask, value, source >= (lane & -width) + width ? lane : source, file, line);
}
template <class T>
static inline unsigned __match_any_sync(unsigned mask, T value, SIMCUDA_HERE) {
    unsigned long long bits = 0;
    __builtin_memcpy(&bits, &value, sizeof value);
    return simcuda_match(mask, bits, file, line);
}

/* Sums and extremes over the lanes of the mask, as sm_80's redux.sync. */
#define SIMCUDA_REDUCE(NAME, T, COMBINE)                                         \
    static inline T NAME(unsigned mask, T value, SIMCUDA_HERE) {                 \
        T result = value;                                                        \
        bool first = true;                                                       \
        for (int lane = 0; lane < 32; lane++) {                                  \
            if (!(mask >> lane & 1)) continue;                                   \
            T other = simcuda_shuffle_value(mask, value, lane, file, line);      \
            result = first ? other : (COMBINE);                                  \
            first = false;                                                       \
        }                                                                        \
        return result;                                                           \
    }
SIMCUDA_REDUCE(__reduce_add_sync, unsigned, result + other)
SIMCUDA_REDUCE(__reduce_add_sync, int, result + other)
SIMCUDA_REDUCE(__reduce_min_sync, unsigned, other < result ? other : result)
SIMCUDA_REDUCE(__reduce_min_sync, int, other < result ? other : result)
SIMCUDA_REDUCE(__reduce_max_sync, unsigned, other > result ? other : result)
SIMCUDA_REDUCE(__reduce_max_sync, int, other > result ? other : result)
SIMCUDA_REDUCE(__reduce_and_sync, unsigned, result & other)
SIMCUDA_REDUCE(__reduce_or_sync, unsigned, result | other)
SIMCUDA_REDUCE(__reduce_xor_sync, unsigned, result ^ other)
#undef SIMCUDA_REDUCE

#endif
