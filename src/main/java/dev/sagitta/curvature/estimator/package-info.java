/** Traces and eigenvalues from products alone. */
package dev.sagitta.curvature.estimator;
