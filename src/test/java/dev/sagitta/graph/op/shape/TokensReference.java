package dev.sagitta.graph.op.shape;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** Images lie in memory as sequences of pixels. */
public final class TokensReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'tokens'}", Shape.of(1, 1, 1)).batch(1),
                Sample.of("{'type':'tokens'}", Shape.of(5, 2, 3)),
                Sample.of("{'type':'tokens'}", Shape.of(3, 4)));
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(new Refusal(Sample.of("{'type':'tokens'}", Shape.of(3)), "tokens", "[3]", "expected an image"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        return new Jet[][] {in[0]};
    }
}
