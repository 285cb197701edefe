/** Training: {@link dev.sagitta.train.Trainer}, and what a run is resumed from. */
package dev.sagitta.train;
