/** Plots and pages of reports, drawn as SVG. */
package dev.sagitta.report;
