package dev.sagitta.graph.op;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.graph.Op;
import java.util.List;

public final class GivenReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of();
    }

    @Override
    public Jet[][] forward(Op op, Scene scene, Jet[][] in) {
        return new Jet[][] {in[1]};
    }
}
