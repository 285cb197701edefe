package dev.sagitta.graph;

import dev.sagitta.graph.loss.Loss;
import dev.sagitta.tensor.DType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * A network: a directed acyclic graph of ops from its inputs to one output, and a loss. Where an output feeds several nodes, its cotangents
 * are summed. Immutable; build it with {@link GraphBuilder}.
 *
 * @param nodes in topological order, the input that data sets fill first
 */
public record Graph(List<Node> nodes, Wire output, Loss loss) {

    /** The input that data sets fill. */
    public Node input() {
        return nodes.get(0);
    }

    /** All inputs, by name. */
    public List<Node> inputs() {
        return nodes.stream().filter(Node::isInput).toList();
    }

    /** Of {@link #input}: fp32 features or int32 ids. */
    public DType inputType() {
        return input().out().dtype();
    }

    /** Every trained parameter once, in the order of first use. */
    public List<Parameter> parameters() {
        return everyParameter().stream().filter(Parameter::isTrained).toList();
    }

    /** Every parameter once, trained or not, in the order of first use. */
    public List<Parameter> everyParameter() {
        Map<String, Parameter> unique = new LinkedHashMap<>();
        for (Node node : nodes) {
            if (!node.isInput()) {
                node.op().parameters().forEach(parameter -> unique.putIfAbsent(parameter.name(), parameter));
            }
        }
        return List.copyOf(unique.values());
    }

    /** The same network with other ops in place of some; each keeps its name, its inputs and the types of its outputs. */
    public Graph withOps(UnaryOperator<Op> replacement) {
        List<Node> copies = new ArrayList<>();
        for (Node node : nodes) {
            List<Wire> inputs = node.inputs().stream()
                    .map(input -> new Wire(copies.get(input.node().index()), input.output()))
                    .toList();
            Op op = node.isInput() ? null : replacement.apply(node.op());
            List<ArrayType> outputs = op == null
                    ? node.outputs()
                    : op.outputs(inputs.stream().map(Wire::type).toList());
            if (!outputs.equals(node.outputs())) {
                throw new IllegalArgumentException(op.type() + " in place of '" + node.name() + "' has outputs of "
                        + outputs + ", expected " + node.outputs());
            }
            copies.add(new Node(node.index(), node.name(), op, inputs, outputs));
        }
        return new Graph(List.copyOf(copies), new Wire(copies.get(output.node().index()), output.output()), loss);
    }

    public long parameterCount() {
        return parameters().stream().mapToLong(Parameter::elements).sum();
    }
}
