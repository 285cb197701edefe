package dev.sagitta.graph.loss;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.LossReference;
import dev.sagitta.tensor.Shape;

/** Mean over all elements of (y - target)^2. */
public final class MeanSquaredErrorReference implements LossReference {
    @Override
    public Jet value(Loss loss, Jet[] output, Shape shape, double[] target) {
        Jet[] error = new Jet[output.length];
        for (int i = 0; i < error.length; i++) {
            error[i] = output[i].plus(-target[i]);
        }
        return Jet.dot(error, 0, 1, error, 0, 1, error.length).times(1.0 / error.length);
    }
}
