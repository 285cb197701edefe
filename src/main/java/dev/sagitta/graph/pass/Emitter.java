package dev.sagitta.graph.pass;

import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;

/** Where ops write the tasks of a schedule. The program implements it: it records now, plans memory, and binds tensors later. */
public interface Emitter {
    Device device();

    /** A value of the arena. */
    Value value(String name, DType dtype, Shape shape, MemoryCategory category);

    /** Scratch memory of one task, in bytes. */
    default Value workspace(String name, long bytes) {
        return value(name + ".workspace", DType.U8, Shape.of(bytes), MemoryCategory.WORKSPACE);
    }

    /** A value that outlives the schedule, shared by all of them under its name. Zero before the first run. */
    Value persistent(String name, DType dtype, Shape shape, MemoryCategory category);

    /** Numbers that are known when the program is compiled: an i64 [values.length] value that nothing writes. */
    Value constant(String name, long... values);

    /** The same of f32 [values.length]: tables of angles, slopes. */
    Value constant(String name, float... values);

    /**
     * Adds a task.
     *
     * @param reads values that must hold their contents; nulls are dropped
     * @param writes values that the task defines or, if persistent, updates
     * @param work makes the kernel's descriptor once tensors are bound
     */
    void emit(String label, List<Value> reads, List<Value> writes, Function<Binder, Preparable> work);

    /** From values to tensors. */
    interface Binder {
        /** The tensor of a value; null for null. */
        Tensor tensor(Value value);
    }

    /** A list that leaves out nulls: absent optional inputs. */
    static List<Value> values(Value... values) {
        List<Value> present = new ArrayList<>();
        Collections.addAll(present, values);
        present.removeIf(java.util.Objects::isNull);
        return present;
    }
}
