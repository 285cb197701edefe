/** The safetensors format. */
package dev.sagitta.io.safetensors;
