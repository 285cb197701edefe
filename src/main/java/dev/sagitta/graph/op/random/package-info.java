/** Ops that draw random numbers. */
package dev.sagitta.graph.op.random;
