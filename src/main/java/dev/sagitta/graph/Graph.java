package dev.sagitta.graph;

import dev.sagitta.graph.loss.Loss;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

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

    /** The same network with other ops in place of some; each keeps its name, its inputs and the shape of its output. */
    public Graph withOps(UnaryOperator<Op> replacement) {
        List<Node> copies = new ArrayList<>();
        for (Node node : nodes) {
            List<Node> inputs = node.inputs().stream()
                    .map(input -> copies.get(input.index()))
                    .toList();
            Op op = node.isInput() ? null : replacement.apply(node.op());
            Shape shape = op == null
                    ? node.shape()
                    : op.outputShape(inputs.stream().map(Node::shape).toList());
            if (!shape.equals(node.shape())) {
                throw new IllegalArgumentException(op.type() + " in place of '" + node.name()
                        + "' has an output of shape " + shape + ", expected " + node.shape());
            }
            copies.add(new Node(node.index(), node.name(), op, inputs, shape));
        }
        return new Graph(List.copyOf(copies), inputType, copies.get(output.index()), loss);
    }

    public long parameterCount() {
        return parameters().stream().mapToLong(Parameter::elements).sum();
    }
}
