package dev.sagitta.graph.loss;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.LossReference;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** Mean of log(sum exp z) - z[label] over the rows that are not ignored; 0 where all are. */
public final class CrossEntropyReference implements LossReference {
    @Override
    public Jet value(Loss loss, Jet[] output, Shape shape, double[] target) {
        int ignored = ((CrossEntropy) loss).ignoreIndex();
        float smoothing = ((CrossEntropy) loss).smoothing();
        int classes = (int) shape.extent(-1);
        List<Jet> rows = new ArrayList<>();
        for (int r = 0; r < target.length; r++) {
            if (target[r] != ignored) {
                rows.add(row(output, r * classes, classes, (int) target[r], smoothing));
            }
        }
        return rows.isEmpty() ? Jet.of(0) : Jet.sum(rows.toArray(Jet[]::new)).times(1.0 / rows.size());
    }

    /** With e of the label's share spread over all classes. */
    public static Jet row(Jet[] z, int from, int classes, int label, double e) {
        Jet own = row(z, from, classes, label);
        if (e == 0 || label < 0 || label >= classes) {
            return own;
        }
        Jet[] gaps = new Jet[classes];
        for (int c = 0; c < classes; c++) {
            gaps[c] = z[from + label].minus(z[from + c]);
        }
        return own.plus(Jet.sum(gaps).times(e / classes));
    }

    /** The loss of one row of logits; NaN, and so are its derivatives, for a label out of range. */
    public static Jet row(Jet[] z, int from, int classes, int label) {
        double max = Double.NEGATIVE_INFINITY;
        for (int c = 0; c < classes; c++) {
            max = Math.max(max, z[from + c].v());
        }
        Jet[] e = new Jet[classes];
        for (int c = 0; c < classes; c++) {
            e[c] = z[from + c].plus(-max).exp();
        }
        Jet logSum = Jet.sum(e).log();
        // the largest is subtracted first: what is left is exact where the label is the largest
        return label >= 0 && label < classes ? logSum.minus(z[from + label].plus(-max)) : logSum.times(Double.NaN);
    }
}
