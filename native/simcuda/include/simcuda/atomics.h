/* Atomics on global and shared memory; the driver performs them, so that the checker knows an atomic from a plain access. */
#ifndef SIMCUDA_ATOMICS_H
#define SIMCUDA_ATOMICS_H

#include "runtime.h"

enum SimAtomic {
    SIM_ADD, SIM_EXCH, SIM_MIN_S, SIM_MAX_S, SIM_MIN_U, SIM_MAX_U, SIM_AND, SIM_OR, SIM_XOR, SIM_CAS, SIM_INC, SIM_DEC
};

#define SIMCUDA_ATOMIC(NAME, T, BITS, UT, OP)                                                            \
    static inline T NAME(T* p, T value) { return (T)simcuda_atomic_u##BITS(OP, (UT*)p, (UT)value, 0); }
#define SIMCUDA_ATOMIC_ALL(NAME, SIGNED_OP, UNSIGNED_OP)                                  \
    SIMCUDA_ATOMIC(NAME, int, 32, unsigned, SIGNED_OP)                                    \
    SIMCUDA_ATOMIC(NAME, unsigned, 32, unsigned, UNSIGNED_OP)                             \
    SIMCUDA_ATOMIC(NAME, long long, 64, unsigned long long, SIGNED_OP)                    \
    SIMCUDA_ATOMIC(NAME, unsigned long long, 64, unsigned long long, UNSIGNED_OP)
SIMCUDA_ATOMIC_ALL(atomicExch, SIM_EXCH, SIM_EXCH)
SIMCUDA_ATOMIC_ALL(atomicMin, SIM_MIN_S, SIM_MIN_U)
SIMCUDA_ATOMIC_ALL(atomicMax, SIM_MAX_S, SIM_MAX_U)
SIMCUDA_ATOMIC_ALL(atomicAnd, SIM_AND, SIM_AND)
SIMCUDA_ATOMIC_ALL(atomicOr, SIM_OR, SIM_OR)
SIMCUDA_ATOMIC_ALL(atomicXor, SIM_XOR, SIM_XOR)
/* CUDA has no atomicAdd or atomicSub on signed 64-bit integers: a kernel that needs one fails to compile here too. */
SIMCUDA_ATOMIC(atomicAdd, int, 32, unsigned, SIM_ADD)
SIMCUDA_ATOMIC(atomicAdd, unsigned, 32, unsigned, SIM_ADD)
SIMCUDA_ATOMIC(atomicAdd, unsigned long long, 64, unsigned long long, SIM_ADD)
SIMCUDA_ATOMIC(atomicInc, unsigned, 32, unsigned, SIM_INC)
SIMCUDA_ATOMIC(atomicDec, unsigned, 32, unsigned, SIM_DEC)
#undef SIMCUDA_ATOMIC_ALL
#undef SIMCUDA_ATOMIC

static inline int atomicSub(int* p, int value) { return atomicAdd(p, (int)(0u - (unsigned)value)); }
static inline unsigned atomicSub(unsigned* p, unsigned value) { return atomicAdd(p, 0u - value); }
static inline float atomicAdd(float* p, float value) { return simcuda_atomic_add_f32(p, value); }
static inline double atomicAdd(double* p, double value) { return simcuda_atomic_add_f64(p, value); }
static inline float atomicExch(float* p, float value) {
    return __uint_as_float(simcuda_atomic_u32(SIM_EXCH, (unsigned*)p, __float_as_uint(value), 0));
}
static inline int atomicCAS(int* p, int compare, int value) {
    return (int)simcuda_atomic_u32(SIM_CAS, (unsigned*)p, (unsigned)value, (unsigned)compare);
}
static inline unsigned atomicCAS(unsigned* p, unsigned compare, unsigned value) { return simcuda_atomic_u32(SIM_CAS, p, value, compare); }
static inline unsigned long long atomicCAS(unsigned long long* p, unsigned long long compare, unsigned long long value) {
    return simcuda_atomic_u64(SIM_CAS, p, value, compare);
}
static inline unsigned short atomicCAS(unsigned short* p, unsigned short compare, unsigned short value) {
    return simcuda_atomic_cas_u16(p, compare, value);
}

#endif
