package dev.sagitta.bench;

import dev.sagitta.device.Stream;
import dev.sagitta.fixture.TimedBench;
import dev.sagitta.fixture.TimedCase;
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
    /** Makes inputs on a device and binds the work to them. */
    interface Builder {
        Workload build(TimedBench bench);
    }

    /** A kernel by itself. */
    static Workload of(TimedBench bench, TimedCase timed) {
        timed.body().accept(bench);
        return of(bench);
    }

    /** What a case has made on the bench. */
    static Workload of(TimedBench bench) {
        Descriptor work = bench.timed();
        return new Workload(bench.rotation(), elements(work), work.bytes(), work.flops(), bench::verify);
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
        try {
            check.run();
        } catch (AssertionError e) {
            throw new IllegalStateException(e.getMessage() + ": what is wrong is not timed", e);
        }
    }

    /** The next {@code count} steps of the rotation, then waits. */
    void run(Stream stream, int first, int count) {
        for (int i = 0; i < count; i++) {
            rotation[(first + i) % rotation.length].enqueue(stream);
        }
        stream.synchronize();
    }
}
