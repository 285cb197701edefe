package dev.sagitta.program;

import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Emitter;
import dev.sagitta.graph.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The tasks of one computation in order, as ops emitted them. */
final class Schedule implements Emitter {
    private final Device device;
    private final Map<String, Value> persistent;
    private final Map<String, long[]> constants;
    private final List<Task> tasks = new ArrayList<>();

    /** One task: what it reads and writes, and how to make its kernels once tensors are bound. */
    record Task(String label, List<Value> reads, List<Value> writes, Function<Binder, Preparable> work) {}

    /**
     * @param persistent values by name, shared by all schedules of a program; new ones are added
     * @param constants contents of those among them that nothing writes
     */
    Schedule(Device device, Map<String, Value> persistent, Map<String, long[]> constants) {
        this.device = device;
        this.persistent = persistent;
        this.constants = constants;
    }

    List<Task> tasks() {
        return tasks;
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public Value value(String name, DType dtype, Shape shape, MemoryCategory category) {
        return Value.transientValue(name, dtype, shape, category);
    }

    @Override
    public Value persistent(String name, DType dtype, Shape shape, MemoryCategory category) {
        Value known = persistent.computeIfAbsent(name, key -> Value.persistent(name, dtype, shape, category));
        if (known.dtype() != dtype || !known.shape().equals(shape)) {
            throw new IllegalArgumentException("persistent value '" + name + "' exists as " + known + ", asked for as "
                    + dtype.suffix() + " " + shape);
        }
        return known;
    }

    @Override
    public Value constant(String name, long... values) {
        long[] known = constants.putIfAbsent(name, values);
        if (known != null && !Arrays.equals(known, values)) {
            throw new IllegalArgumentException("constant '" + name + "' exists with other values");
        }
        return persistent(name, DType.I64, Shape.of(values.length), MemoryCategory.WORKSPACE);
    }

    @Override
    public void emit(String label, List<Value> reads, List<Value> writes, Function<Binder, Preparable> work) {
        tasks.add(new Task(label, reads, writes, work));
    }
}
