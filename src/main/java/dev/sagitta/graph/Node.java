package dev.sagitta.graph;

import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * One op of a graph with its inputs.
 *
 * @param index position in topological order
 * @param op null for an input of the network
 * @param outputs what it gives, at least one
 * @param wires names of the outputs where they do not follow from the node's: those of nodes that became this one; else empty
 */
public record Node(int index, String name, Op op, List<Wire> inputs, List<ArrayType> outputs, List<String> wires) {
    public Node(int index, String name, Op op, List<Wire> inputs, List<ArrayType> outputs) {
        this(index, name, op, inputs, outputs, List.of());
    }

    public boolean isInput() {
        return op == null;
    }

    /** The first output, of most ops the only one. */
    public Wire out() {
        return out(0);
    }

    public Wire out(int output) {
        if (output < 0 || output >= outputs.size()) {
            throw new IllegalArgumentException(
                    "layer '" + name + "' has no output " + output + ", it has " + outputs.size());
        }
        return new Wire(this, output);
    }

    /** Of one example of the first output. */
    public Shape shape() {
        return outputs.get(0).shape();
    }

    /** How an error calls it. */
    public String layer() {
        return "layer '" + name + "' (" + (isInput() ? "input" : op.type()) + ")";
    }

    @Override
    public String toString() {
        return name + " " + shape();
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
