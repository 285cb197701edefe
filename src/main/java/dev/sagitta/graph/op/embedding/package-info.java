/** Ops that look up rows by ids. */
package dev.sagitta.graph.op.embedding;
