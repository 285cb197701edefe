package dev.sagitta.graph.loss;

import dev.sagitta.graph.Field;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.loss.ElementLoss;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/**
 * Mean over all elements of a function of output and target. All are convex: H_loss is diagonal and never negative, so Gauss-Newton products
 * are those of a semidefinite matrix. That of mse is 2 / n; that of l1 is 0, and so is all of its Gauss-Newton matrix; that of huber is 0 where |y - t| &gt; delta.
 *
 * @param delta of {@link ElementLoss.Kind#HUBER}, 1 for the others
 */
public record ElementwiseLoss(ElementLoss.Kind kind, float delta) implements LossOfTargets {
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
    public long workspaceBytes(Value output, int probes) {
        return ElementLoss.workspaceBytes(output.elements(), probes);
    }

    @Override
    public Preparable forward(Tensor y, Tensor target, Tensor workspace, Tensor loss) {
        return new ElementLoss.Forward(kind, delta, y, target, workspace, loss);
    }

    @Override
    public Preparable forwardBackward(Tensor y, Tensor target, Tensor workspace, Tensor loss, Tensor gradient) {
        return new ElementLoss.ForwardBackward(kind, delta, y, target, workspace, loss, gradient);
    }

    @Override
    public Preparable tangentBackward(Tensor y, Tensor target, Tensor tangent, Tensor out) {
        return new ElementLoss.TangentBackward(kind, delta, y, target, tangent, out);
    }

    @Override
    public Preparable curvature(Tensor y, Tensor target, Tensor tangent, Tensor workspace, Tensor out) {
        return new ElementLoss.Curvature(kind, delta, y, target, tangent, workspace, out);
    }

    @Override
    public Preparable metrics(Tensor y, Tensor target, Tensor workspace, Tensor metrics) {
        return new ElementLoss.Metrics(kind, delta, y, target, workspace, metrics);
    }
}
