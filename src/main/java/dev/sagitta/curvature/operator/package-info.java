/** Operators over a data set, over some of its rows, over some of the parameters. */
package dev.sagitta.curvature.operator;
