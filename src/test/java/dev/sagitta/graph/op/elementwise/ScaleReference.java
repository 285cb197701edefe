package dev.sagitta.graph.op.elementwise;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.Arrays;
import java.util.List;

/** y = by x. */
public final class ScaleReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'scale','by':-2}", Shape.of(1)).batch(1),
                Sample.of("{'type':'scale','by':0.125}", Shape.of(3, 7)),
                Sample.of("{'type':'scale','by':1.5}", Shape.of(33, 1021)).timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(new Refusal(Sample.of("{'type':'scale'}", Shape.of(3)), "'by' is missing"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        double by = at.op(Scale.class).by();
        return new Jet[][] {Arrays.stream(in[0]).map(x -> x.times(by)).toArray(Jet[]::new)};
    }
}
