package dev.sagitta.program.compile;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.RandomNames;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Pass;
import dev.sagitta.graph.pass.Value;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/** What every mode shows of its node. */
abstract class NodePass implements Pass {
    final Flow flow;
    final Node node;
    private final String mode;
    /** Roots of the forward pass that were given out by {@code kept}. */
    final Set<Value> readable = Collections.newSetFromMap(new IdentityHashMap<>());

    NodePass(Flow flow, Node node, String mode) {
        this.flow = flow;
        this.node = node;
        this.mode = mode;
    }

    /** The tasks that follow are this pass's, which reads nothing of the forward pass but what was kept for it. */
    final void begin(boolean afterForward) {
        flow.schedule.emitter(
                node.layer(),
                value -> afterForward && flow.forwardOnly.contains(value.root()) && !readable.contains(value.root()));
    }

    final void requireDeclared(Keep keep) {
        if (!node.op().keeps().contains(keep)) {
            String declared =
                    String.join(", ", node.op().keeps().stream().map(Keep::name).toList());
            throw new IllegalStateException(node.op().type() + " '" + node.name() + "': " + mode + " reads '"
                    + keep.name() + "', which keeps() does not declare; declared: "
                    + (declared.isEmpty() ? "nothing" : declared));
        }
    }

    @Override
    public final String name() {
        return node.name();
    }

    @Override
    public final int batch() {
        return flow.options.batch();
    }

    @Override
    public final int probes() {
        return flow.options.probes();
    }

    @Override
    public final boolean training() {
        return flow.options.training();
    }

    @Override
    public final boolean batchStatistics() {
        return flow.options.usesBatchStatistics();
    }

    @Override
    public final int inputs() {
        return node.inputs().size();
    }

    @Override
    public final ArrayType input(int i) {
        return node.inputs().get(i).type();
    }

    @Override
    public final ArrayType output(int i) {
        return node.outputs().get(i);
    }

    @Override
    public final Value parameter(Parameter p) {
        return flow.program.parameter(p);
    }

    @Override
    public final Value random() {
        return flow.program.random();
    }

    @Override
    public final int stream() {
        return RandomNames.stream(RandomNames.Use.OP, node.name());
    }

    @Override
    public final Emitter emitter() {
        return flow.schedule;
    }
}
