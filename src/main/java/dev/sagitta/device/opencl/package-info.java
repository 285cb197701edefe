/** OpenCL by JOCL. */
package dev.sagitta.device.opencl;
