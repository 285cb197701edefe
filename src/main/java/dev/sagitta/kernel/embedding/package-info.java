/** Rows by ids, and sums of rows by ids. */
package dev.sagitta.kernel.embedding;
