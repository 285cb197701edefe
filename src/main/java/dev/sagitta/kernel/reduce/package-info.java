/** Sums, norms, largest elements and dot products by rows or segments. */
package dev.sagitta.kernel.reduce;
