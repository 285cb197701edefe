/** The registry of ops, and the kinds of op that most are written as: linear, bilinear, pointwise. */
package dev.sagitta.graph.op;
