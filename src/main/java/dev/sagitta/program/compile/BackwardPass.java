package dev.sagitta.program.compile;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Wire;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Kept;
import dev.sagitta.graph.pass.TangentBackward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.program.Computation;
import dev.sagitta.tensor.DType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Cotangents and gradients of a node, or their K tangents. */
final class BackwardPass extends NodePass implements TangentBackward {
    private final boolean primal;
    private final boolean tangents;
    /** Where gradients go that the op asked for, by parameter. */
    private final Map<String, Value> gradients = new LinkedHashMap<>();

    /**
     * @param primal whether the primal cotangents are known: not in Gauss-Newton products
     * @param tangents whether it is the tangents of cotangents that go to inputs and parameters
     */
    BackwardPass(Flow flow, Node node, boolean primal, boolean tangents) {
        super(flow, node, tangents ? "tangentBackward" : "backward");
        this.primal = primal;
        this.tangents = tangents;
    }

    void run() {
        begin(true);
        int before = flow.schedule.tasks().size();
        if (tangents) {
            node.op().tangentBackward(this);
        } else {
            node.op().backward(this);
        }
        List<Schedule.Task> mine =
                flow.schedule.tasks().subList(before, flow.schedule.tasks().size());
        gradients.forEach((parameter, value) -> {
            if (mine.stream()
                    .anyMatch(task -> task.writes().stream().anyMatch(written -> written.root() == value.root()))) {
                flow.written.add(parameter);
            }
        });
    }

    private Flow.Contributions contributions() {
        return tangents ? flow.cotangentTangents : flow.cotangents;
    }

    @Override
    public Kept kept(Keep what) {
        requireDeclared(what);
        return flow.keeping.read(node, what, readable, tangents);
    }

    @Override
    public Value cotangent(int output) {
        return primal ? flow.cotangents.sum(node.out(output)) : null;
    }

    @Override
    public Value cotangentTangent(int output) {
        return flow.cotangentTangents.sum(node.out(output));
    }

    @Override
    public boolean wants(int input) {
        return flow.trained.input(node, input);
    }

    @Override
    public Value cotangentOf(int input) {
        if (!wants(input)) {
            return null;
        }
        Wire wire = node.inputs().get(input);
        Value value = flow.schedule.value(
                node.name() + ".input" + input + (tangents ? ".cotangent.tangent" : ".cotangent"),
                DType.F32,
                flow.shape(wire, tangents),
                tangents ? MemoryCategory.TANGENTS : MemoryCategory.WORKSPACE);
        contributions().send(wire, value);
        return value;
    }

    @Override
    public void send(int input, Value value) {
        if (wants(input) && value != null) {
            Wire wire = node.inputs().get(input);
            contributions().send(wire, value.view(flow.shape(wire, tangents)));
        }
    }

    @Override
    public Value tangentOf(Parameter p) {
        return p.isTrained() ? flow.program.vector(p) : null;
    }

    @Override
    public Backward.Gradient gradient(Parameter p) {
        if (!p.isTrained()) {
            return null;
        }
        boolean wanted = tangents
                ? flow.computation == Computation.HESSIAN_VECTOR || flow.computation == Computation.GAUSS_NEWTON_VECTOR
                : flow.computation.isGradient();
        if (!wanted) {
            return null;
        }
        Value value = tangents ? flow.program.product(p) : flow.program.gradient(p);
        gradients.put(p.name(), value);
        return new Gradient(value, flow.written.contains(p.name()));
    }
}
