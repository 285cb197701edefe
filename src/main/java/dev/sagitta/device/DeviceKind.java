package dev.sagitta.device;

/** What a kernel's geometry and variant depend on. */
public enum DeviceKind {
    CUDA,
    OPENCL_GPU,
    OPENCL_CPU;

    public boolean isOpenCl() {
        return this != CUDA;
    }
}
