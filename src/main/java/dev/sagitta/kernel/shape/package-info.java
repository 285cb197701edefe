/** Parts of tensors copied, axes exchanged, and means over an axis. */
package dev.sagitta.kernel.shape;
