/** Attention. */
package dev.sagitta.graph.op.attention;
