/** Activations in 1 to 8 bits: pack, unpack, and kernels that read codes. */
package dev.sagitta.kernel.codec;
