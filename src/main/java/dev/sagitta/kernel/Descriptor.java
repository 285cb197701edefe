package dev.sagitta.kernel;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.device.KernelSource;
import java.util.Map;

/**
 * One kernel with its arguments: the record that the launcher, the correctness suite, JMH and the tables of the documents all read.
 * Implementations are records named after the operation; their components are the tensors and scalars in the order of the kernel's
 * signature.
 */
public interface Descriptor extends Preparable {
    /** Stem of the kernel file. */
    String file();

    /** Entry point, dtype suffix included. */
    String entry();

    /** The entry that serves this on a device, where kinds of devices differ in that. */
    default String entry(Device device) {
        return entry();
    }

    /** constants that the file is compiled with on a device. */
    default Map<String, String> defines(Device device) {
        return Map.of();
    }

    /**
     * Checks shapes, dtypes and sizes.
     *
     * @throws IllegalArgumentException that names the tensor, what was expected and the remedy
     */
    void check();

    Geometry geometry(Device device);

    void arguments(Arguments arguments);

    /** The fewest bytes that must move: each input read once, each output written once. */
    long bytes();

    /** Floating-point operations, a fused multiply-add counting two. */
    long flops();

    /** How the result may differ from an fp64 reference. */
    default Tolerance tolerance() {
        return Tolerance.FLOAT;
    }

    /** Which dialects have this entry; anything but {@code BOTH} names in {@link #servedBy} the kernel that stands in elsewhere. */
    default Dialects dialects() {
        return Dialects.BOTH;
    }

    default String servedBy() {
        return "";
    }

    /** Checks, compiles if need be, and binds: what is returned can be enqueued any number of times. */
    @Override
    default Step prepare(Device device) {
        check();
        Arguments arguments = new Arguments();
        arguments(arguments);
        KernelSource source = new KernelSource(file(), entry(device), defines(device));
        return new LaunchStep(device.prepare(source, geometry(device), arguments));
    }

    /** Where a kernel exists. */
    enum Dialects {
        BOTH,
        CUDA_ONLY,
        OPENCL_ONLY
    }
}
