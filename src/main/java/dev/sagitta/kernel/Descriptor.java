package dev.sagitta.kernel;

import dev.sagitta.device.Device;
import dev.sagitta.device.Geometry;
import dev.sagitta.device.KernelSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * One kernel with its arguments: the record that the launcher, the correctness suite, JMH and the tables of the documents all read.
 * Implementations are records, one per entry, nested in a class of the kernel file's name: {@code kernel.loss.CrossEntropy.Forward} stands for
 * an entry of {@code kernels/loss/cross_entropy}. Checks, passing and bytes follow from their {@link #signature}.
 */
public interface Descriptor extends Preparable {
    /**
     * The entry and its arguments in the order of the kernel.
     *
     * @throws IllegalArgumentException that names the tensor, what was expected and the remedy
     */
    Signature signature();

    /** The kernel file, {@code family/stem}, after the outermost class. */
    default String file() {
        Class<?> outer = getClass();
        while (outer.getEnclosingClass() != null) {
            outer = outer.getEnclosingClass();
        }
        String family = outer.getPackageName();
        return family.substring(family.lastIndexOf('.') + 1) + "/"
                + outer.getSimpleName()
                        .replaceAll("(?<=[a-z0-9])(?=[A-Z])", "_")
                        .toLowerCase(Locale.ROOT);
    }

    /** Entry point, dtype suffix included. */
    default String entry() {
        return signature().entry();
    }

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
     * @throws IllegalArgumentException as {@link #signature} does
     */
    default void check() {
        signature();
    }

    Geometry geometry(Device device);

    /** The fewest bytes that must move: each input read once, each output written once. */
    default long bytes() {
        return signature().bytes();
    }

    /** Floating-point operations, a fused multiply-add counting two; 0 of what only moves data. */
    default long flops() {
        return 0;
    }

    /** How the result may differ from an fp64 reference. */
    default Tolerance tolerance() {
        return Tolerance.FLOAT;
    }

    /** The launches that this takes, in order: its own, and what prepares or finishes its work. */
    default List<Descriptor> launches(Device device) {
        return List.of(this);
    }

    /** Checks, compiles if need be, and binds: what is returned can be enqueued any number of times. */
    @Override
    default Step prepare(Device device) {
        signature().on(device);
        List<Step> steps = new ArrayList<>();
        try {
            for (Descriptor launch : launches(device)) {
                steps.add(launch.launch(device));
            }
        } catch (RuntimeException | Error e) {
            steps.forEach(Step::close);
            throw e;
        }
        return steps.size() == 1 ? steps.get(0) : Step.sequence(steps);
    }

    /** This launch alone. */
    default Step launch(Device device) {
        KernelSource source = new KernelSource(file(), entry(device), defines(device));
        return Step.of(device.prepare(source, geometry(device), signature().values()));
    }
}
