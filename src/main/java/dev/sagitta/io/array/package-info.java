/** Arrays: NPY and IDX. */
package dev.sagitta.io.array;
