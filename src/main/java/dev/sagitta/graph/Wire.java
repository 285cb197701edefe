package dev.sagitta.graph;

import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;

/**
 * One output of a node: what ops are connected by.
 *
 * @param output counted from 0
 */
public record Wire(Node node, int output) {

    /** The node's name, with {@code .OUTPUT} behind it where the node has several outputs; of a fusion's, the name it had before. */
    public String name() {
        if (!node.wires().isEmpty()) {
            return node.wires().get(output);
        }
        return node.outputs().size() == 1 ? node.name() : node.name() + "." + output;
    }

    public ArrayType type() {
        return node.outputs().get(output);
    }

    /** Of one example. */
    public Shape shape() {
        return type().shape();
    }

    public DType dtype() {
        return type().dtype();
    }

    @Override
    public String toString() {
        return name() + " " + type();
    }
}
