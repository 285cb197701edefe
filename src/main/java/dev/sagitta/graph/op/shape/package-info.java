/** Ops that change the extents of an example and nothing else. */
package dev.sagitta.graph.op.shape;
