/** Rotary positions. */
package dev.sagitta.kernel.rotary;
