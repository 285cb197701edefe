/** Images of another size: rows and columns that are weighted sums of an image's. */
package dev.sagitta.kernel.resample;
