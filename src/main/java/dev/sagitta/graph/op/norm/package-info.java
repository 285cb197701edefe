/** Ops that normalise rows. */
package dev.sagitta.graph.op.norm;
