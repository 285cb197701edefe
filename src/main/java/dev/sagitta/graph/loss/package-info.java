/** What a network's output is measured by, with its derivatives. */
package dev.sagitta.graph.loss;
