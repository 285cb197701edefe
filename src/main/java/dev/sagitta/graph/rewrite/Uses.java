package dev.sagitta.graph.rewrite;

import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Wire;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Who reads the wires of a graph. */
public final class Uses {
    private final Map<Wire, List<Node>> readers = new HashMap<>();
    private final Wire output;

    Uses(Graph graph) {
        output = graph.output();
        for (Node node : graph.nodes()) {
            node.inputs().forEach(wire -> readers.computeIfAbsent(wire, key -> new ArrayList<>())
                    .add(node));
        }
    }

    /** Whether one node reads it, and nothing else; whoever runs the network reads its output. */
    public boolean once(Wire wire) {
        return readers(wire).size() == 1 && !wire.equals(output);
    }

    public boolean isRead(Wire wire) {
        return !readers(wire).isEmpty() || wire.equals(output);
    }

    /** The nodes that read it, in their order; one as often as it does. */
    public List<Node> readers(Wire wire) {
        return readers.getOrDefault(wire, List.of());
    }
}
