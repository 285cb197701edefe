package dev.sagitta.graph.pass;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Parameter;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.List;
import java.util.function.Function;

/** What every mode sees of its node: names, types and parameters. Values of the forward pass are in {@link Forward} alone. */
public interface Pass {
    /** Of the node. */
    String name();

    int batch();

    /** K. */
    int probes();

    /** Whether dropout drops and running statistics are updated. */
    boolean training();

    /** Whether batch norm uses the batch's statistics rather than the running ones. */
    boolean batchStatistics();

    /** Number of inputs. */
    int inputs();

    /** Of one example. */
    ArrayType input(int i);

    /** Of one example. */
    ArrayType output(int i);

    Value parameter(Parameter p);

    /** State of the random counters, seed and step: u32 [4]. */
    Value random();

    /** Number of this node's random stream, which follows from its name. */
    int stream();

    Emitter emitter();

    /**
     * Adds a task.
     *
     * @param what it does, behind the node's name in labels
     * @param reads values that must hold their contents; nulls are dropped
     * @param writes values that the task defines; nulls are dropped
     */
    default void emit(String what, List<Value> reads, List<Value> writes, Function<Emitter.Binder, Preparable> work) {
        emitter().emit(name() + "." + what, reads, writes, work);
    }

    /** A value of fp32 for this pass alone. */
    default Value scratch(String what, Shape shape) {
        return emitter().value(name() + "." + what, DType.F32, shape, MemoryCategory.WORKSPACE);
    }

    /** Scratch memory of one task, in bytes. */
    default Value workspace(String what, long bytes) {
        return emitter().workspace(name() + "." + what, bytes);
    }
}
