/** Activations kept in a few bits, and who gets how many. */
package dev.sagitta.compress;
