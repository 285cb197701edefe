package dev.sagitta.program.compile;

import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Parameter;
import java.util.IdentityHashMap;
import java.util.Map;

/** Which nodes have a trained parameter at or below them: the others have neither tangents nor use for cotangents. */
final class Trained {
    private final Map<Node, Boolean> nodes = new IdentityHashMap<>();

    Trained(Graph graph) {
        for (Node node : graph.nodes()) {
            boolean below = node.inputs().stream().anyMatch(input -> nodes.get(input.node()));
            nodes.put(node, below || parameters(node));
        }
    }

    boolean at(Node node) {
        return nodes.get(node);
    }

    boolean input(Node node, int i) {
        return nodes.get(node.inputs().get(i).node());
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
        };
    }
}
