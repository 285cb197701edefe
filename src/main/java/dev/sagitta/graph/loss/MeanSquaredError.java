package dev.sagitta.graph.loss;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.loss.SquaredError;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** Mean over all elements of (y - target)^2; H_loss u = 2 u / n. */
public record MeanSquaredError() implements Loss {
    static final LossType TYPE =
            new LossType("mse", List.of(), m -> new MeanSquaredError(), "mean of (y - t)^2 over all outputs");

    @Override
    public String type() {
        return "mse";
    }

    @Override
    public DType targetType() {
        return DType.F32;
    }

    @Override
    public Shape targetShape(Shape output) {
        return output;
    }

    @Override
    public void forward(Emitter e, LossContext c, Value loss, Value cotangent) {
        Value workspace = workspace(e, c, 1);
        e.emit(
                "loss",
                values(c.output(), c.target()),
                values(loss, cotangent, workspace),
                t -> cotangent == null
                        ? SquaredError.forward(
                                t.tensor(c.output()), t.tensor(c.target()), t.tensor(workspace), t.tensor(loss))
                        : SquaredError.forwardBackward(
                                t.tensor(c.output()),
                                t.tensor(c.target()),
                                t.tensor(workspace),
                                t.tensor(loss),
                                t.tensor(cotangent)));
    }

    @Override
    public void hessianVector(Emitter e, LossContext c, Value tangent, Value out) {
        e.emit(
                "loss.hessian",
                values(tangent),
                values(out),
                t -> SquaredError.tangentBackward(t.tensor(tangent), t.tensor(out)));
    }

    @Override
    public void quadratic(Emitter e, LossContext c, Value tangent, Value out) {
        Value workspace = workspace(e, c, c.probes());
        e.emit(
                "loss.quadratic",
                values(tangent),
                values(out, workspace),
                t -> SquaredError.curvature(t.tensor(tangent), t.tensor(workspace), t.tensor(out)));
    }

    @Override
    public void metrics(Emitter e, LossContext c, Value metrics) {
        Value workspace = workspace(e, c, 1);
        e.emit(
                "metrics",
                values(c.output(), c.target()),
                values(metrics, workspace),
                t -> SquaredError.metrics(
                        t.tensor(c.output()), t.tensor(c.target()), t.tensor(workspace), t.tensor(metrics)));
    }

    private static Value workspace(Emitter e, LossContext c, int probes) {
        return e.workspace("loss", SquaredError.workspaceBytes(c.output().elements(), probes));
    }
}
