/** Arithmetic, bias, masks and activation functions. */
package dev.sagitta.kernel.elementwise;
