package dev.sagitta.graph.loss;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.LossReference;

/** mean (y - t)^2. */
public final class MeanSquaredErrorReference implements LossReference {
    @Override
    public Jet loss(Loss loss, int batch, Jet[] y, int[] labels, double[] targets) {
        Jet sum = Jet.of(0);
        for (int i = 0; i < y.length; i++) {
            Jet difference = y[i].minus(Jet.of(targets[i]));
            sum = sum.plus(difference.times(difference));
        }
        return sum.times(1.0 / y.length);
    }
}
