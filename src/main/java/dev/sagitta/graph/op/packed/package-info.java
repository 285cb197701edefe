/** Ops over weights that are stored in a few bits. */
package dev.sagitta.graph.op.packed;
