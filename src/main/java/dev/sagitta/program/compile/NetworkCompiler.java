package dev.sagitta.program.compile;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.Node;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.graph.rewrite.Rewrites;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.program.Computation;
import dev.sagitta.program.ProgramOptions;
import dev.sagitta.program.SavedStore;
import java.util.List;
import java.util.stream.Stream;

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
    private final Passes passes;
    private final Tail tail;
    private final List<Rewrites.Outcome> outcomes;
    private final Computation computation;
    private final ProgramValues program;

    public NetworkCompiler(
            Rewrites.Rewritten rewritten,
            ProgramOptions options,
            ProgramValues program,
            Computation computation,
            Schedule e) {
        Tail.Match match = Tail.of(rewritten.graph(), options, computation);
        this.outcomes = Stream.concat(rewritten.outcomes().stream(), match.outcomes().stream())
                .toList();
        this.tail = match.tail();
        this.flow = new Flow(tail == null ? rewritten.graph() : tail.trunk(), options, program, computation, e);
        this.passes = new Passes(flow);
        this.computation = computation;
        this.program = program;
    }

    /** What became of patterns, {@link Tail} the last. */
    public List<Rewrites.Outcome> outcomes() {
        return outcomes;
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
        for (Node input : flow.graph.inputs()) {
            flow.values.put(input.out(), program.input(input));
        }
        Computation c = computation;
        passes.forward(c.usesProbes() && c != Computation.HESSIAN_QUADRATIC);
        WholeLoss.Results results = new WholeLoss.Results(program.target(), null, program::loss, program::metrics);
        Ending ending = tail == null ? new WholeLoss(flow, passes, results) : new LossInParts(flow, tail, results);
        switch (c) {
            case PREDICT -> copy("output", flow.values.get(flow.graph.output()), program.output());
            case EVALUATE -> ending.metrics();
            case GRADIENT, MEASURED_GRADIENT -> {
                ending.gradient();
                passes.backward(true, false);
            }
            case HESSIAN_VECTOR -> {
                ending.hessianVector();
                passes.backward(true, true);
            }
            case GAUSS_NEWTON_VECTOR -> {
                ending.gaussNewtonVector();
                passes.backward(false, true);
            }
            case HESSIAN_QUADRATIC -> {
                ending.gradient();
                passes.backward(true, false);
                Value ofNodes = passes.curvature();
                copy("curvature", Passes.plus(flow, ofNodes, quadraticOf(ending)), program.quadratic());
            }
            case GAUSS_NEWTON_QUADRATIC -> copy("curvature", ending.quadratic(false), program.quadratic());
        }
    }

    /** The output, which the loss reads once more, was kept that long. */
    private Value quadraticOf(Ending ending) {
        int before = flow.schedule.tasks().size();
        Value quadratic = ending.quadratic(true);
        List<Schedule.Task> tasks = flow.schedule.tasks();
        for (Schedule.Task task : tasks.subList(before, tasks.size())) {
            task.reads().stream()
                    .filter(value -> flow.forwardOnly.contains(value.root()))
                    .forEach(Value::markSaved);
        }
        return quadratic;
    }

    private void copy(String label, Value from, Value to) {
        flow.schedule.emitter("loss", value -> false);
        flow.schedule.emit(label, values(from), values(to), t -> Arithmetic.scale(1, t.tensor(from), t.tensor(to)));
    }
}
