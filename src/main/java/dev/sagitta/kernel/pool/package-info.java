/** Windows of images, channels last, of which one number is made: maxima and means. */
package dev.sagitta.kernel.pool;
