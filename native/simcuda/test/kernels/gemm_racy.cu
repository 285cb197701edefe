/* The same without the barrier that protects a stage from the next load. */
#define FORGET_BARRIER
#include "gemm.cu"
