package dev.sagitta.program;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Inputs and targets of all batches of a data set on the device: an estimate of curvature reads the same batches dozens of times, and a copy on the device
 * costs neither the host's gathering of rows nor the bus.
 */
final class ResidentBatches implements AutoCloseable {
    private final Stream stream;
    private final Buffer memory;
    private final long stride;
    private final boolean[] there;

    private ResidentBatches(Program program, int count, long stride) {
        this.stream = program.stream();
        this.stride = stride;
        this.there = new boolean[count];
        this.memory = program.device().allocate(stride * count, MemoryCategory.DATA, "resident batches");
    }

    /**
     * @param program of full batches
     * @param budget bytes at most
     * @return null where one batch is all there is, or they do not fit
     */
    static ResidentBatches of(Program program, int count, long budget) {
        long stride = tensors(program).stream()
                .mapToLong(tensor -> Device.allocationBytes(tensor.bytes()))
                .sum();
        return count < 2 || stride > budget / count ? null : new ResidentBatches(program, count, stride);
    }

    /** What a batch brings: all inputs and the targets. */
    private static List<Tensor> tensors(Program program) {
        List<Tensor> tensors = new ArrayList<>();
        program.graph().inputs().forEach(input -> tensors.add(program.input(input.name())));
        if (program.has(Role.TARGET)) {
            tensors.add(program.tensor(Role.TARGET));
        }
        return tensors;
    }

    /** Copies a batch that is here to a program; false if it is not here yet. */
    boolean load(int i, Program program) {
        if (there[i]) {
            long at = stride * i;
            for (Tensor tensor : tensors(program)) {
                stream.copy(tensor.buffer(), 0, memory, at, tensor.bytes());
                at += Device.allocationBytes(tensor.bytes());
            }
        }
        return there[i];
    }

    /** Keeps what a program was given as batch i. */
    void keep(int i, Program program) {
        long at = stride * i;
        for (Tensor tensor : tensors(program)) {
            stream.copy(memory, at, tensor.buffer(), 0, tensor.bytes());
            at += Device.allocationBytes(tensor.bytes());
        }
        there[i] = true;
    }

    @Override
    public void close() {
        memory.close();
    }
}
