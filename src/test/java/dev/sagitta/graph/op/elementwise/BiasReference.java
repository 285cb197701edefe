package dev.sagitta.graph.op.elementwise;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.graph.Parameter;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** y = x + b along the last axis. */
public final class BiasReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'bias'}", Shape.of(1)).batch(1),
                Sample.of("{'type':'bias'}", Shape.of(3, 7)),
                Sample.of("{'type':'bias'}", Shape.of(33, 1021)).timed());
    }

    @Override
    public List<Refusal> refusals() {
        Bias bias = new Bias(Parameter.vector("op.bias", Shape.of(5), Parameter.Init.ZEROS));
        return List.of(
                new Refusal(Sample.of(bias, Shape.of(3, 7)), "'op.bias'", "[3, 7]", "last axis 5"),
                new Refusal(Sample.of(bias, Shape.of()), "'op.bias'", "last axis 5"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Jet[] b = in[1];
        Jet[] y = new Jet[in[0].length];
        for (int i = 0; i < y.length; i++) {
            y[i] = in[0][i].plus(b[i % b.length]);
        }
        return new Jet[][] {y};
    }
}
