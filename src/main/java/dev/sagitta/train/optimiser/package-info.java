/** Optimisers and their settings. */
package dev.sagitta.train.optimiser;
