package dev.sagitta.graph;

import dev.sagitta.graph.loss.Loss;
import dev.sagitta.graph.op.elementwise.Activation;
import dev.sagitta.graph.op.elementwise.Add;
import dev.sagitta.graph.op.elementwise.Bias;
import dev.sagitta.graph.op.elementwise.Relu;
import dev.sagitta.graph.op.embedding.Embedding;
import dev.sagitta.graph.op.gemm.Linear;
import dev.sagitta.graph.op.random.Dropout;
import dev.sagitta.graph.op.shape.Flatten;
import dev.sagitta.kernel.Function;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Describes a network node by node. Every method takes the node that feeds the new one and returns the new one; shapes are checked as they
 * are given, so that an error names the layer.
 */
public final class GraphBuilder {
    private final List<Node> nodes = new ArrayList<>();
    private final Map<String, Parameter> parameters = new LinkedHashMap<>();
    private final DType inputType;

    private GraphBuilder(DType inputType, Shape inputShape) {
        this.inputType = inputType;
        nodes.add(new Node(0, "input", null, List.of(), inputShape));
    }

    /** A network over fp32 features of this shape per example. */
    public static GraphBuilder features(long... shape) {
        return new GraphBuilder(DType.F32, Shape.of(shape));
    }

    /** A network over int32 ids of this shape per example. */
    public static GraphBuilder ids(long... shape) {
        return new GraphBuilder(DType.I32, Shape.of(shape));
    }

    public Node input() {
        return nodes.get(0);
    }

    /** y = x W' + b; the layer's parameters are {@code name.weight} [out, in] and {@code name.bias} [out]. */
    public Node linear(String name, Node x, long out) {
        return linear(name, x, out, true);
    }

    public Node linear(String name, Node x, long out, boolean withBias) {
        if (x.shape().rank() < 1) {
            throw new IllegalArgumentException("linear '" + name + "': the input is a scalar, expected features");
        }
        long in = x.shape().extent(-1);
        double deviation = 1 / Math.sqrt(Math.max(1, in));
        Parameter weight = parameter(name + ".weight", Shape.of(out, in), deviation, true);
        Parameter bias = withBias ? parameter(name + ".bias", Shape.of(out), deviation, false) : null;
        return add(name, new Linear(weight, bias), x);
    }

    /** y = x W' with the weight of an earlier layer or embedding table: tied. */
    public Node linearTied(String name, Node x, String weight) {
        Parameter shared = parameters.get(weight);
        if (shared == null) {
            throw new IllegalArgumentException("linear '" + name + "': there is no parameter '" + weight
                    + "' to share; known: " + parameters.keySet());
        }
        return add(name, new Linear(shared, null), x);
    }

    public Node bias(String name, Node x) {
        return add(name, new Bias(parameter(name + ".bias", Shape.of(x.shape().extent(-1)), 0, false)), x);
    }

    /** One row of {@code name.weight} [rows, width] per id. */
    public Node embedding(String name, Node ids, long rows, long width) {
        if (ids != input() || inputType != DType.I32) {
            throw new IllegalArgumentException(
                    "embedding '" + name + "': must read the network's ids, not '" + ids.name() + "'");
        }
        // uniform with unit variance, PyTorch's N(0, 1) in its first two moments
        return add(name, new Embedding(parameter(name + ".weight", Shape.of(rows, width), Math.sqrt(3), true)), ids);
    }

    public Node activation(String name, Node x, Function function) {
        return add(name, function == Function.RELU ? new Relu() : new Activation(function), x);
    }

    public Node dropout(String name, Node x, float probability) {
        return add(name, new Dropout(probability), x);
    }

    public Node flatten(String name, Node x) {
        return add(name, new Flatten(), x);
    }

    public Node add(String name, Node a, Node b) {
        return add(name, new Add(), a, b);
    }

    /** Any op, also one of your own. */
    public Node add(String name, Op op, Node... inputs) {
        for (Node node : nodes) {
            if (node.name().equals(name)) {
                throw new IllegalArgumentException(op.type() + " '" + name + "': the name is taken by layer "
                        + node.index() + "; names must be unique");
            }
        }
        for (Node input : inputs) {
            if (nodes.size() <= input.index() || nodes.get(input.index()) != input) {
                throw new IllegalArgumentException(
                        op.type() + " '" + name + "': input '" + input.name() + "' is of another graph");
            }
        }
        List<Node> list = List.of(inputs);
        Node node = new Node(
                nodes.size(),
                name,
                op,
                list,
                op.outputShape(list.stream().map(Node::shape).toList()));
        nodes.add(node);
        return node;
    }

    public Graph build(Node output, Loss loss) {
        loss.targetShape(output.shape());
        return new Graph(List.copyOf(nodes), inputType, output, loss);
    }

    private Parameter parameter(String name, Shape shape, double deviation, boolean isMatrix) {
        Parameter parameter = new Parameter(name, shape, deviation, isMatrix);
        if (shape.elements() == 0) {
            throw new IllegalArgumentException(
                    "parameter '" + name + "' has shape " + shape + ", expected at least one element");
        }
        if (parameters.putIfAbsent(name, parameter) != null) {
            throw new IllegalArgumentException("parameter '" + name + "' exists already; names must be unique");
        }
        return parameter;
    }
}
