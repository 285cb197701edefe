/** What all kernels share: descriptors, signatures, how work is shared out. A descriptor is a record of tensors; prepared for a device, it is enqueued on a stream. */
package dev.sagitta.kernel;
