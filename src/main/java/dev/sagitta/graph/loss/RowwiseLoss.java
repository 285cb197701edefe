package dev.sagitta.graph.loss;

import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.loss.RowLoss;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
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
public record RowwiseLoss(RowLoss.Kind kind) implements LossOfTargets {
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
    public Shape targetShape(Shape output) {
        if (output.rank() < 1) {
            throw new IllegalArgumentException(
                    type() + ": the network's output is a scalar, expected rows along the last axis");
        }
        return output;
    }

    @Override
    public long workspaceBytes(Value output, int probes) {
        return RowLoss.workspaceBytes(output.elements() / output.shape().extent(-1), probes);
    }

    @Override
    public Preparable forward(Tensor y, Tensor target, Tensor workspace, Tensor loss) {
        return new RowLoss.Forward(kind, y, target, workspace, loss, true);
    }

    @Override
    public Preparable forwardBackward(Tensor y, Tensor target, Tensor workspace, Tensor loss, Tensor gradient) {
        return new RowLoss.ForwardBackward(kind, y, target, workspace, gradient, loss);
    }

    @Override
    public Preparable tangentBackward(Tensor y, Tensor target, Tensor tangent, Tensor out) {
        return new RowLoss.TangentBackward(kind, y, target, tangent, out);
    }

    @Override
    public Preparable curvature(Tensor y, Tensor target, Tensor tangent, Tensor workspace, Tensor out) {
        return new RowLoss.Curvature(kind, y, target, tangent, workspace, out);
    }

    @Override
    public Preparable metrics(Tensor y, Tensor target, Tensor workspace, Tensor metrics) {
        return new RowLoss.Forward(kind, y, target, workspace, metrics, false);
    }
}
