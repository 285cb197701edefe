package dev.sagitta.graph.op.elementwise;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.kernel.Function;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** y = max(z, 0), the slope at 0 being 0. */
public final class ReluReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'relu'}", Shape.of(1)).batch(1),
                Sample.of("{'type':'relu'}", Shape.of(3, 7)),
                Sample.of("{'type':'relu'}", Shape.of(33, 1021)).timed());
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Jet[] y = new Jet[in[0].length];
        for (int i = 0; i < y.length; i++) {
            y[i] = ActivationReference.of(Function.RELU, in[0][i]);
        }
        return new Jet[][] {y};
    }
}
