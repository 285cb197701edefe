/** A step of SGD or AdamW over an arena. */
package dev.sagitta.kernel.optimiser;
