package dev.sagitta.device;

/**
 * Facts about a device, as its driver states them.
 *
 * @param id how the command line names it: {@code cuda:0}, {@code opencl:1}
 * @param kind decides kernel variants and geometry
 * @param name marketing name
 * @param driver driver or platform version
 * @param architecture {@code sm_90} on CUDA, the OpenCL device version elsewhere
 * @param memoryBytes total device memory
 * @param maxAllocationBytes largest single allocation
 * @param computeUnits multiprocessors or cores
 * @param localMemoryBytes shared (CUDA) or local (OpenCL) memory of one work-group
 * @param maxWorkGroup most threads of one work-group
 */
public record DeviceInfo(
        String id,
        DeviceKind kind,
        String name,
        String driver,
        String architecture,
        long memoryBytes,
        long maxAllocationBytes,
        int computeUnits,
        long localMemoryBytes,
        int maxWorkGroup) {}
