/** A network: nodes that carry ops, joined by wires; built in Java by {@link dev.sagitta.graph.GraphBuilder} or read from a file by room {@code io}. */
package dev.sagitta.graph;
