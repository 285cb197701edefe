/** Images of another size: upsampling, adaptive means, padding. */
package dev.sagitta.graph.op.resample;
