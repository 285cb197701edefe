/** The commands. */
package dev.sagitta.cli;
