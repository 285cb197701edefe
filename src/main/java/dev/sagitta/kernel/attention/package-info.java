/** Kernels of attention. */
package dev.sagitta.kernel.attention;
