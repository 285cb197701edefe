/** Examples: arrays, text, labelled files, and what is held out of them. */
package dev.sagitta.data;
