/** CUDA by JCuda, with cuBLAS, cuBLASLt and NVRTC. */
package dev.sagitta.device.cuda;
