/** Random bits and numbers, dropout, probe vectors. */
package dev.sagitta.kernel.random;
