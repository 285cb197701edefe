package dev.sagitta.program.compile;

import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Wire;
import dev.sagitta.program.Computation;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a computation keeps from its forward pass for later ones: a function of graph, computation and what is trained, without a device. A value has one
 * entry whoever keeps it, named after the wire that gives it, so that reports and checkpoints do not depend on which reader comes first; its noise class
 * is the strictest of its readers'.
 */
public final class KeepPlan {
    /**
     * Readers at most so many nodes apart share one unpacked copy. The projections of one input to queries, keys and values stand side by side; a copy that
     * waits longer is workspace that the next layers need.
     */
    private static final int NEIGHBOURS = 4;

    private final Map<Wire, KeptValue> byWire = new LinkedHashMap<>();
    private final Map<Node, Map<String, KeptValue>> made = new LinkedHashMap<>();
    private final List<KeptValue> values = new ArrayList<>();
    private final boolean training;

    /** What the readers of one value ask for. */
    private static final class Entry {
        private final String name;
        private final Wire wire;
        private final Keep.Source source;
        private final List<Node> readers = new ArrayList<>();
        private boolean linear = true;
        private boolean exact;

        Entry(String name, Wire wire, Keep.Source source) {
            this.name = name;
            this.wire = wire;
            this.source = source;
        }

        void read(Node node, Keep keep) {
            if (!readers.contains(node)) {
                readers.add(node);
            }
            linear &= keep.isLinear();
            // codecs are for numbers, not for ids and choices
            exact |= keep.isExact() || wire != null && !wire.type().isDifferentiable();
        }

        KeptValue planned(int packedAfter) {
            boolean free = wire != null && wire.node().isInput();
            List<List<Node>> runs = new ArrayList<>();
            for (int i = readers.size() - 1; i >= 0; i--) {
                Node node = readers.get(i);
                List<Node> last = runs.isEmpty() ? List.of() : runs.get(runs.size() - 1);
                if (last.isEmpty() || last.get(last.size() - 1).index() - node.index() > NEIGHBOURS) {
                    last = new ArrayList<>();
                    runs.add(last);
                }
                last.add(node);
            }
            return new KeptValue(
                    name,
                    wire,
                    source,
                    List.copyOf(readers),
                    linear,
                    exact,
                    free,
                    packedAfter,
                    runs.stream().map(List::copyOf).toList(),
                    readers.get(0).index());
        }
    }

    private KeepPlan(boolean training) {
        this.training = training;
    }

    /** @param training whether dropout drops */
    public static KeepPlan of(Graph graph, Computation computation, boolean training) {
        return of(graph, new Trained(graph, false), computation, training);
    }

    static KeepPlan of(Graph graph, Trained trained, Computation computation, boolean training) {
        KeepPlan plan = new KeepPlan(training);
        if (computation.keepsActivations()) {
            plan.fill(graph, trained);
        }
        return plan;
    }

    private void fill(Graph graph, Trained trained) {
        Map<Wire, Entry> wires = new LinkedHashMap<>();
        Map<Wire, Integer> lastReader = new LinkedHashMap<>();
        List<Entry> order = new ArrayList<>();
        for (Node node : graph.nodes()) {
            for (int i = 0; i < node.outputs().size(); i++) {
                lastReader.merge(root(node.out(i)), node.index(), Math::max);
            }
            node.inputs().forEach(input -> lastReader.merge(root(input), node.index(), Math::max));
            if (node.isInput() || !trained.at(node)) {
                continue;
            }
            for (Keep keep : node.op().keeps()) {
                if (!keep.isWanted(trained.needs(node))) {
                    continue;
                }
                Entry entry;
                if (keep.isMade()) {
                    entry = new Entry(node.name() + "." + keep.name(), null, keep.source());
                    order.add(entry);
                } else {
                    entry = wires.computeIfAbsent(root(wire(node, keep)), root -> {
                        Entry added = new Entry(root.name(), root, keep.source());
                        order.add(added);
                        return added;
                    });
                }
                entry.read(node, keep);
            }
        }
        for (Entry entry : order) {
            int packed = entry.wire == null ? entry.readers.get(0).index() : lastReader.get(entry.wire);
            KeptValue value = entry.planned(packed);
            values.add(value);
            if (entry.wire != null) {
                byWire.put(entry.wire, value);
            } else {
                Node node = entry.readers.get(0);
                made.computeIfAbsent(node, key -> new LinkedHashMap<>())
                        .put(entry.name.substring(node.name().length() + 1), value);
            }
        }
    }

    /** The input or output of a node that a constant of its op names. */
    static Wire wire(Node node, Keep keep) {
        return keep.source() == Keep.Source.INPUT ? node.inputs().get(keep.index()) : node.out(keep.index());
    }

    /** The wire whose value this one is. */
    private Wire root(Wire wire) {
        if (wire.node().isInput()) {
            return wire;
        }
        int input = wire.node().op().passes(wire.output(), training);
        return input < 0 ? wire : root(wire.node().inputs().get(input));
    }

    /** In the order of the network. */
    public List<KeptValue> values() {
        return List.copyOf(values);
    }

    /** What a node reads by a constant of its op; null where nothing is kept for it. */
    KeptValue of(Node node, Keep keep) {
        return keep.isMade() ? made.getOrDefault(node, Map.of()).get(keep.name()) : byWire.get(root(wire(node, keep)));
    }
}
