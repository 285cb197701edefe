/** Ops that work element by element. */
package dev.sagitta.graph.op.elementwise;
