/** A graph compiled for one device, batch and policy: {@link dev.sagitta.program.Program}, and {@link dev.sagitta.program.Batches} of them over a data set. */
package dev.sagitta.program;
