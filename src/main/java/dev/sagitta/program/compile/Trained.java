package dev.sagitta.program.compile;

import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Wire;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which nodes have derivatives: those with a trained parameter at or below them that the loss sees, not by way of ids or choices. The others have neither tangents nor use for
 * cotangents, and keep nothing.
 */
final class Trained {
    private final Map<Node, Boolean> nodes = new IdentityHashMap<>();
    private final Set<Node> seen = Collections.newSetFromMap(new IdentityHashMap<>());

    /** @param inputs whether the graph's inputs are computed by what is trained, as where it follows another graph */
    Trained(Graph graph, boolean inputs) {
        for (Node node : graph.nodes()) {
            boolean below = node.isInput() ? inputs : node.inputs().stream().anyMatch(this::wire);
            nodes.put(node, below || parameters(node));
        }
        seen.add(graph.output().node());
        for (int i = graph.nodes().size() - 1; i >= 0; i--) {
            Node node = graph.nodes().get(i);
            if (seen.contains(node)) {
                node.inputs().stream()
                        .filter(input -> input.type().isDifferentiable())
                        .forEach(input -> seen.add(input.node()));
            }
        }
    }

    boolean at(Node node) {
        return nodes.get(node) && seen.contains(node);
    }

    boolean input(Node node, int i) {
        return wire(node.inputs().get(i));
    }

    /** Ids and choices pass no derivatives on. */
    private boolean wire(Wire wire) {
        return nodes.get(wire.node()) && wire.type().isDifferentiable();
    }

    private static boolean parameters(Node node) {
        return !node.isInput() && node.op().parameters().stream().anyMatch(Parameter::isTrained);
    }

    Keep.Needs needs(Node node) {
        return new Keep.Needs() {
            @Override
            public boolean input(int i) {
                return Trained.this.input(node, i);
            }

            @Override
            public boolean parameters() {
                return Trained.parameters(node);
            }

            @Override
            public boolean parameter(int i) {
                List<Parameter> parameters = node.op().parameters();
                return i < parameters.size() && parameters.get(i).isTrained();
            }
        };
    }
}
