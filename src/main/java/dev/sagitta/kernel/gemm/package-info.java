/** Matrix products in fp32, TF32 and bf16, with bias and function. */
package dev.sagitta.kernel.gemm;
