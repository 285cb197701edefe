/** Convolutions, in PyTorch's terms to users and over images whose channels are last in memory. */
package dev.sagitta.graph.op.conv;
