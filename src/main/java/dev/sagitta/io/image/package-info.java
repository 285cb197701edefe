/** Pictures as bytes [channels, height, width]: CIFAR's binary files, and what the JDK's image readers decode. */
package dev.sagitta.io.image;
