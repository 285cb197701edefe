package dev.sagitta.program;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Value;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.HashMap;
import java.util.Map;

/** The persistent values of a program, by name: what a caller reads and writes between steps, and what computations share. */
final class ProgramValues {
    private final Graph graph;
    private final ProgramOptions options;
    private final Map<String, Value> byName = new HashMap<>();

    ProgramValues(Graph graph, ProgramOptions options) {
        this.graph = graph;
        this.options = options;
    }

    /** Every value that some schedule asked for. */
    Map<String, Value> byName() {
        return byName;
    }

    private Value value(String name, DType dtype, Shape shape, MemoryCategory category) {
        return byName.computeIfAbsent(name, key -> Value.persistent(name, dtype, shape, category));
    }

    Value input() {
        Shape shape = graph.input().shape().prepend(options.batch());
        return value("input", graph.inputType(), shape, MemoryCategory.DATA);
    }

    Value target() {
        Shape shape = graph.loss().targetShape(graph.output().shape()).prepend(options.batch());
        return value("target", graph.loss().targetType(), shape, MemoryCategory.DATA);
    }

    Value output() {
        return value("output", DType.F32, graph.output().shape().prepend(options.batch()), MemoryCategory.DATA);
    }

    Value loss() {
        return value("loss", DType.F32, Shape.of(1), MemoryCategory.DATA);
    }

    Value metrics() {
        return value("metrics", DType.F32, Shape.of(3), MemoryCategory.DATA);
    }

    /** v'Hv or v'Gv, [K]. */
    Value quadratic() {
        return value("quadratic", DType.F32, Shape.of(options.probes()), MemoryCategory.DATA);
    }

    /** Seed and step of the random counters: u32 [4]. */
    Value random() {
        return value("random", DType.U32, Shape.of(4), MemoryCategory.DATA);
    }

    Value parameter(Parameter parameter) {
        return value(parameter.name(), DType.F32, parameter.shape(), MemoryCategory.WEIGHTS);
    }

    Value gradient(Parameter parameter) {
        return value(parameter.name() + ".gradient", DType.F32, parameter.shape(), MemoryCategory.GRADIENTS);
    }

    Value vector(Parameter parameter) {
        Shape shape = parameter.shape().prepend(options.probes());
        return value(parameter.name() + ".vector", DType.F32, shape, MemoryCategory.TANGENTS);
    }

    Value product(Parameter parameter) {
        Shape shape = parameter.shape().prepend(options.probes());
        return value(parameter.name() + ".product", DType.F32, shape, MemoryCategory.TANGENTS);
    }
}
