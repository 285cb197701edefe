package dev.sagitta.graph.op;

import static dev.sagitta.graph.Emitter.values;

import dev.sagitta.graph.Emitter;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpContext;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.Value;
import dev.sagitta.kernel.BiasAdd;
import dev.sagitta.kernel.BiasGradient;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** y = x + b along the last axis. Linear in both, so cotangents pass through and second derivatives are zero. */
public record Bias(Parameter bias) implements Op {

    @Override
    public String type() {
        return "bias";
    }

    @Override
    public Shape outputShape(List<Shape> inputs) {
        Shape x = inputs.get(0);
        if (x.rank() < 1 || x.extent(-1) != features()) {
            throw new IllegalArgumentException(
                    "bias '" + bias.name() + "': input has shape " + x + ", expected last axis " + features());
        }
        return x;
    }

    private long features() {
        return bias.shape().extent(0);
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(bias);
    }

    @Override
    public Value forward(Emitter e, OpContext c) {
        return plus(e, c.name() + ".forward", c.input(), c.parameter().apply(bias), 1, c.newOutput(e));
    }

    @Override
    public Value[] backward(Emitter e, OpContext c) {
        columnSums(e, c, c.name(), c.cotangent(), 1, c.gradient().apply(bias));
        return new Value[] {c.wantsInput().get(0) ? c.cotangent() : null};
    }

    @Override
    public Value tangent(Emitter e, OpContext c) {
        return plus(
                e, c.name() + ".tangent", c.tangent(), c.parameterTangent().apply(bias), c.probes(), c.newTangent(e));
    }

    @Override
    public Value[] tangentBackward(Emitter e, OpContext c) {
        columnSums(
                e,
                c,
                c.name() + ".tangent",
                c.cotangentTangent(),
                c.probes(),
                c.gradientTangent().apply(bias));
        return new Value[] {c.wantsInput().get(0) ? c.cotangentTangent() : null};
    }

    /** out[k] = x[k] + b[k]; a null x is zero. */
    private Value plus(Emitter e, String label, Value x, Value b, int probes, Value out) {
        Value x3 = x == null ? null : x.view(probes, x.elements() / probes / features(), features());
        Value y3 = out.view(probes, out.elements() / probes / features(), features());
        e.emit(label, values(x, b), values(out), t -> BiasAdd.of(t.tensor(x3), t.tensor(b), t.tensor(y3)));
        return out;
    }

    private void columnSums(Emitter e, OpContext c, String name, Value dy, int probes, Value db) {
        if (db != null) {
            Value rows = dy.view(probes, dy.elements() / probes / features(), features());
            boolean add = c.accumulates().apply(bias);
            Value workspace = e.workspace(name + ".bias", BiasGradient.workspaceBytes(rows.shape()));
            e.emit(
                    name + ".gradient",
                    values(dy),
                    values(db, workspace),
                    t -> BiasGradient.of(t.tensor(rows), t.tensor(db), t.tensor(workspace), add));
        }
    }
}
