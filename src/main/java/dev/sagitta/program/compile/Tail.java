package dev.sagitta.program.compile;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Wire;
import dev.sagitta.graph.loss.LossByRows;
import dev.sagitta.graph.rewrite.Rewrites.Outcome;
import dev.sagitta.program.Computation;
import dev.sagitta.program.Observer;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedList;
import java.util.List;

/**
 * A graph cut in front of the last ops, where those work row by row as the loss does and their outputs are large: logits of a vocabulary. {@link LossInParts} computes them
 * for some rows at a time, so that no array of all rows' logits is ever there.
 *
 * @param trunk the graph up to the cut
 * @param rows what follows, of one row: its input is a row of the trunk's output
 * @param part most rows at a time
 */
record Tail(Graph trunk, Graph rows, long part) {
    private static final String NAME = "loss-in-parts";
    /** Parts have a multiple of so many rows, and at least so many: below it a product of matrices spends its time reading the weight. */
    private static final int TILE = 64;

    /** What was found. */
    record Match(Tail tail, List<Outcome> outcomes) {
        private static final Match NONE = new Match(null, List.of());
    }

    static Match of(Graph graph, ProgramOptions options, Computation computation) {
        long width = width(graph.output());
        long rows = options.batch() * graph.output().shape().elements() / Math.max(1, width);
        long part = Math.max(TILE, options.partBytes() / (Float.BYTES * Math.max(1, width)) / TILE * TILE);
        Node last = graph.output().node();
        if (computation == Computation.PREDICT
                || rows <= part
                || last.isInput()
                || !last.op().ofRows()) {
            return Match.NONE;
        }
        if (!(graph.loss() instanceof LossByRows)) {
            return refused(last, "the loss '" + graph.loss().type() + "' is not a sum over rows");
        }
        if (options.observer() != Observer.NONE) {
            return refused(last, "an observer is shown the whole output");
        }
        LinkedList<Node> tail = new LinkedList<>();
        Node first = last;
        while (!first.isInput() && first.op().ofRows() && (first == last || uses(graph, first.out()) == 1)) {
            tail.addFirst(first);
            first = first.inputs().get(0).node();
            if (first.isInput() || width(first.out()) < width) {
                break;
            }
        }
        if (uses(graph, graph.output()) > 0) {
            return refused(last, "its output is read by another layer as well");
        }
        return new Match(cut(graph, tail, part), List.of(new Outcome(NAME, last.name(), null)));
    }

    private static long width(Wire wire) {
        return wire.shape().rank() == 0 ? 1 : wire.shape().extent(-1);
    }

    private static Match refused(Node last, String reason) {
        return new Match(null, List.of(new Outcome(NAME, last.name(), reason)));
    }

    private static long uses(Graph graph, Wire wire) {
        return graph.nodes().stream()
                .flatMap(node -> node.inputs().stream())
                .filter(wire::equals)
                .count();
    }

    private static Tail cut(Graph graph, List<Node> tail, long part) {
        Wire from = tail.get(0).inputs().get(0);
        List<Node> trunk =
                graph.nodes().stream().filter(node -> !tail.contains(node)).toList();
        List<Node> rows = new ArrayList<>();
        ArrayType row = ArrayType.f32(Shape.of(from.shape().extent(-1)));
        rows.add(new Node(0, from.name(), null, List.of(), List.of(row)));
        for (Node node : tail) {
            Wire before = rows.get(rows.size() - 1).out();
            List<ArrayType> outputs = node.op().outputs(List.of(before.type()));
            rows.add(new Node(rows.size(), node.name(), node.op(), List.of(before), outputs));
        }
        Wire output = rows.get(rows.size() - 1).out();
        return new Tail(new Graph(trunk, from, graph.loss()), new Graph(List.copyOf(rows), output, graph.loss()), part);
    }
}
