package dev.sagitta.program.compile;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Graph;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.loss.Loss;
import dev.sagitta.graph.pass.Sums;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.SavedStore;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Emits the passes of one computation over a graph.
 *
 * <pre>
 * gradient    forward                 loss    backward
 * Hv          forward | tangent       loss    backward | tangentBackward
 * Gv          forward | tangent       loss               tangentBackward
 * v'Hv        forward                 loss    backward (cotangents only), then tangent | curvature
 * v'Gv        forward | tangent       loss
 * </pre>
 *
 * "a | b" run node by node together, so that each primal value is read while it is there: tangents see the exact activations, and only
 * what {@link KeepPlan} lists is kept.
 */
public final class NetworkCompiler {
    private final Flow flow;
    private final Graph graph;
    private final Computation computation;
    private final ProgramValues program;
    private final Schedule e;

    public NetworkCompiler(
            Graph graph, ProgramOptions options, ProgramValues program, Computation computation, Schedule e) {
        this.flow = new Flow(graph, options, program, computation, e);
        this.graph = graph;
        this.computation = computation;
        this.program = program;
        this.e = e;
    }

    /** Of all sign masks that are kept. */
    public long maskBytes() {
        return flow.keeping.maskBytes();
    }

    /** What is kept, in the order of the network. */
    public List<KeptValue> plan() {
        return flow.keeping.plan();
    }

    /** What a policy had a say in, in the order of the network. */
    public List<SavedStore.SavedTensor> saved() {
        return flow.keeping.saved();
    }

    public void compile() {
        forward();
        Loss.LossContext loss = lossContext();
        e.emitter("loss", value -> false);
        switch (computation) {
            case PREDICT -> copy("output", flow.values.get(graph.output()), program.output());
            case EVALUATE -> graph.loss().metrics(e, loss, program.metrics());
            case GRADIENT -> {
                seedCotangent(loss);
                backward(true, false);
            }
            case HESSIAN_VECTOR -> {
                seedCotangent(loss);
                seedCotangentTangent(loss);
                backward(true, true);
            }
            case GAUSS_NEWTON_VECTOR -> {
                seedCotangentTangent(loss);
                backward(false, true);
            }
            case HESSIAN_QUADRATIC -> {
                seedCotangent(loss);
                backward(true, false);
                curvature(loss);
            }
            case GAUSS_NEWTON_QUADRATIC -> graph.loss().quadratic(e, loss, outputTangent(), program.quadratic());
        }
    }

    private void forward() {
        boolean lockstep = computation.usesProbes() && computation != Computation.HESSIAN_QUADRATIC;
        for (Node node : graph.nodes()) {
            if (node.isInput()) {
                flow.values.put(node.out(), program.input(node));
            } else {
                ForwardPass pass = new ForwardPass(flow, node, lockstep);
                pass.run();
                if (lockstep && flow.trained.at(node)) {
                    new TangentPass(flow, node, pass.made()).run();
                }
            }
            flow.keeping.after(node);
        }
    }

    // ---- loss ----

    private Loss.LossContext lossContext() {
        return new Loss.LossContext(
                flow.options.batch(),
                flow.options.probes(),
                graph.output().shape(),
                flow.values.get(graph.output()),
                program.target());
    }

    private void seedCotangent(Loss.LossContext loss) {
        Value cotangent = e.value("loss.cotangent", DType.F32, loss.output().shape(), MemoryCategory.WORKSPACE);
        graph.loss().forward(e, loss, program.loss(), cotangent);
        flow.cotangents.send(graph.output(), cotangent);
    }

    private void seedCotangentTangent(Loss.LossContext loss) {
        Value tangent = outputTangent();
        Value out = e.value("loss.cotangent.tangent", DType.F32, tangent.shape(), MemoryCategory.TANGENTS);
        graph.loss().hessianVector(e, loss, tangent, out);
        flow.cotangentTangents.send(graph.output(), out);
    }

    private Value outputTangent() {
        Value tangent = flow.tangents.get(graph.output());
        if (tangent == null) {
            throw new IllegalArgumentException("the network's output '"
                    + graph.output().name() + "' does not depend on any trained parameter: it has no curvature");
        }
        return tangent;
    }

    // ---- backward ----

    private void backward(boolean primal, boolean probes) {
        List<Node> reversed = new ArrayList<>(graph.nodes());
        Collections.reverse(reversed);
        for (Node node : reversed) {
            if (!flow.trained.at(node)) {
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
            if (computation == Computation.GRADIENT) {
                flow.keeping.observe(node);
            }
            if (primal) {
                flow.options.observer().backward(e, node, flow.cotangents.sum(node.out()));
            }
        }
    }

    // ---- v'Hv: tangents forward against the cotangents of one backward pass ----

    private void curvature(Loss.LossContext loss) {
        flow.keeping.nextPass();
        Value total = null;
        for (Node node : graph.nodes()) {
            if (!flow.trained.at(node)) {
                continue;
            }
            TangentPass pass = new TangentPass(flow, node, null);
            pass.run();
            if (flow.cotangents.any(node)) {
                total = plus(total, pass.curvature());
            }
        }
        e.emitter("loss", value -> false);
        Value last = slot();
        int before = e.tasks().size();
        graph.loss().quadratic(e, loss, outputTangent(), last);
        for (Schedule.Task task : e.tasks().subList(before, e.tasks().size())) {
            // the output, if the loss reads it once more: it was kept that long
            task.reads().stream()
                    .filter(value -> flow.forwardOnly.contains(value.root()))
                    .forEach(Value::markSaved);
        }
        copy("curvature", plus(total, last), program.quadratic());
    }

    private Value plus(Value total, Value term) {
        if (total == null || term == null) {
            return total == null ? term : total;
        }
        return Sums.add(e, "curvature.sum", total, term, slot());
    }

    private Value slot() {
        return e.value("curvature.slot", DType.F32, Shape.of(flow.options.probes()), MemoryCategory.TANGENTS);
    }

    private void copy(String label, Value from, Value to) {
        e.emit(label, values(from), values(to), t -> Arithmetic.scale(1, t.tensor(from), t.tensor(to)));
    }
}
