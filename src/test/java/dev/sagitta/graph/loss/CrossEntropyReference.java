package dev.sagitta.graph.loss;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.LossReference;

/** The mean over counted rows of log sum exp z - z[label]. */
public final class CrossEntropyReference implements LossReference {
    @Override
    public Jet loss(Loss loss, int batch, Jet[] y, int[] labels, double[] targets) {
        int classes = y.length / labels.length;
        int ignored = ((CrossEntropy) loss).ignoreIndex();
        Jet sum = Jet.of(0);
        int counted = 0;
        for (int row = 0; row < labels.length; row++) {
            if (labels[row] != ignored) {
                sum = sum.plus(logSumExp(y, row * classes, classes).minus(y[row * classes + labels[row]]));
                counted++;
            }
        }
        return sum.times(counted == 0 ? 0 : 1.0 / counted);
    }

    private static Jet logSumExp(Jet[] y, int from, int classes) {
        double largest = Double.NEGATIVE_INFINITY;
        for (int c = 0; c < classes; c++) {
            largest = Math.max(largest, y[from + c].value());
        }
        Jet sum = Jet.of(0);
        for (int c = 0; c < classes; c++) {
            sum = sum.plus(y[from + c].minus(Jet.of(largest)).exp());
        }
        return sum.log().plus(Jet.of(largest));
    }
}
