package dev.sagitta.program;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.tensor.Tensor;

/**
 * Inputs and targets of all batches of a data set on the device: an estimate of curvature reads the same batches dozens of times, and a copy on the device
 * costs neither the host's gathering of rows nor the bus.
 */
final class ResidentBatches implements AutoCloseable {
    private final Stream stream;
    private final Buffer memory;
    private final long stride;
    private final long targetsAt;
    private final boolean[] there;

    private ResidentBatches(Program program, int count, long stride, long targetsAt) {
        this.stream = program.stream();
        this.stride = stride;
        this.targetsAt = targetsAt;
        this.there = new boolean[count];
        this.memory = program.device().allocate(stride * count, MemoryCategory.DATA, "resident batches");
    }

    /**
     * @param program of full batches
     * @param budget bytes at most
     * @return null where one batch is all there is, or they do not fit
     */
    static ResidentBatches of(Program program, int count, long budget) {
        long inputs = Device.allocationBytes(program.tensor(Role.INPUT).bytes());
        long targets = program.has(Role.TARGET)
                ? Device.allocationBytes(program.tensor(Role.TARGET).bytes())
                : 0;
        long stride = inputs + targets;
        return count < 2 || stride > budget / count ? null : new ResidentBatches(program, count, stride, inputs);
    }

    /** Copies a batch that is here to a program; false if it is not here yet. */
    boolean load(int i, Program program) {
        if (there[i]) {
            Tensor input = program.tensor(Role.INPUT);
            stream.copy(input.buffer(), 0, memory, stride * i, input.bytes());
            if (program.has(Role.TARGET)) {
                Tensor target = program.tensor(Role.TARGET);
                stream.copy(target.buffer(), 0, memory, stride * i + targetsAt, target.bytes());
            }
        }
        return there[i];
    }

    /** Keeps what a program was given as batch i. */
    void keep(int i, Program program) {
        Tensor input = program.tensor(Role.INPUT);
        stream.copy(memory, stride * i, input.buffer(), 0, input.bytes());
        if (program.has(Role.TARGET)) {
            Tensor target = program.tensor(Role.TARGET);
            stream.copy(memory, stride * i + targetsAt, target.buffer(), 0, target.bytes());
        }
        there[i] = true;
    }

    @Override
    public void close() {
        memory.close();
    }
}
