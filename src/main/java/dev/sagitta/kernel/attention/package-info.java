/** Fused attention: scores are made tile by tile in every mode and never stored. */
package dev.sagitta.kernel.attention;
