package dev.sagitta.graph.loss;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.Field;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.loss.ElementLoss;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * Mean over all elements of a function of output and target. All are convex: H_loss is diagonal and never negative, so Gauss-Newton products
 * are those of a semidefinite matrix. That of mse is 2 / n; that of l1 is 0, and so is all of its Gauss-Newton matrix; that of huber is 0 where |y - t| &gt; delta.
 *
 * @param delta of {@link ElementLoss.Kind#HUBER}, 1 for the others
 */
public record ElementwiseLoss(ElementLoss.Kind kind, float delta) implements Loss {
    private static final Field<Double> DELTA =
            Field.number("delta", 1.0, 1e-6, 1e6, "the error from which on the loss grows linearly");

    static final List<LossType> TYPES = List.of(
            new LossType("mse", List.of(), m -> meanSquaredError(), "mean of (y - t)^2 over all outputs"),
            new LossType(
                    "l1",
                    List.of(),
                    m -> new ElementwiseLoss(ElementLoss.Kind.L1, 1),
                    "mean of |y - t| over all outputs; its Hessian is 0"),
            new LossType(
                    "huber",
                    List.of(DELTA),
                    m -> new ElementwiseLoss(ElementLoss.Kind.HUBER, (float) (double) m.get(DELTA)),
                    "mean of d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), d = y - t"),
            new LossType(
                    "bce_with_logits",
                    List.of(),
                    m -> new ElementwiseLoss(ElementLoss.Kind.BCE_WITH_LOGITS, 1),
                    "mean of the binary cross-entropy of sigmoid(y) and targets in [0, 1]"));

    /** The mean of (y - t)^2. */
    public static ElementwiseLoss meanSquaredError() {
        return new ElementwiseLoss(ElementLoss.Kind.MSE, 1);
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
                        ? new ElementLoss.Forward(
                                kind, delta, t.tensor(c.output()), t.tensor(c.target()), t.tensor(w), t.tensor(loss))
                        : new ElementLoss.ForwardBackward(
                                kind,
                                delta,
                                t.tensor(c.output()),
                                t.tensor(c.target()),
                                t.tensor(w),
                                t.tensor(loss),
                                t.tensor(cotangent)));
    }

    @Override
    public void hessianVector(Emitter e, LossContext c, Value tangent, Value out) {
        e.emit(
                "loss.hessian",
                values(c.output(), c.target(), tangent),
                values(out),
                t -> new ElementLoss.TangentBackward(
                        kind, delta, t.tensor(c.output()), t.tensor(c.target()), t.tensor(tangent), t.tensor(out)));
    }

    @Override
    public void quadratic(Emitter e, LossContext c, Value tangent, Value out) {
        Value w = workspace(e, c, c.probes());
        e.emit(
                "loss.quadratic",
                values(c.output(), c.target(), tangent),
                values(out, w),
                t -> new ElementLoss.Curvature(
                        kind,
                        delta,
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
                t -> new ElementLoss.Metrics(
                        kind, delta, t.tensor(c.output()), t.tensor(c.target()), t.tensor(w), t.tensor(metrics)));
    }

    private static Value workspace(Emitter e, LossContext c, int probes) {
        return e.workspace("loss", ElementLoss.workspaceBytes(c.output().elements(), probes));
    }
}
