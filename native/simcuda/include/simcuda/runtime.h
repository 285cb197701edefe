/* What a kernel module and the simulated driver (libcuda.so.1) know of each other. Everything that must see all threads of a block at once
   lives in the driver, so that modules stay plain compiled kernels and the driver's own loads and stores are never instrumented. */
#ifndef SIMCUDA_RUNTIME_H
#define SIMCUDA_RUNTIME_H

#include "vectors.h"

#define SIMCUDA_MAGIC "SIMCUDA1\n"
#define SIMCUDA_TABLE_SYMBOL "simcuda_module_table"

/* The four built-in variables of one CUDA thread. */
struct SimIndices {
    uint3 thread_idx, block_idx;
    dim3 block_dim, grid_dim;
};

/* One kernel: `invoke` calls it for one thread with the parameters packed at `offsets` into one buffer. */
struct SimKernel {
    const char* name;
    void (*invoke)(const char* params);
    int parameter_count;
    const int* sizes;
    const int* offsets;
    int max_threads; /* __launch_bounds__, 0 when absent */
};

struct SimModuleTable {
    const SimKernel* kernels;
    int kernel_count;
    int checked;           /* compiled with every load and store reported */
    void* (*shared_probe)(); /* an address inside the calling OS thread's copy of the module's __shared__ variables */
};

/* Where in the source a barrier or collective stands; filled by default arguments at the call. */
#define SIMCUDA_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

extern "C" {
/* const: within one kernel call the answer never changes, so that the compiler asks once. */
const SimIndices* simcuda_indices() __attribute__((const));
void* simcuda_dynamic_shared();

int simcuda_barrier(int predicate, const char* file, int line); /* returns how many threads passed a non-zero predicate */
void simcuda_syncwarp(unsigned mask, const char* file, int line);
unsigned long long simcuda_shuffle(unsigned mask, unsigned long long value, int source_lane, const char* file, int line);
unsigned simcuda_vote(unsigned mask, int predicate, unsigned* taking_part, const char* file, int line);
unsigned simcuda_match(unsigned mask, unsigned long long value, const char* file, int line);
unsigned simcuda_active_mask();

void simcuda_mma_tf32(float* d, const unsigned* a, const unsigned* b, const float* c, const char* file, int line);
void simcuda_mma_bf16(float* d, const unsigned* a, const unsigned* b, const float* c, const char* file, int line);
void simcuda_mma_f16(float* d, const unsigned* a, const unsigned* b, const float* c, const char* file, int line);
void simcuda_ldmatrix(unsigned* registers, int count, int transposed, const void* row, const char* file, int line);

void simcuda_copy_async(void* shared, const void* global, int bytes, int source_bytes);
void simcuda_copy_commit();
void simcuda_copy_wait(int groups_left);

unsigned simcuda_atomic_u32(int op, unsigned* p, unsigned value, unsigned compare);
unsigned long long simcuda_atomic_u64(int op, unsigned long long* p, unsigned long long value, unsigned long long compare);
float simcuda_atomic_add_f32(float* p, float value);
double simcuda_atomic_add_f64(double* p, double value);
unsigned short simcuda_atomic_cas_u16(unsigned short* p, unsigned short compare, unsigned short value);

void simcuda_yield(); /* let the other threads of the block run: in spin loops */
void simcuda_trap(const char* file, int line);
long long simcuda_clock();
}

#endif
