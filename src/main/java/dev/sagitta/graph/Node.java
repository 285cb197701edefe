package dev.sagitta.graph;

import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * One op of a graph with its inputs.
 *
 * @param index position in topological order; the input node is 0
 * @param op null for the input node
 * @param shape of one example's output
 */
public record Node(int index, String name, Op op, List<Node> inputs, Shape shape) {
    public boolean isInput() {
        return op == null;
    }

    @Override
    public String toString() {
        return name + " " + shape;
    }

    @Override
    public boolean equals(Object other) {
        return this == other;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(this);
    }
}
