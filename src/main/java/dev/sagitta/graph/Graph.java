package dev.sagitta.graph;

import dev.sagitta.tensor.DType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A network: a directed acyclic graph of ops from one input to one output, and a loss. Where an output feeds several nodes, its cotangents
 * are summed. Immutable; build it with {@link GraphBuilder}.
 *
 * @param nodes in topological order, the input first
 * @param inputType fp32 features or int32 ids
 */
public record Graph(List<Node> nodes, DType inputType, Node output, Loss loss) {

    public Node input() {
        return nodes.get(0);
    }

    /** Every parameter once, in the order of first use. */
    public List<Parameter> parameters() {
        Map<String, Parameter> unique = new LinkedHashMap<>();
        for (Node node : nodes) {
            if (!node.isInput()) {
                node.op().parameters().forEach(parameter -> unique.putIfAbsent(parameter.name(), parameter));
            }
        }
        return List.copyOf(unique.values());
    }

    public long parameterCount() {
        return parameters().stream().mapToLong(Parameter::elements).sum();
    }
}
