/** Ops whose work is a matrix product. */
package dev.sagitta.graph.op.gemm;
