/** Networks over images by name, their layers called as torchvision calls them. */
package dev.sagitta.io.vision;
