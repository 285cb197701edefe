package dev.sagitta.graph.op.elementwise;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpContext;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Sums;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.elementwise.Arithmetic;
import dev.sagitta.kernel.elementwise.BiasAdd;
import dev.sagitta.kernel.elementwise.Zero;
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
        Value rows = byProbe(out, probes);
        Value source = x == null ? null : byProbe(x, probes);
        e.emit(
                label,
                values(x, b),
                values(out),
                t -> Preparable.sequence(
                        source == null
                                ? new Zero(t.tensor(rows))
                                : Arithmetic.scale(1, t.tensor(source), t.tensor(rows)),
                        new BiasAdd(t.tensor(rows), t.tensor(b))));
        return out;
    }

    private Value byProbe(Value v, int probes) {
        return v.view(probes, v.elements() / probes / features(), features());
    }

    private void columnSums(Emitter e, OpContext c, String name, Value dy, int probes, Value db) {
        Sums.columns(
                e, name + ".gradient", byProbe(dy, probes), db, c.accumulates().apply(bias));
    }
}
