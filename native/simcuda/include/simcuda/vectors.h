/* CUDA's vector types with CUDA's sizes and alignments. */
#ifndef SIMCUDA_VECTORS_H
#define SIMCUDA_VECTORS_H

#define SIMCUDA_VECTOR(NAME, T, ALIGN2, ALIGN4)                                                      \
    struct NAME##1 { T x; };                                                                         \
    struct alignas(ALIGN2) NAME##2 { T x, y; };                                                      \
    struct NAME##3 { T x, y, z; };                                                                   \
    struct alignas(ALIGN4) NAME##4 { T x, y, z, w; };                                                \
    static inline NAME##1 make_##NAME##1(T x) { return {x}; }                                        \
    static inline NAME##2 make_##NAME##2(T x, T y) { return {x, y}; }                                \
    static inline NAME##3 make_##NAME##3(T x, T y, T z) { return {x, y, z}; }                        \
    static inline NAME##4 make_##NAME##4(T x, T y, T z, T w) { return {x, y, z, w}; }

SIMCUDA_VECTOR(char, signed char, 2, 4)
SIMCUDA_VECTOR(uchar, unsigned char, 2, 4)
SIMCUDA_VECTOR(short, short, 4, 8)
SIMCUDA_VECTOR(ushort, unsigned short, 4, 8)
SIMCUDA_VECTOR(int, int, 8, 16)
SIMCUDA_VECTOR(uint, unsigned int, 8, 16)
SIMCUDA_VECTOR(float, float, 8, 16)
SIMCUDA_VECTOR(longlong, long long, 16, 16)
SIMCUDA_VECTOR(ulonglong, unsigned long long, 16, 16)
SIMCUDA_VECTOR(double, double, 16, 16)
#undef SIMCUDA_VECTOR

struct dim3 {
    unsigned int x, y, z;
};

#endif
