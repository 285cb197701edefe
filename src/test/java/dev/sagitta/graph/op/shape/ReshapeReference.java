package dev.sagitta.graph.op.shape;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** The same numbers. */
public final class ReshapeReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'reshape','shape':[1,1]}", Shape.of(1)).batch(1),
                Sample.of("{'type':'reshape','shape':[3,-1,2]}", Shape.of(2, 3, 5)),
                Sample.of("{'type':'reshape','shape':[30]}", Shape.of(2, 3, 5)));
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(
                        Sample.of("{'type':'reshape','shape':[4,-1]}", Shape.of(3, 7)),
                        "reshape",
                        "[3, 7] of 21",
                        "[4, -1]"),
                new Refusal(Sample.of("{'type':'reshape','shape':[-1,-1]}", Shape.of(3, 7)), "at most one -1"),
                new Refusal(Sample.of("{'type':'reshape','shape':[20]}", Shape.of(3, 7)), "as many elements"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        return new Jet[][] {in[0]};
    }
}
