/** Pools: maxima and means over windows of an image. */
package dev.sagitta.graph.op.pool;
