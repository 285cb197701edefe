package dev.sagitta.graph.rewrite;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.Wire;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** An ordered list of rewrites. Immutable; {@link #ALL} is what programs are compiled with unless told otherwise. */
public record Rewrites(List<Rewrite> rewrites) {
    public static final Rewrites ALL = new Rewrites(List.of(new LinearActivationRewrite(), new GateRewrite()));
    public static final Rewrites NONE = new Rewrites(List.of());

    public Rewrites {
        rewrites = List.copyOf(rewrites);
    }

    /**
     * What became of a pattern.
     *
     * @param layer the last node of the pattern
     * @param reason why it was left; null where it was replaced
     */
    public record Outcome(String rewrite, String layer, String reason) {
        public boolean isTaken() {
            return reason == null;
        }
    }

    /** A graph after its rewrites, and what was decided. */
    public record Rewritten(Graph graph, List<Outcome> outcomes) {}

    public Rewritten apply(Graph graph, Target target) {
        Graph current = graph;
        List<Outcome> outcomes = new ArrayList<>();
        for (Rewrite rewrite : rewrites) {
            Uses uses = new Uses(current);
            Map<Node, Rewrite.Taken> taken = new HashMap<>();
            for (Node node : current.nodes()) {
                Rewrite.Match match = node.isInput() ? Rewrite.ABSENT : rewrite.match(node, uses, target);
                if (match instanceof Rewrite.Taken replacement) {
                    taken.put(node, replacement);
                    outcomes.add(new Outcome(rewrite.name(), node.name(), null));
                } else if (match instanceof Rewrite.Refused refused) {
                    outcomes.add(new Outcome(rewrite.name(), node.name(), refused.reason()));
                }
            }
            current = taken.isEmpty() ? current : replaced(current, taken);
        }
        return new Rewritten(current, List.copyOf(outcomes));
    }

    private static Graph replaced(Graph graph, Map<Node, Rewrite.Taken> taken) {
        List<Node> gone = taken.values().stream().map(Rewrite.Taken::first).toList();
        Map<Node, Node> copies = new HashMap<>();
        List<Node> nodes = new ArrayList<>();
        for (Node node : graph.nodes()) {
            if (gone.contains(node)) {
                continue;
            }
            Rewrite.Taken replacement = taken.get(node);
            Op op = replacement == null ? node.op() : replacement.op();
            List<Wire> inputs = (replacement == null ? node.inputs() : replacement.inputs())
                    .stream()
                            .map(wire -> new Wire(copies.get(wire.node()), wire.output()))
                            .toList();
            List<ArrayType> outputs = node.outputs();
            Node copy = new Node(nodes.size(), node.name(), op, inputs, outputs);
            if (op != null
                    && !op.outputs(inputs.stream().map(Wire::type).toList()).equals(outputs)) {
                throw new IllegalStateException(node.layer() + ": its replacement has other outputs than " + outputs);
            }
            copies.put(node, copy);
            nodes.add(copy);
        }
        Wire output = graph.output();
        return new Graph(List.copyOf(nodes), new Wire(copies.get(output.node()), output.output()), graph.loss());
    }
}
