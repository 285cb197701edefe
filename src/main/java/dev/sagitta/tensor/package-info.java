/** Typed views of device memory. */
package dev.sagitta.tensor;
