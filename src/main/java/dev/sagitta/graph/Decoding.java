package dev.sagitta.graph;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A network over a sequence of ids as one over the next id alone: what it needs of those before is kept in memory of its ops. One compiled program serves
 * all positions, since which one it is lies in device memory.
 */
public final class Decoding {
    /** The persistent i32 [1] that says which position comes in, from 0 on. */
    public static final String POSITION = "decoding.position";

    private Decoding() {}

    /** The number of the position, to be read by a kernel. */
    public static Value position(Emitter e) {
        return e.persistent(POSITION, DType.I32, Shape.of(1), MemoryCategory.DATA);
    }

    /**
     * The network of one position: ids [T] become [1], the output [T, ...] becomes [1, ...]. Parameters are the same.
     *
     * @param longest positions that can follow one another
     * @throws IllegalArgumentException naming the layer that does not go from position to position, or sees later ones
     */
    public static Graph of(Graph graph, int longest) {
        if (graph.inputs().size() > 1
                || graph.inputType() != DType.I32
                || graph.input().shape().rank() != 1) {
            throw new IllegalArgumentException("a network that reads "
                    + graph.inputs().stream()
                            .map(input -> "'" + input.name() + "' "
                                    + input.outputs().get(0).dtype().suffix() + " " + input.shape())
                            .toList()
                    + " cannot go on from one position to the next, expected ids [T] alone");
        }
        long positions = graph.input().shape().extent(0);
        GraphBuilder builder = GraphBuilder.ids(1);
        Map<Node, Node> made = new HashMap<>();
        made.put(graph.input(), builder.input());
        for (Node node : graph.nodes()) {
            if (!node.isInput()) {
                made.put(node, ofOne(builder, node, made, longest, positions));
            }
        }
        Wire output = graph.output();
        return builder.build(made.get(output.node()).out(output.output()), graph.loss());
    }

    private static Node ofOne(GraphBuilder builder, Node node, Map<Node, Node> made, int longest, long positions) {
        List<Wire> inputs = node.inputs().stream()
                .map(wire -> made.get(wire.node()).out(wire.output()))
                .toList();
        Node one;
        try {
            one = builder.add(node.name(), node.op().decoding(longest), inputs);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    node.layer() + " cannot go on from one position to the next: " + e.getMessage(), e);
        }
        for (int i = 0; i < node.outputs().size(); i++) {
            long[] all = node.outputs().get(i).shape().toArray();
            long[] now = one.outputs().get(i).shape().toArray();
            boolean byPosition = all.length > 0 && all[0] == positions;
            if (byPosition) {
                all[0] = 1;
            }
            if (!byPosition || !Arrays.equals(all, now)) {
                throw new IllegalArgumentException(node.layer() + " gives "
                        + node.outputs().get(i).shape() + " for " + positions + " positions: not one row for each,"
                        + " so that it cannot go on from one to the next");
            }
        }
        return one;
    }
}
