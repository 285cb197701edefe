package dev.sagitta.graph.op.elementwise;

import static dev.sagitta.fixture.Sample.shape;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.graph.Op;
import java.util.List;

/** y = a + b. */
public final class AddReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'add'}", 1, shape(1), shape(1)),
                Sample.of("{'type':'add'}", 3, shape(7, 3), shape(7, 3)));
    }

    @Override
    public Jet[][] forward(Op op, Scene scene, Jet[][] in) {
        Jet[] y = new Jet[in[0].length];
        for (int i = 0; i < y.length; i++) {
            y[i] = in[0][i].plus(in[1][i]);
        }
        return new Jet[][] {y};
    }
}
