package dev.sagitta.graph.op.shape;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** The first row of each [T, width]. */
public final class ClsReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'cls'}", Shape.of(1, 1)).batch(1),
                Sample.of("{'type':'cls'}", Shape.of(4, 7)),
                Sample.of("{'type':'cls'}", Shape.of(2, 3, 5)),
                Sample.of("{'type':'cls'}", Shape.of(128, 384)).timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(new Refusal(Sample.of(new Cls(), Shape.of(3)), "cls", "[3]", "[..., positions, width]"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Shape x = at.inputs().get(0).shape();
        return new Jet[][] {SliceReference.taken(in[0], x, x.rank() - 2, 0, 1)};
    }
}
