package dev.sagitta.graph.op.elementwise;

import static dev.sagitta.fixture.Sample.shape;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.graph.Op;
import java.util.List;

/** y = max(x, 0). */
public final class ReluReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(Sample.of("{'type':'relu'}", 1, shape(1)), Sample.of("{'type':'relu'}", 3, shape(33)));
    }

    @Override
    public Jet[][] forward(Op op, Scene scene, Jet[][] in) {
        Jet[] y = new Jet[in[0].length];
        for (int i = 0; i < y.length; i++) {
            boolean positive = in[0][i].value() > 0;
            y[i] = in[0][i].times(positive ? 1 : 0);
        }
        return new Jet[][] {y};
    }
}
