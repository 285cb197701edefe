package dev.sagitta.graph.loss;

import static dev.sagitta.graph.pass.Emitter.values;
import static dev.sagitta.kernel.loss.CrossEntropy.curvature;
import static dev.sagitta.kernel.loss.CrossEntropy.forwardBackward;
import static dev.sagitta.kernel.loss.CrossEntropy.tangentBackward;
import static dev.sagitta.kernel.loss.CrossEntropy.workspaceBytes;

import dev.sagitta.graph.Field;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
import dev.sagitta.kernel.loss.CrossEntropy.Curvature;
import dev.sagitta.kernel.loss.CrossEntropy.Forward;
import dev.sagitta.kernel.loss.CrossEntropy.ForwardBackward;
import dev.sagitta.kernel.loss.CrossEntropy.TangentBackward;
import dev.sagitta.kernel.loss.LabelCount;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.util.List;

/**
 * Softmax cross-entropy over the last axis, mean over the rows whose label is not {@code ignoreIndex}.
 *
 * <pre>
 * H_loss u = (p u - p (p . u)) / n     per row, p the softmax
 * </pre>
 *
 * <p>With {@code smoothing} e the loss of a row is (1 - e) of that of its label and e of the mean over all classes; H_loss is the same.
 *
 * @param smoothing 0 to below 1
 */
public record CrossEntropy(int ignoreIndex, float smoothing) implements LossByRows {
    private static final Field<Double> SMOOTHING = Field.number(
            "label_smoothing",
            0.0,
            0,
            0.999,
            "the share of the loss that is the mean over all classes, whatever the label");

    /** A label that the loss leaves out: PyTorch's convention. */
    public static final int IGNORED_LABEL = -100;

    static final LossType TYPE = new LossType(
            "cross_entropy",
            List.of(SMOOTHING),
            m -> new CrossEntropy(IGNORED_LABEL, (float) (double) m.get(SMOOTHING)),
            "mean of softmax cross-entropy over the labels that are not -100, one per example or position");

    public CrossEntropy(int ignoreIndex) {
        this(ignoreIndex, 0);
    }

    @Override
    public String type() {
        return "cross_entropy";
    }

    @Override
    public DType targetType() {
        return DType.I32;
    }

    @Override
    public boolean readsPixels() {
        return true;
    }

    @Override
    public Shape targetShape(Shape output) {
        if (output.rank() < 1) {
            throw new IllegalArgumentException(
                    "cross_entropy: the network's output is a scalar, expected classes along the last axis");
        }
        return Shape.of(java.util.Arrays.copyOf(output.toArray(), output.rank() - 1));
    }

    @Override
    public void forward(Emitter e, LossContext c, Value loss, Value cotangent) {
        Value logits = rows(c, c.output());
        Value labels = labels(c);
        Value workspace = workspace(e, c, 1);
        Value gradient = cotangent == null ? null : rows(c, cotangent);
        e.emit("loss", values(c.output(), labels, c.shared()), values(loss, cotangent, workspace), t -> {
            if (cotangent == null) {
                Forward forward = dev.sagitta.kernel.loss.CrossEntropy.forward(
                                t.tensor(logits), t.tensor(labels), ignoreIndex, t.tensor(workspace), t.tensor(loss))
                        .withSmoothing(smoothing);
                return c.shared() == null ? forward : forward.afterCount();
            }
            ForwardBackward both = forwardBackward(
                            t.tensor(logits),
                            t.tensor(labels),
                            ignoreIndex,
                            t.tensor(workspace),
                            t.tensor(loss),
                            t.tensor(gradient))
                    .withSmoothing(smoothing);
            return c.shared() == null ? both : both.afterCount();
        });
    }

    @Override
    public Value shared(Emitter e, Value target, int part, int probes) {
        Value labels = target.view(target.elements());
        Value count = e.workspace("loss.count", workspaceBytes(part, probes));
        e.emit(
                "loss.count",
                values(labels),
                values(count),
                t -> new LabelCount(t.tensor(labels), ignoreIndex, t.tensor(count)));
        return count;
    }

    @Override
    public void hessianVector(Emitter e, LossContext c, Value tangent, Value out) {
        Value logits = rows(c, c.output());
        Value labels = labels(c);
        Value in = probes(c, tangent);
        Value result = probes(c, out);
        Value workspace = workspace(e, c, c.probes());
        e.emit("loss.hessian", values(c.output(), labels, tangent, c.shared()), values(out, workspace), t -> {
            TangentBackward product = tangentBackward(
                    t.tensor(logits),
                    t.tensor(labels),
                    ignoreIndex,
                    t.tensor(in),
                    t.tensor(workspace),
                    t.tensor(result));
            return c.shared() == null ? product : product.afterCount();
        });
    }

    @Override
    public void quadratic(Emitter e, LossContext c, Value tangent, Value out) {
        Value logits = rows(c, c.output());
        Value labels = labels(c);
        Value in = probes(c, tangent);
        Value workspace = workspace(e, c, c.probes());
        e.emit("loss.quadratic", values(c.output(), labels, tangent, c.shared()), values(out, workspace), t -> {
            Curvature quadratic = curvature(
                    t.tensor(logits), t.tensor(labels), ignoreIndex, t.tensor(in), t.tensor(workspace), t.tensor(out));
            return c.shared() == null ? quadratic : quadratic.afterCount();
        });
    }

    @Override
    public void metrics(Emitter e, LossContext c, Value metrics) {
        Value logits = rows(c, c.output());
        Value labels = labels(c);
        Value workspace = workspace(e, c, 1);
        e.emit(
                "metrics",
                values(c.output(), labels),
                values(metrics, workspace),
                t -> dev.sagitta.kernel.loss.CrossEntropy.metrics(
                                t.tensor(logits),
                                t.tensor(labels),
                                ignoreIndex,
                                t.tensor(workspace),
                                t.tensor(metrics),
                                null)
                        .withSmoothing(smoothing));
    }

    private static long classes(LossContext c) {
        return c.outputShape().extent(-1);
    }

    private static Value rows(LossContext c, Value v) {
        return v.view(v.elements() / classes(c), classes(c));
    }

    private static Value labels(LossContext c) {
        return c.target().view(c.target().elements());
    }

    private static Value probes(LossContext c, Value v) {
        return v.view(c.probes(), v.elements() / c.probes() / classes(c), classes(c));
    }

    /** Of the kernels: what parts share begins with the number of counted rows of all. */
    private static Value workspace(Emitter e, LossContext c, int probes) {
        return c.shared() != null
                ? c.shared()
                : e.workspace("loss", workspaceBytes(c.target().elements(), probes));
    }
}
