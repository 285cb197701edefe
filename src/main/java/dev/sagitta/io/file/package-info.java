/** Files read and written whole, and tensors in host memory. All readers expect hostile files. */
package dev.sagitta.io.file;
