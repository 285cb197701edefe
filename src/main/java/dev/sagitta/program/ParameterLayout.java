package dev.sagitta.program;

import dev.sagitta.device.Device;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Parameter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Where each parameter lies in a flat fp32 arena. Starts are aligned for slicing; the gaps hold zeros. An arena of K probe vectors is K
 * times as long and keeps the K versions of one parameter together: parameter p starts at {@code K * offset(p)} and is [K, shape].
 */
public final class ParameterLayout {
    private static final long ALIGNMENT = Device.ALIGNMENT / Float.BYTES;

    private final List<Parameter> parameters;
    private final Map<String, Long> offsets = new LinkedHashMap<>();
    private final long length;

    public ParameterLayout(List<Parameter> parameters) {
        this.parameters = List.copyOf(parameters);
        long next = 0;
        for (Parameter parameter : parameters) {
            offsets.put(parameter.name(), next);
            next = Math.addExact(next, (parameter.elements() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
        }
        length = next;
    }

    /** Of the trained parameters. */
    public static ParameterLayout of(Graph graph) {
        return new ParameterLayout(graph.parameters());
    }

    /** Of those that are frozen or a state: they have weights and nothing else. */
    public static ParameterLayout untrained(Graph graph) {
        return new ParameterLayout(graph.everyParameter().stream()
                .filter(parameter -> !parameter.isTrained())
                .toList());
    }

    public List<Parameter> parameters() {
        return parameters;
    }

    /** First element of the parameter in an arena of one vector. */
    public long offset(Parameter parameter) {
        Long offset = offsets.get(parameter.name());
        if (offset == null) {
            throw new IllegalArgumentException(
                    "parameter '" + parameter.name() + "' is not in the layout; known: " + offsets.keySet());
        }
        return offset;
    }

    public Parameter parameter(String name) {
        return parameters.stream()
                .filter(parameter -> parameter.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "there is no parameter '" + name + "'; known: " + offsets.keySet()));
    }

    /** Elements of an arena of one vector, gaps included. */
    public long length() {
        return length;
    }
}
