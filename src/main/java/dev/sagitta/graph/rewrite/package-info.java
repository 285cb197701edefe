/** Fusions: two nodes that become one for a computation, with the reason where they stay two. */
package dev.sagitta.graph.rewrite;
