package dev.sagitta.program.compile;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Node;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Wire;
import dev.sagitta.graph.pass.Curvature;
import dev.sagitta.graph.pass.Kept;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.HashMap;
import java.util.Map;

/** Tangents of a node, beside its forward pass or in a pass of their own; and its curvature, which sees the same. */
final class TangentPass extends NodePass implements Tangent, Curvature {
    private final Map<String, Value> exact;
    private Value sum;
    /** Tangents of what forward made, by name. */
    private final Map<String, Value> made = new HashMap<>();

    /** @param exact what the forward pass has just made, if tangents run beside it; null in a pass of their own */
    TangentPass(Flow flow, Node node, Map<String, Value> exact) {
        super(flow, node, "tangent");
        this.exact = exact;
    }

    void run() {
        begin(true);
        node.op().tangent(this);
    }

    /** The K numbers of this node; null where its second derivative is zero. */
    Value curvature() {
        node.op().curvature(this);
        return sum;
    }

    @Override
    public Kept kept(Keep what) {
        requireDeclared(what);
        Kept kept = exact == null
                ? flow.keeping.read(node, what, readable, false)
                : flow.keeping.exact(node, what, exact, readable);
        if (!what.isMade()) {
            return kept;
        }
        return new Kept() {
            @Override
            public Value value() {
                return kept.value();
            }

            @Override
            public Value tangent() {
                return made.get(what.name());
            }
        };
    }

    @Override
    public Value keep(Keep own, DType dtype, Shape shape) {
        requireDeclared(own);
        Value value =
                flow.schedule.value(node.name() + "." + own.name() + ".tangent", dtype, shape, MemoryCategory.TANGENTS);
        made.put(own.name(), value);
        flow.keeping.madeTangent(node, own, value);
        return value;
    }

    @Override
    public Value tangentIn(int i) {
        return flow.tangents.get(node.inputs().get(i));
    }

    @Override
    public Value outputTangent(int i) {
        return flow.tangents.get(node.out(i));
    }

    @Override
    public Value tangentOf(Parameter p) {
        return p.isTrained() ? flow.program.vector(p) : null;
    }

    @Override
    public Value tangentOut(int i) {
        Wire wire = node.out(i);
        if (!wire.type().isDifferentiable()) {
            throw new IllegalStateException(
                    node.layer() + ": output " + i + " is " + wire.type() + ", which has no tangents");
        }
        return flow.tangents.computeIfAbsent(
                wire,
                key -> flow.schedule.value(
                        wire.name() + ".tangent", wire.dtype(), flow.shape(wire, true), MemoryCategory.TANGENTS));
    }

    @Override
    public void pass(int i, Value tangent) {
        flow.tangents.put(node.out(i), tangent.view(flow.shape(node.out(i), true)));
    }

    @Override
    public Value cotangent(int output) {
        return flow.cotangents.sum(node.out(output));
    }

    @Override
    public Value sum() {
        if (sum == null) {
            sum = flow.schedule.value(
                    "curvature.slot", DType.F32, Shape.of(flow.options.probes()), MemoryCategory.TANGENTS);
        }
        return sum;
    }
}
