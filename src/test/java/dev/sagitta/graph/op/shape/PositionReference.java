package dev.sagitta.graph.op.shape;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.graph.Parameter;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** y = x + a row of the table for each position. */
public final class PositionReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'position'}", Shape.of(1, 1)).batch(1),
                Sample.of("{'type':'position'}", Shape.of(3, 7)),
                Sample.of("{'type':'position','rows':5}", Shape.of(3, 7)),
                Sample.of("{'type':'position','rows':4}", Shape.of(2, 3, 5)),
                Sample.of("{'type':'position'}", Shape.of(128, 384)).timed());
    }

    @Override
    public List<Refusal> refusals() {
        Position position = new Position(Parameter.matrix("op.weight", Shape.of(4, 5), Parameter.Init.ZEROS));
        return List.of(
                new Refusal(Sample.of(position, Shape.of(6, 5)), "'op.weight'", "6 positions", "4 rows"),
                new Refusal(Sample.of(position, Shape.of(3, 7)), "'op.weight'", "[3, 7]", "last axis 5"),
                new Refusal(Sample.of("{'type':'position'}", Shape.of(5)), "[5]", "[..., positions, width]"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Shape x = at.inputs().get(0).shape();
        int each = (int) (x.extent(-2) * x.extent(-1));
        Jet[] y = new Jet[in[0].length];
        for (int i = 0; i < y.length; i++) {
            y[i] = in[0][i].plus(in[1][i % each]);
        }
        return new Jet[][] {y};
    }
}
