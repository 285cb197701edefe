/** {@code sagitta demo}: training, curvature and quantisation of one network, with a report. */
package dev.sagitta.cli.demo;
