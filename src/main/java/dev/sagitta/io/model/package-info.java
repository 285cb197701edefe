/** Model files and checkpoints. */
package dev.sagitta.io.model;
