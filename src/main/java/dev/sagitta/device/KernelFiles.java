package dev.sagitta.device;

import java.util.List;

/**
 * Which text of a kernel file serves a kind of device: the first that exists of {@code FAMILY/x} with these suffixes.
 *
 * <pre>
 * .cpu.cl  OpenCL on CPUs: the same entries and arguments, another geometry
 * .cl      OpenCL: where CUDA has a text of its own; written for GPUs, right on any device
 * .cu      CUDA: where one text would cost speed, as its header says (DIALECT)
 * .gpu.cl  both dialects
 * </pre>
 */
public final class KernelFiles {
    private static final String BOTH = ".gpu.cl";

    private KernelFiles() {}

    /** Suffixes in the order that a kind of device looks for them. */
    public static List<String> suffixes(DeviceKind kind) {
        return switch (kind) {
            case CUDA -> List.of(".cu", BOTH);
            case OPENCL_GPU -> List.of(".cl", BOTH);
            case OPENCL_CPU -> List.of(".cpu.cl", ".cl", BOTH);
        };
    }

    /**
     * The path below {@code kernels/}; where there is no text at all, the first one looked for, whose reading says so.
     *
     * @param file family and stem, as {@code elementwise/pointwise}
     */
    public static String path(DeviceKind kind, String file) {
        List<String> suffixes = suffixes(kind);
        for (String suffix : suffixes) {
            if (KernelText.exists(file + suffix)) {
                return file + suffix;
            }
        }
        return file + suffixes.get(0);
    }

    /** The name of its fatbin: stems are unique across families. */
    public static String stem(String file) {
        return file.substring(file.lastIndexOf('/') + 1);
    }
}
