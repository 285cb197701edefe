package dev.sagitta.program.compile;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.pass.Sums;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.program.Computation;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Predicate;

/** The passes over the nodes of a graph, forwards and backwards; the loss is an {@link Ending}'s. */
final class Passes {
    private final Flow flow;
    private final Graph graph;

    Passes(Flow flow) {
        this.flow = flow;
        this.graph = flow.graph;
    }

    /**
     * Inputs have their values already.
     *
     * @param tangents whether each node's tangents are computed right behind it
     */
    void forward(boolean tangents) {
        for (Node node : graph.nodes()) {
            if (!node.isInput()) {
                ForwardPass pass = new ForwardPass(flow, node, tangents);
                pass.run();
                if (tangents && flow.trained.at(node)) {
                    new TangentPass(flow, node, pass.made()).run();
                }
            }
            flow.keeping.after(node);
        }
    }

    /** Cotangents of all that lies between nodes, from those that the output was sent; inputs get none, and parameters no gradients. */
    void cotangents() {
        backward(true, false, node -> node.inputs().stream()
                .allMatch(input -> input.node().isInput()));
    }

    /** From the cotangents that the output was sent. */
    void backward(boolean primal, boolean probes) {
        backward(primal, probes, node -> false);
    }

    private void backward(boolean primal, boolean probes, Predicate<Node> without) {
        List<Node> reversed = new ArrayList<>(graph.nodes());
        Collections.reverse(reversed);
        for (Node node : reversed) {
            if (node.isInput() || !flow.trained.at(node) || without.test(node)) {
                continue;
            }
            if (!flow.cotangents.any(node) && !flow.cotangentTangents.any(node)) {
                continue; // feeds nothing that the loss sees
            }
            // tangents first: they read what the gradients of this node read, while it is in the cache
            if (probes) {
                new BackwardPass(flow, node, primal, true).run();
            }
            if (primal) {
                new BackwardPass(flow, node, true, false).run();
            }
            if (flow.computation == Computation.MEASURED_GRADIENT) {
                flow.keeping.observe(node);
            }
            if (primal) {
                flow.options.observer().backward(flow.schedule, node, flow.cotangents.sum(node.out()));
            }
        }
    }

    /**
     * Tangents forward, each against the cotangents that a backward pass left.
     *
     * @return the K numbers that the second derivatives of the nodes add up to; null for zero
     */
    Value curvature() {
        flow.keeping.nextPass();
        Value total = null;
        for (Node node : graph.nodes()) {
            if (node.isInput() || !flow.trained.at(node)) {
                continue;
            }
            TangentPass pass = new TangentPass(flow, node, null);
            pass.run();
            if (flow.cotangents.any(node)) {
                total = plus(flow, total, pass.curvature());
            }
        }
        return total;
    }

    /** @throws IllegalArgumentException if nothing that is trained has a say in the output */
    Value outputTangent() {
        Value tangent = flow.tangents.get(graph.output());
        if (tangent == null) {
            throw new IllegalArgumentException("the network's output '"
                    + graph.output().name() + "' does not depend on any trained parameter: it has no curvature");
        }
        return tangent;
    }

    /** The sum of two lists of K numbers; null for zero. */
    static Value plus(Flow flow, Value total, Value term) {
        if (total == null || term == null) {
            return total == null ? term : total;
        }
        return Sums.add(flow.schedule, "curvature.sum", total, term, slot(flow));
    }

    /** K numbers. */
    static Value slot(Flow flow) {
        return flow.schedule.value(
                "curvature.slot", DType.F32, Shape.of(flow.options.probes()), MemoryCategory.TANGENTS);
    }
}
