package dev.sagitta.graph.op.elementwise;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** y = a b. */
public final class MultiplyReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'multiply'}", Shape.of(1), Shape.of(1)).batch(1),
                Sample.of("{'type':'multiply'}", Shape.of(3, 7), Shape.of(3, 7)),
                Sample.of("{'type':'multiply'}", Shape.of(33, 1021), Shape.of(33, 1021))
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(Sample.of(new Multiply(), Shape.of(3)), "multiply", "[3]", "two of fp32 of the same shape"),
                new Refusal(
                        Sample.of(new Multiply(), Shape.of(2, 3), Shape.of(2, 4)),
                        "[2, 3]",
                        "[2, 4]",
                        "two of fp32 of the same shape"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Jet[] y = new Jet[in[0].length];
        for (int i = 0; i < y.length; i++) {
            y[i] = in[0][i].times(in[1][i]);
        }
        return new Jet[][] {y};
    }
}
