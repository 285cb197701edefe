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
import java.util.stream.IntStream;

/** An ordered list of rewrites. Immutable; {@link #ALL} is what programs are compiled with unless told otherwise. */
public record Rewrites(List<Rewrite> rewrites) {
    public static final Rewrites ALL = new Rewrites(List.of(
            new LinearActivationRewrite(),
            new GateRewrite(),
            new AddNormRewrite(),
            new ConvNormRewrite(),
            new NormReluRewrite()));
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
        // the last node of a pattern by the first
        Map<Node, Node> lasts = new HashMap<>();
        taken.forEach((last, replacement) -> lasts.put(replacement.first(), last));
        Map<Wire, Wire> copies = new HashMap<>();
        List<Node> nodes = new ArrayList<>();
        for (Node node : graph.nodes()) {
            Node last = lasts.getOrDefault(node, node);
            Rewrite.Taken replacement = taken.get(last);
            boolean both = replacement != null && replacement.both();
            // a fusion stands in one of the two places
            if (replacement != null && both == (last == node)) {
                continue;
            }
            List<Wire> wires = new ArrayList<>();
            if (both) {
                wires.addAll(outputs(node));
            }
            wires.addAll(outputs(last));
            Node copy = copy(nodes.size(), last, replacement, wires, copies);
            for (int i = 0; i < wires.size(); i++) {
                copies.put(wires.get(i), copy.out(i));
            }
            nodes.add(copy);
        }
        return new Graph(List.copyOf(nodes), copies.get(graph.output()), graph.loss());
    }

    private static List<Wire> outputs(Node node) {
        return IntStream.range(0, node.outputs().size()).mapToObj(node::out).toList();
    }

    /** @param outputs the wires that the copy's stand for, under their names */
    private static Node copy(
            int index, Node node, Rewrite.Taken replacement, List<Wire> outputs, Map<Wire, Wire> copies) {
        Op op = replacement == null ? node.op() : replacement.op();
        List<Wire> read = replacement == null ? node.inputs() : replacement.inputs();
        List<Wire> inputs = read.stream().map(copies::get).toList();
        List<ArrayType> types = outputs.stream().map(Wire::type).toList();
        if (op != null && !op.outputs(inputs.stream().map(Wire::type).toList()).equals(types)) {
            throw new IllegalStateException(node.layer() + ": its replacement has other outputs than " + types);
        }
        List<String> names = replacement != null && replacement.both()
                ? outputs.stream().map(Wire::name).toList()
                : node.wires();
        return new Node(index, node.name(), op, inputs, types, names);
    }
}
