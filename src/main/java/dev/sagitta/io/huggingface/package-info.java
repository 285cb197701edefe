/** Folders of Hugging Face's layout, {@code config.json} beside safetensors files, read as checkpoints and written. */
package dev.sagitta.io.huggingface;
