/** Products of a network's curvature with vectors, and the probes that they are taken of. */
package dev.sagitta.curvature;
