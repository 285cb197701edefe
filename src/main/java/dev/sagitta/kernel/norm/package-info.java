/** Layer norm, RMS norm, softmax: rows whose elements depend on each other. */
package dev.sagitta.kernel.norm;
