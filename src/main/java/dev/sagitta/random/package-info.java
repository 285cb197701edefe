/** Every random number by seed, purpose and index, on the host and as keys for kernels. */
package dev.sagitta.random;
