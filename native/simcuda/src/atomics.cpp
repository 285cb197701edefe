#include "../include/simcuda/bits.h"

#include <climits>
#include <cmath>
#include <cstring>

#include "../include/simcuda/runtime.h"
#include "../include/simcuda/atomics.h"
#include "checker.h"

using sim::Access;
using sim::Worker;

namespace {

// Every so often an atomic lets the other threads of the block run: a thread may be spinning for one of them.
void before(void* p, size_t bytes, const void* pc) {
    Worker* w = sim::worker();
    if (w == nullptr) return;
    if (reinterpret_cast<size_t>(p) % bytes != 0) w->report(CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned atomic, " + w->where(), pc);
    if (sim::launch_is_checked(*w->launch)) sim::check_access(p, bytes, Access::kAtomic, pc);
    thread_local unsigned calls;
    if (++calls % 256 == 0) w->yield();
}

template <class U, class S>
U apply(int op, U old, U value, U compare) {
    switch (op) {
    case SIM_ADD: return old + value;
    case SIM_EXCH: return value;
    case SIM_MIN_S: return static_cast<S>(value) < static_cast<S>(old) ? value : old;
    case SIM_MAX_S: return static_cast<S>(value) > static_cast<S>(old) ? value : old;
    case SIM_MIN_U: return value < old ? value : old;
    case SIM_MAX_U: return value > old ? value : old;
    case SIM_AND: return old & value;
    case SIM_OR: return old | value;
    case SIM_XOR: return old ^ value;
    case SIM_CAS: return old == compare ? value : old;
    case SIM_INC: return old >= value ? 0 : old + 1;
    default: return old == 0 || old > value ? value : old - 1; // SIM_DEC
    }
}

template <class U, class F>
U update(U* p, F next) {
    U old = __atomic_load_n(p, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(p, &old, next(old), true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {}
    return old;
}

} // namespace

unsigned simcuda_atomic_u32(int op, unsigned* p, unsigned value, unsigned compare) {
    before(p, 4, __builtin_return_address(0));
    return update(p, [=](unsigned old) { return apply<unsigned, int>(op, old, value, compare); });
}
unsigned long long simcuda_atomic_u64(int op, unsigned long long* p, unsigned long long value, unsigned long long compare) {
    before(p, 8, __builtin_return_address(0));
    return update(p, [=](unsigned long long old) { return apply<unsigned long long, long long>(op, old, value, compare); });
}
float simcuda_atomic_add_f32(float* p, float value) {
    before(p, 4, __builtin_return_address(0));
    unsigned old = update(reinterpret_cast<unsigned*>(p), [=](unsigned bits) {
        return simcuda_cast<unsigned>(simcuda_cast<float>(bits) + value);
    });
    return simcuda_cast<float>(old);
}
double simcuda_atomic_add_f64(double* p, double value) {
    before(p, 8, __builtin_return_address(0));
    unsigned long long old = update(reinterpret_cast<unsigned long long*>(p), [=](unsigned long long bits) {
        return simcuda_cast<unsigned long long>(simcuda_cast<double>(bits) + value);
    });
    return simcuda_cast<double>(old);
}
unsigned short simcuda_atomic_cas_u16(unsigned short* p, unsigned short compare, unsigned short value) {
    before(p, 2, __builtin_return_address(0));
    return update(p, [=](unsigned short old) { return old == compare ? value : old; });
}
