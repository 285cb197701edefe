package dev.sagitta.program.compile;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Wire;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

final class ForwardPass extends NodePass implements Forward {
    private final boolean tangentsBeside;
    private final Map<String, Value> made = new LinkedHashMap<>();

    /** @param tangentsBeside whether the node's tangents are computed right behind it */
    ForwardPass(Flow flow, Node node, boolean tangentsBeside) {
        super(flow, node, "forward");
        this.tangentsBeside = tangentsBeside;
    }

    /** Emits the node. */
    void run() {
        List<Schedule.Task> tasks = flow.schedule.tasks();
        int before = tasks.size();
        begin(false);
        node.op().forward(this);
        for (Schedule.Task task : tasks.subList(before, tasks.size())) {
            task.writes().stream()
                    .filter(value -> !value.isPersistent())
                    .forEach(value -> flow.forwardOnly.add(value.root()));
        }
        for (int i = 0; i < node.outputs().size(); i++) {
            if (!flow.values.containsKey(node.out(i))) {
                throw new IllegalStateException(node.layer() + ": forward gives no output " + i);
            }
            flow.options.observer().value(flow.schedule, node.out(i), flow.values.get(node.out(i)));
        }
    }

    /** What forward made for later passes, by name. */
    Map<String, Value> made() {
        return made;
    }

    @Override
    public Value in(int i) {
        return flow.values.get(node.inputs().get(i));
    }

    @Override
    public Value out(int i) {
        Wire wire = node.out(i);
        return flow.values.computeIfAbsent(
                wire,
                key -> flow.schedule.value(
                        wire.name(), wire.dtype(), flow.shape(wire, false), MemoryCategory.WORKSPACE));
    }

    @Override
    public void pass(int i, Value view) {
        if (node.op().passes(i, training()) < 0) {
            throw new IllegalStateException(node.layer() + ": output " + i + " is a view, which passes() does not say");
        }
        flow.values.put(node.out(i), view.view(flow.shape(node.out(i), false)));
    }

    @Override
    public Value keep(Keep own, DType dtype, Shape shape) {
        requireDeclared(own);
        KeptValue kept = flow.keeping.of(node, own);
        if (kept == null && !tangentsBeside) {
            return null;
        }
        Value value = flow.schedule.value(node.name() + "." + own.name(), dtype, shape, MemoryCategory.WORKSPACE);
        made.put(own.name(), value);
        if (kept != null) {
            flow.keeping.made(kept, value);
        }
        return value;
    }

    @Override
    public Value update(Parameter state) {
        if (state.use() != Parameter.Use.STATE) {
            throw new IllegalStateException(node.layer() + ": parameter '" + state.name() + "' is " + state.use()
                    + ", and only STATE is written by a forward pass");
        }
        return training() && flow.computation.isGradient() ? flow.program.parameter(state) : null;
    }
}
