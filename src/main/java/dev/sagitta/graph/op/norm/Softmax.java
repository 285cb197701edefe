package dev.sagitta.graph.op.norm;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.ArrayType;
import dev.sagitta.graph.Keep;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.OpType;
import dev.sagitta.graph.pass.Backward;
import dev.sagitta.graph.pass.Curvature;
import dev.sagitta.graph.pass.Forward;
import dev.sagitta.graph.pass.Tangent;
import dev.sagitta.graph.pass.TangentBackward;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** Shares of the exponentials over the last axis, or their logarithms. All derivatives follow from the result, which is kept exactly. */
public record Softmax(boolean logarithm) implements Op {
    public static final OpType TYPE =
            OpType.of("softmax", 1, "y = exp(x) / sum exp(x) over the last axis", m -> new Softmax(false));
    public static final OpType LOG_TYPE =
            OpType.of("log_softmax", 1, "y = x - log sum exp(x) over the last axis", m -> new Softmax(true));

    private static final Keep Y = Keep.output(0).exact();

    @Override
    public String type() {
        return logarithm ? "log_softmax" : "softmax";
    }

    @Override
    public List<ArrayType> outputs(List<ArrayType> inputs) {
        Shape x = inputs.get(0).shape();
        if (x.rank() < 1) {
            throw new IllegalArgumentException(type() + ": the input is a scalar, expected [..., columns]");
        }
        return List.of(inputs.get(0));
    }

    @Override
    public List<Keep> keeps() {
        return List.of(Y);
    }

    @Override
    public void forward(Forward f) {
        Value x = f.in(0);
        Value y = f.out(0);
        f.emit(
                "forward",
                values(x),
                values(y),
                t -> new dev.sagitta.kernel.norm.Softmax.Forward(t.tensor(x), t.tensor(y), logarithm));
    }

    @Override
    public void backward(Backward b) {
        cotangents(b, "", b.cotangent(0));
    }

    private void cotangents(Backward b, String suffix, Value dy) {
        Value dx = b.cotangentOf(0);
        if (dx == null) {
            return;
        }
        Value y = b.kept(Y).value();
        b.emit(
                "input.cotangent" + suffix,
                values(y, dy),
                values(dx),
                t -> new dev.sagitta.kernel.norm.Softmax.Backward(t.tensor(y), t.tensor(dy), t.tensor(dx), logarithm));
    }

    @Override
    public void tangent(Tangent t) {
        Value xt = t.tangentIn(0);
        if (xt == null) {
            return;
        }
        Value y = t.kept(Y).value();
        Value yt = t.tangentOut(0);
        t.emit(
                "tangent",
                values(y, xt),
                values(yt),
                to -> new dev.sagitta.kernel.norm.Softmax.Tangent(
                        to.tensor(y), to.tensor(xt), to.tensor(yt), logarithm));
    }

    @Override
    public void tangentBackward(TangentBackward b) {
        Value dy = b.cotangent(0);
        Value dyt = b.cotangentTangent(0);
        Value yt = dy == null ? null : b.kept(Y).tangent();
        if (yt == null) {
            if (dyt != null) {
                cotangents(b, ".tangent", dyt);
            }
            return;
        }
        Value dxt = b.cotangentOf(0);
        if (dxt == null) {
            return;
        }
        Value y = b.kept(Y).value();
        b.emit(
                "input.cotangent.tangent",
                values(y, yt, dy, dyt),
                values(dxt),
                t -> new dev.sagitta.kernel.norm.Softmax.TangentBackward(
                        t.tensor(y), t.tensor(yt), t.tensor(dy), t.tensor(dyt), t.tensor(dxt), logarithm));
    }

    @Override
    public void curvature(Curvature c) {
        Value xt = c.tangentIn(0);
        Value dy = c.cotangent(0);
        if (xt == null || dy == null) {
            return;
        }
        Value y = c.kept(Y).value();
        Value sum = c.sum();
        long width = y.shape().extent(-1);
        Value partials = c.scratch(
                "curvature.partials",
                dev.sagitta.kernel.norm.Softmax.partials(
                        c.emitter().device(), y.elements() / width, width, c.probes()));
        c.emit(
                "curvature",
                values(y, xt, dy),
                values(sum, partials),
                t -> new dev.sagitta.kernel.norm.Softmax.Curvature(
                        t.tensor(y), t.tensor(xt), t.tensor(dy), t.tensor(sum), t.tensor(partials), logarithm));
    }
}
