package dev.sagitta.graph.rewrite;

import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Wire;
import java.util.HashMap;
import java.util.Map;

/** How often the wires of a graph are read. */
public final class Uses {
    private final Map<Wire, Integer> readers = new HashMap<>();

    Uses(Graph graph) {
        for (Node node : graph.nodes()) {
            node.inputs().forEach(wire -> readers.merge(wire, 1, Integer::sum));
        }
        // whoever runs the network reads it
        readers.merge(graph.output(), 1, Integer::sum);
    }

    /** Whether one node reads it, and nothing else. */
    public boolean once(Wire wire) {
        return readers.getOrDefault(wire, 0) == 1;
    }
}
