package dev.sagitta.bench;

import dev.sagitta.device.Stream;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Step;

/**
 * A kernel at its size for benchmarks.
 *
 * @param rotation the same work on different memory, taken in turn, so that what is read is not in a cache; often one
 * @param bytes that one step must move at least
 * @param flops of one step
 * @param check compares the result of {@code rotation[0]} with a plain fp64 computation and throws where they disagree
 */
record Workload(Step[] rotation, long bytes, long flops, Runnable check) {
    static Workload of(BenchDevice bench, Descriptor descriptor, Runnable check) {
        return new Workload(new Step[] {bench.prepare(descriptor)}, descriptor.bytes(), descriptor.flops(), check);
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
