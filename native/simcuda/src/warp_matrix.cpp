// ldmatrix and mma.sync. Fragment layouts are those of the PTX ISA, "Matrix Fragments for mma.m16n8k8 / m16n8k16" and "ldmatrix": with
// g = lane / 4 and t = lane % 4, C and D hold rows g and g+8 at columns 2t and 2t+1.
#include <cstring>

#include "../include/simcuda/bits.h"
#include "checker.h"

using namespace sim;

namespace {

struct Mma {
    float* d;
    const unsigned *a, *b;
    const float* c;
};

float tf32(unsigned bits) { return simcuda_cast<float>(bits & 0xFFFFE000u); } // the tensor core ignores the low 13 bits
float bf16(unsigned bits) { return simcuda_cast<float>(bits << 16); }
float f16(unsigned bits) {
    unsigned sign = (bits & 0x8000u) << 16, exponent = bits >> 10 & 31, mantissa = bits & 0x3FF;
    if (exponent == 31) return simcuda_cast<float>(sign | 0x7F800000u | mantissa << 13);
    if (exponent != 0) return simcuda_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
    float tiny = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -tiny : tiny;
}
float low(float (*convert)(unsigned), unsigned pair, int half) { return convert(pair >> (16 * half) & 0xFFFF); }

// d = a b + c, each product exact and the sum rounded once: no worse than what hardware does.
template <int K>
void multiply(void** args, const float (&a)[16][K], const float (&b)[K][8]) {
    float d[16][8];
    for (int row = 0; row < 16; row++)
        for (int col = 0; col < 8; col++) {
            auto* owner = static_cast<Mma*>(args[row % 8 * 4 + col / 2]);
            double sum = owner->c[row / 8 * 2 + col % 2];
            for (int k = 0; k < K; k++) sum += static_cast<double>(a[row][k]) * b[k][col];
            d[row][col] = static_cast<float>(sum);
        }
    // After all of c has been read: d may be the same registers.
    for (int row = 0; row < 16; row++)
        for (int col = 0; col < 8; col++) static_cast<Mma*>(args[row % 8 * 4 + col / 2])->d[row / 8 * 2 + col % 2] = d[row][col];
}

void require_full_warp(unsigned lanes, const char* name) {
    Worker* w = worker();
    if (lanes != ~0u) w->report(CUDA_ERROR_LAUNCH_FAILED, std::string(name) + " needs all 32 lanes of the warp, " + w->where(), nullptr);
}

void mma_tf32(void** args, unsigned lanes, Thread*) {
    require_full_warp(lanes, "mma.sync");
    float a[16][8], b[8][8];
    for (int lane = 0; lane < kWarp; lane++) {
        auto* m = static_cast<Mma*>(args[lane]);
        int g = lane / 4, t = lane % 4;
        for (int i = 0; i < 4; i++) a[g + 8 * (i & 1)][t + 4 * (i >> 1)] = tf32(m->a[i]);
        for (int i = 0; i < 2; i++) b[t + 4 * i][g] = tf32(m->b[i]);
    }
    multiply(args, a, b);
}

template <float (*Convert)(unsigned)>
void mma_16bit(void** args, unsigned lanes, Thread*) {
    require_full_warp(lanes, "mma.sync");
    float a[16][16], b[16][8];
    for (int lane = 0; lane < kWarp; lane++) {
        auto* m = static_cast<Mma*>(args[lane]);
        int g = lane / 4, t = lane % 4;
        for (int i = 0; i < 4; i++)
            for (int half = 0; half < 2; half++) a[g + 8 * (i & 1)][2 * t + half + 8 * (i >> 1)] = low(Convert, m->a[i], half);
        for (int i = 0; i < 2; i++)
            for (int half = 0; half < 2; half++) b[2 * t + half + 8 * i][g] = low(Convert, m->b[i], half);
    }
    multiply(args, a, b);
}

struct Ldmatrix {
    unsigned* registers;
    int count, transposed;
    const void* row;
    const void* pc;
};

void ldmatrix(void** args, unsigned lanes, Thread* warp) {
    require_full_warp(lanes, "ldmatrix");
    Worker* w = worker();
    auto* first = static_cast<Ldmatrix*>(args[0]);
    Thread* here = w->current;
    unsigned short rows[4][8][8];
    for (int m = 0; m < first->count; m++)
        for (int r = 0; r < 8; r++) {
            auto* lane = static_cast<Ldmatrix*>(args[8 * m + r]);
            w->current = &warp[8 * m + r]; // the lane that gave the address is the one that reads it
            if (reinterpret_cast<size_t>(lane->row) % 16 != 0)
                w->report(CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned ldmatrix row, " + w->where(), lane->pc);
            if (launch_is_checked(*w->launch)) check_access(lane->row, 16, Access::kRead, lane->pc);
            memcpy(rows[m][r], lane->row, 16);
        }
    w->current = here;
    for (int i = 0; i < kWarp; i++) {
        auto* lane = static_cast<Ldmatrix*>(args[i]);
        int g = i / 4, t = i % 4;
        for (int m = 0; m < first->count; m++) {
            unsigned a = lane->transposed ? rows[m][2 * t][g] : rows[m][g][2 * t];
            unsigned b = lane->transposed ? rows[m][2 * t + 1][g] : rows[m][g][2 * t + 1];
            lane->registers[m] = b << 16 | a;
        }
    }
}

} // namespace

void simcuda_mma_tf32(float* d, const unsigned* a, const unsigned* b, const float* c, const char* file, int line) {
    Mma mine = {d, a, b, c};
    worker()->collective("mma.m16n8k8.tf32", ~0u, &mine, mma_tf32, file, line);
}
void simcuda_mma_bf16(float* d, const unsigned* a, const unsigned* b, const float* c, const char* file, int line) {
    Mma mine = {d, a, b, c};
    worker()->collective("mma.m16n8k16.bf16", ~0u, &mine, mma_16bit<bf16>, file, line);
}
void simcuda_mma_f16(float* d, const unsigned* a, const unsigned* b, const float* c, const char* file, int line) {
    Mma mine = {d, a, b, c};
    worker()->collective("mma.m16n8k16.f16", ~0u, &mine, mma_16bit<f16>, file, line);
}
void simcuda_ldmatrix(unsigned* registers, int count, int transposed, const void* row, const char* file, int line) {
    Ldmatrix mine = {registers, count, transposed, row, __builtin_return_address(0)};
    worker()->collective(count == 4 ? "ldmatrix.x4" : count == 2 ? "ldmatrix.x2" : "ldmatrix.x1", ~0u, &mine, ldmatrix, file, line);
}
