package dev.sagitta.graph;

import dev.sagitta.graph.loss.Loss;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Describes a network node by node. Every method takes the node that feeds the new one and returns the new one; shapes are checked as they
 * are given, so that an error names the layer.
 */
public final class GraphBuilder {
    private static final String INPUT = "input";

    private final List<Node> nodes = new ArrayList<>();
    private final Map<String, Parameter> parameters = new LinkedHashMap<>();
    private final Map<Wire, Wire> turned = new HashMap<>();

    private GraphBuilder(ArrayType input) {
        nodes.add(new Node(0, INPUT, null, List.of(), List.of(input)));
    }

    /** A network over fp32 features of this shape per example. */
    public static GraphBuilder features(long... shape) {
        return new GraphBuilder(ArrayType.f32(Shape.of(shape)));
    }

    /** A network over int32 ids of this shape per example. */
    public static GraphBuilder ids(long... shape) {
        return new GraphBuilder(ArrayType.i32(Shape.of(shape)));
    }

    /** A further input beside {@link #input()}, which the caller fills under its name. */
    public Node input(String name, ArrayType type) {
        requireFree(name, INPUT);
        return append(new Node(nodes.size(), name, null, List.of(), List.of(type)));
    }

    /** The input that data sets fill. */
    public Node input() {
        return nodes.get(0);
    }

    /** Any op, also one of your own, over the first outputs of nodes. */
    public Node add(String name, Op op, Node... inputs) {
        return add(name, op, Arrays.stream(inputs).map(Node::out).toList());
    }

    /** Any op, also one of your own. */
    public Node add(String name, Op op, List<Wire> inputs) {
        requireFree(name, op.type());
        for (Wire input : inputs) {
            Node node = input.node();
            if (nodes.size() <= node.index() || nodes.get(node.index()) != node) {
                throw new IllegalArgumentException(
                        op.type() + " '" + name + "': input '" + input.name() + "' is of another graph");
            }
        }
        for (Parameter parameter : op.parameters()) {
            Parameter known = parameters.putIfAbsent(parameter.name(), parameter);
            if (known != null && known != parameter && !known.equals(parameter)) {
                throw new IllegalArgumentException(op.type() + " '" + name + "': parameter '" + parameter.name()
                        + "' exists as " + known + "; names must be unique");
            }
        }
        List<Wire> readable = readable(op.images(), inputs);
        List<ArrayType> outputs = op.outputs(readable.stream().map(Wire::type).toList());
        return append(new Node(nodes.size(), name, op, readable, outputs));
    }

    /** Inputs as an op can read them: images or arrays. */
    private List<Wire> readable(Op.Images images, List<Wire> inputs) {
        boolean any = inputs.stream().anyMatch(wire -> wire.type().channelsLast());
        List<Wire> readable = new ArrayList<>();
        for (int i = 0; i < inputs.size(); i++) {
            Wire wire = inputs.get(i);
            boolean channelsLast =
                    switch (images) {
                        case AS_ARRAYS -> false;
                        case BY_ELEMENTS, EITHER -> any;
                        case CHANNELS_LAST -> true;
                        case CHANNELS_LAST_FIRST -> i == 0;
                    };
            readable.add(turned(wire, channelsLast));
        }
        return List.copyOf(readable);
    }

    /** The same values as an image or as an array, turned once however many ops read them so. */
    private Wire turned(Wire wire, boolean channelsLast) {
        if (wire.type().channelsLast() == channelsLast
                || wire.shape().rank() < 2
                || !wire.type().isDifferentiable()) {
            return wire;
        }
        return turned.computeIfAbsent(wire, other -> {
            Op op = Layers.turned(wire.type(), channelsLast);
            String name = wire.name() + "." + op.type();
            requireFree(name, op.type());
            return append(new Node(nodes.size(), name, op, List.of(wire), op.outputs(List.of(wire.type()))))
                    .out();
        });
    }

    private Node append(Node node) {
        nodes.add(node);
        return node;
    }

    private void requireFree(String name, String type) {
        for (Node node : nodes) {
            if (node.name().equals(name)) {
                throw new IllegalArgumentException(type + " '" + name + "': the name is taken by layer " + node.index()
                        + "; names must be unique");
            }
        }
    }

    public Graph build(Node output, Loss loss) {
        return build(output.out(), loss);
    }

    public Graph build(Wire last, Loss loss) {
        Wire output = loss.readsPixels() ? last : turned(last, false);
        loss.targetShape(output.shape());
        RandomNames.requireDistinct(nodes);
        return new Graph(List.copyOf(nodes), output, loss);
    }

    /** A new parameter for an op of this graph. */
    public Parameter parameter(Parameter parameter) {
        if (parameter.elements() == 0) {
            throw new IllegalArgumentException("parameter '" + parameter.name() + "' has shape " + parameter.shape()
                    + ", expected at least one element");
        }
        if (parameters.putIfAbsent(parameter.name(), parameter) != null) {
            throw new IllegalArgumentException(
                    "parameter '" + parameter.name() + "' exists already; names must be unique");
        }
        return parameter;
    }

    /** A parameter that another layer has: tied weights. */
    public Parameter shared(String who, String name) {
        Parameter shared = parameters.get(name);
        if (shared == null) {
            throw new IllegalArgumentException(
                    who + ": there is no parameter '" + name + "' to share; known: " + parameters.keySet());
        }
        return shared;
    }
}
