package dev.sagitta.graph.loss;

import static dev.sagitta.graph.pass.Emitter.values;

import dev.sagitta.graph.Field;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;
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
public record CrossEntropy(int ignoreIndex, float smoothing) implements Loss {
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
        e.emit(
                "loss",
                values(c.output(), labels),
                values(loss, cotangent, workspace),
                t -> cotangent == null
                        ? dev.sagitta.kernel.loss.CrossEntropy.forward(
                                        t.tensor(logits),
                                        t.tensor(labels),
                                        ignoreIndex,
                                        t.tensor(workspace),
                                        t.tensor(loss))
                                .withSmoothing(smoothing)
                        : dev.sagitta.kernel.loss.CrossEntropy.forwardBackward(
                                        t.tensor(logits),
                                        t.tensor(labels),
                                        ignoreIndex,
                                        t.tensor(workspace),
                                        t.tensor(loss),
                                        t.tensor(gradient))
                                .withSmoothing(smoothing));
    }

    @Override
    public void hessianVector(Emitter e, LossContext c, Value tangent, Value out) {
        Value logits = rows(c, c.output());
        Value labels = labels(c);
        Value in = probes(c, tangent);
        Value result = probes(c, out);
        Value workspace = workspace(e, c, c.probes());
        e.emit(
                "loss.hessian",
                values(c.output(), labels, tangent),
                values(out, workspace),
                t -> dev.sagitta.kernel.loss.CrossEntropy.tangentBackward(
                        t.tensor(logits),
                        t.tensor(labels),
                        ignoreIndex,
                        t.tensor(in),
                        t.tensor(workspace),
                        t.tensor(result)));
    }

    @Override
    public void quadratic(Emitter e, LossContext c, Value tangent, Value out) {
        Value logits = rows(c, c.output());
        Value labels = labels(c);
        Value in = probes(c, tangent);
        Value workspace = workspace(e, c, c.probes());
        e.emit(
                "loss.quadratic",
                values(c.output(), labels, tangent),
                values(out, workspace),
                t -> dev.sagitta.kernel.loss.CrossEntropy.curvature(
                        t.tensor(logits),
                        t.tensor(labels),
                        ignoreIndex,
                        t.tensor(in),
                        t.tensor(workspace),
                        t.tensor(out)));
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

    private static Value workspace(Emitter e, LossContext c, int probes) {
        return e.workspace(
                "loss",
                dev.sagitta.kernel.loss.CrossEntropy.workspaceBytes(c.target().elements(), probes));
    }
}
