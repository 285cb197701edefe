/** Losses with their derivatives and metrics. */
package dev.sagitta.kernel.loss;
