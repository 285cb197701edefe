package dev.sagitta.program.compile;

import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/** The tasks of one computation in order, as ops emitted them. */
public final class Schedule implements Emitter {
    private final Device device;
    private final ProgramValues persistent;
    private final Constants constants;
    private final List<Task> tasks = new ArrayList<>();
    /** States of parameters that a task has written. */
    private final Set<Value> updated = Collections.newSetFromMap(new IdentityHashMap<>());

    private String emitter = "";
    private Predicate<Value> hidden = value -> false;

    /**
     * One task: what it reads and writes, and how to make its kernels once tensors are bound.
     *
     * @param emitter who emitted it, for errors: a layer, the loss
     */
    public record Task(
            String emitter, String label, List<Value> reads, List<Value> writes, Function<Binder, Preparable> work) {
        public boolean uses(Value value) {
            return contains(reads, value) || contains(writes, value);
        }

        private static boolean contains(List<Value> values, Value value) {
            return values.stream().anyMatch(other -> other.root() == value.root());
        }

        @Override
        public String toString() {
            return emitter.isEmpty() ? "task '" + label + "'" : emitter + ", task '" + label + "'";
        }
    }

    /**
     * @param persistent shared by all schedules of a program; new ones are added
     * @param constants contents of those among them that nothing writes
     */
    public Schedule(Device device, ProgramValues persistent, Constants constants) {
        this.device = device;
        this.persistent = persistent;
        this.constants = constants;
    }

    /** Who emits the tasks that follow, and which values they may not read. */
    void emitter(String who, Predicate<Value> mayNotRead) {
        emitter = who;
        hidden = mayNotRead;
    }

    public List<Task> tasks() {
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
        return persistent.value(name, dtype, shape, category);
    }

    @Override
    public Value constant(String name, long... values) {
        constants.put(name, values);
        return persistent(name, DType.I64, Shape.of(values.length), MemoryCategory.WORKSPACE);
    }

    @Override
    public Value constant(String name, float... values) {
        constants.put(name, values);
        return persistent(name, DType.F32, Shape.of(values.length), MemoryCategory.WORKSPACE);
    }

    @Override
    public void emit(String label, List<Value> reads, List<Value> writes, Function<Binder, Preparable> work) {
        Task task = new Task(emitter, label, present(reads), present(writes), work);
        for (Value value : task.reads()) {
            if (hidden.test(value)) {
                throw new IllegalStateException(task + " reads " + value + " of the forward pass, which was not"
                        + " kept for it: it would stay in memory uncompressed and uncounted; list it in keeps() and read it by"
                        + " kept(), or compute it again");
            }
        }
        for (Value value : task.reads()) {
            if (updated.contains(value.root())) {
                throw new IllegalStateException(task + " reads " + value
                        + " behind the task that updates it; what reads a state comes before what writes it");
            }
        }
        task.writes().stream()
                .filter(value -> persistent.isState(value.root()))
                .forEach(value -> updated.add(value.root()));
        tasks.add(task);
    }

    private static List<Value> present(List<Value> values) {
        return values.stream().filter(Objects::nonNull).toList();
    }
}
