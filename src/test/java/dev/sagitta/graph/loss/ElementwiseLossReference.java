package dev.sagitta.graph.loss;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.LossReference;
import dev.sagitta.tensor.Shape;

/** Mean over all elements of mse, l1, huber or bce_with_logits. */
public final class ElementwiseLossReference implements LossReference {
    @Override
    public Jet value(Loss loss, Jet[] output, Shape shape, double[] target) {
        ElementwiseLoss of = (ElementwiseLoss) loss;
        Jet[] terms = new Jet[output.length];
        for (int i = 0; i < terms.length; i++) {
            terms[i] = element(of, output[i], target[i]);
        }
        return terms.length == 0 ? Jet.of(0) : Jet.sum(terms).times(1.0 / terms.length);
    }

    /** Of one output and its target. */
    public static Jet element(ElementwiseLoss loss, Jet y, double t) {
        Jet d = y.plus(-t);
        Jet a = d.v() == 0 ? d.times(0) : d.times(Math.signum(d.v()));
        return switch (loss.kind()) {
            case MSE -> d.times(d);
            case L1 -> a;
            case HUBER ->
                a.v() <= loss.delta()
                        ? d.times(d).times(0.5)
                        : a.plus(-0.5 * loss.delta()).times(loss.delta());
            case BCE_WITH_LOGITS -> {
                // -t log s(y) - (1 - t) log s(-y)
                Jet positive = y.sigmoid().log().times(-t);
                yield positive.plus(y.times(-1).sigmoid().log().times(t - 1));
            }
        };
    }
}
