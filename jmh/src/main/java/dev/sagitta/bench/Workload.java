package dev.sagitta.bench;

import dev.sagitta.device.Stream;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Step;
import dev.sagitta.tensor.Tensor;
import java.lang.reflect.RecordComponent;

/**
 * A kernel at its size for benchmarks.
 *
 * @param rotation the same work on different memory, taken in turn, so that what is read is not in a cache; often one
 * @param elements of the largest tensor among the kernel's arguments
 * @param bytes that one step must move at least
 * @param flops of one step
 * @param check compares the result of {@code rotation[0]} with a plain fp64 computation and throws where they disagree
 */
record Workload(Step[] rotation, long elements, long bytes, long flops, Runnable check) {
    static Workload of(BenchDevice bench, Descriptor descriptor, Runnable check) {
        return of(new Step[] {bench.prepare(descriptor)}, descriptor, check);
    }

    /** @param descriptor of each step of the rotation */
    static Workload of(Step[] rotation, Descriptor descriptor, Runnable check) {
        return new Workload(rotation, elements(descriptor), descriptor.bytes(), descriptor.flops(), check);
    }

    private static long elements(Descriptor descriptor) {
        long most = 0;
        for (RecordComponent component : descriptor.getClass().getRecordComponents()) {
            try {
                if (component.getAccessor().invoke(descriptor) instanceof Tensor tensor) {
                    most = Math.max(most, tensor.elements());
                }
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(descriptor + " does not show its '" + component.getName() + "'", e);
            }
        }
        return most;
    }

    /** Runs once and refuses a wrong result: what is wrong is not timed. */
    void verify(Stream stream) {
        rotation[0].enqueue(stream);
        stream.synchronize();
        check.run();
    }

    /** The next {@code count} steps of the rotation, then waits. */
    void run(Stream stream, int first, int count) {
        for (int i = 0; i < count; i++) {
            rotation[(first + i) % rotation.length].enqueue(stream);
        }
        stream.synchronize();
    }
}
