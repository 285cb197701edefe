package dev.sagitta.graph.loss;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.loss.CosineDistance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * 1 - cosine of output and target along the last axis, mean over all other axes. Not convex in the output: Gauss-Newton products are those of
 * a matrix with eigenvalues of either sign. A row that is 0, of output or target, has loss 1 and derivatives 0.
 */
public record Cosine() implements Loss {
    static final LossType TYPE = new LossType(
            "cosine", List.of(), m -> new Cosine(), "mean of 1 - cosine of output and target along the last axis");

    @Override
    public String type() {
        return "cosine";
    }

    @Override
    public DType targetType() {
        return DType.F32;
    }

    @Override
    public Shape targetShape(Shape output) {
        if (output.rank() < 1) {
            throw new IllegalArgumentException(
                    "cosine: the network's output is a scalar, expected rows along the last axis");
        }
        return output;
    }

    @Override
    public void forward(Emitter e, LossContext c, Value loss, Value cotangent) {
        Value w = workspace(e, c, 1);
        e.emit(
                "loss",
                values(c.output(), c.target()),
                values(loss, cotangent, w),
                t -> cotangent == null
                        ? new CosineDistance.Forward(
                                t.tensor(c.output()), t.tensor(c.target()), t.tensor(w), t.tensor(loss), true)
                        : new CosineDistance.ForwardBackward(
                                t.tensor(c.output()),
                                t.tensor(c.target()),
                                t.tensor(w),
                                t.tensor(cotangent),
                                t.tensor(loss)));
    }

    @Override
    public void hessianVector(Emitter e, LossContext c, Value tangent, Value out) {
        e.emit(
                "loss.hessian",
                values(c.output(), c.target(), tangent),
                values(out),
                t -> new CosineDistance.TangentBackward(
                        t.tensor(c.output()), t.tensor(c.target()), t.tensor(tangent), t.tensor(out)));
    }

    @Override
    public void quadratic(Emitter e, LossContext c, Value tangent, Value out) {
        Value w = workspace(e, c, c.probes());
        e.emit(
                "loss.quadratic",
                values(c.output(), c.target(), tangent),
                values(out, w),
                t -> new CosineDistance.Curvature(
                        t.tensor(c.output()), t.tensor(c.target()), t.tensor(tangent), t.tensor(w), t.tensor(out)));
    }

    @Override
    public void metrics(Emitter e, LossContext c, Value metrics) {
        Value w = workspace(e, c, 1);
        e.emit(
                "metrics",
                values(c.output(), c.target()),
                values(metrics, w),
                t -> new CosineDistance.Forward(
                        t.tensor(c.output()), t.tensor(c.target()), t.tensor(w), t.tensor(metrics), false));
    }

    private static Value workspace(Emitter e, LossContext c, int probes) {
        long rows = c.output().elements() / c.outputShape().extent(-1);
        return e.workspace("loss", CosineDistance.workspaceBytes(rows, probes));
    }
}
