/** The Hessian and the Gauss-Newton matrix of a network over a data set. */
package dev.sagitta.curvature.operator;
