package dev.sagitta.graph.loss;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.loss.RowLoss;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * Mean over rows of a function of output and target along the last axis: f32 targets of the output's shape.
 *
 * <p>{@code cosine} is 1 - cosine. Not convex in the output: Gauss-Newton products are those of a matrix with eigenvalues of either sign. A
 * row that is 0, of output or target, has loss 1 and derivatives 0.
 *
 * <p>{@code kl} takes probabilities t as targets, as a teacher gives them, and the output as logits, p their softmax: the sum over a row of
 * t (log t - log p), 0 where t = 0. With S the sum of the row's targets, which need not be 1,
 *
 * <pre>
 * gradient S p - t        H_loss u = S (p u - p (p . u))        per row, divided by the number of rows
 * </pre>
 *
 * Convex in the output. The loss of targets that do not add up to 1 may be below 0, or above 0 where its gradient is not 0; it still
 * is least where p = t / S. A negative target makes the loss NaN. A softmax with a temperature is a {@code scale} layer at the end of the
 * network.
 */
public record RowwiseLoss(RowLoss.Kind kind) implements Loss {
    static final List<LossType> TYPES = List.of(
            type(RowLoss.Kind.COSINE, "mean of 1 - cosine of output and target along the last axis"),
            type(
                    RowLoss.Kind.KL,
                    "mean over rows of sum t (log t - log softmax(y)) along the last axis, targets t probabilities"));

    private static LossType type(RowLoss.Kind kind, String says) {
        return new LossType(kind.symbol(), List.of(), m -> new RowwiseLoss(kind), says);
    }

    @Override
    public String type() {
        return kind.symbol();
    }

    @Override
    public DType targetType() {
        return DType.F32;
    }

    @Override
    public Shape targetShape(Shape output) {
        if (output.rank() < 1) {
            throw new IllegalArgumentException(
                    type() + ": the network's output is a scalar, expected rows along the last axis");
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
                        ? new RowLoss.Forward(
                                kind, t.tensor(c.output()), t.tensor(c.target()), t.tensor(w), t.tensor(loss), true)
                        : new RowLoss.ForwardBackward(
                                kind,
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
                t -> new RowLoss.TangentBackward(
                        kind, t.tensor(c.output()), t.tensor(c.target()), t.tensor(tangent), t.tensor(out)));
    }

    @Override
    public void quadratic(Emitter e, LossContext c, Value tangent, Value out) {
        Value w = workspace(e, c, c.probes());
        e.emit(
                "loss.quadratic",
                values(c.output(), c.target(), tangent),
                values(out, w),
                t -> new RowLoss.Curvature(
                        kind,
                        t.tensor(c.output()),
                        t.tensor(c.target()),
                        t.tensor(tangent),
                        t.tensor(w),
                        t.tensor(out)));
    }

    @Override
    public void metrics(Emitter e, LossContext c, Value metrics) {
        Value w = workspace(e, c, 1);
        e.emit(
                "metrics",
                values(c.output(), c.target()),
                values(metrics, w),
                t -> new RowLoss.Forward(
                        kind, t.tensor(c.output()), t.tensor(c.target()), t.tensor(w), t.tensor(metrics), false));
    }

    private static Value workspace(Emitter e, LossContext c, int probes) {
        long rows = c.output().elements() / c.outputShape().extent(-1);
        return e.workspace("loss", RowLoss.workspaceBytes(rows, probes));
    }
}
