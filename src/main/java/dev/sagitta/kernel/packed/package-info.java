/** Weights in 2 to 8 bits: quantised, packed, multiplied with. */
package dev.sagitta.kernel.packed;
