package dev.sagitta.program.compile;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.program.ParameterRole;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.Role;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The persistent values of a program, by name: what a caller reads and writes between steps, and what computations share. */
public final class ProgramValues {
    private final Graph graph;
    private final ProgramOptions options;
    private final List<String> states;
    private final Map<String, Value> byName = new LinkedHashMap<>();

    public ProgramValues(Graph graph, ProgramOptions options) {
        this.graph = graph;
        this.options = options;
        this.states = graph.everyParameter().stream()
                .filter(parameter -> parameter.use() == Parameter.Use.STATE)
                .map(Parameter::name)
                .toList();
    }

    /** Every value that some schedule asked for. */
    public Map<String, Value> byName() {
        return byName;
    }

    /** The value of this name, new or as it is known; of its shape, type and category there is one. */
    Value value(String name, DType dtype, Shape shape, MemoryCategory category) {
        Value known = byName.computeIfAbsent(name, key -> Value.persistent(name, dtype, shape, category));
        if (known.dtype() != dtype || !known.shape().equals(shape) || known.category() != category) {
            throw new IllegalArgumentException("persistent value '" + name + "' exists as " + known + " ("
                    + known.category() + "), asked for as " + dtype.suffix() + " " + shape + " (" + category
                    + "); give the layer or parameter another name");
        }
        return known;
    }

    /** An input of the network, under its name. */
    Value input(Node node) {
        if (node.index() > 0 && Role.isTensor(node.name())) {
            throw new IllegalArgumentException("the network's input '" + node.name()
                    + "' has the name of a value that every program has; give it another");
        }
        Shape shape = node.shape().prepend(options.batch());
        return value(node.name(), node.out().dtype(), shape, MemoryCategory.DATA);
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

    public Value parameter(Parameter parameter) {
        return of(parameter, ParameterRole.WEIGHT);
    }

    Value gradient(Parameter parameter) {
        return of(parameter, ParameterRole.GRADIENT);
    }

    Value vector(Parameter parameter) {
        return of(parameter, ParameterRole.VECTOR);
    }

    Value product(Parameter parameter) {
        return of(parameter, ParameterRole.PRODUCT);
    }

    /** Whether it is a parameter that forward passes write. */
    boolean isState(Value value) {
        return states.contains(value.name());
    }

    private Value of(Parameter parameter, ParameterRole role) {
        Shape shape = role.byProbe() ? parameter.shape().prepend(options.probes()) : parameter.shape();
        return value(role.of(parameter.name()), DType.F32, shape, role.category());
    }
}
