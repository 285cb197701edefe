/** Devices, memory, streams and launches, the same for CUDA and OpenCL. */
package dev.sagitta.device;
