/** Weights in a few bits: what they cost, which bits are chosen, packed files. */
package dev.sagitta.quant;
