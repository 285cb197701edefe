/** Convolutions of images whose channels are last. */
package dev.sagitta.kernel.conv;
