package dev.sagitta.graph.op.shape;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** The token, then the rows of the example. */
public final class ClassTokenReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'class_token'}", Shape.of(1, 1)).batch(1),
                Sample.of("{'type':'class_token'}", Shape.of(3, 7)),
                Sample.of("{'type':'class_token'}", Shape.of(5, 16)).batch(2),
                Sample.of("{'type':'class_token'}", Shape.of(196, 192)).timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(new Refusal(
                Sample.of("{'type':'class_token'}", Shape.of(2, 3, 4)),
                "class_token",
                "[2, 3, 4]",
                "[positions, width]"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        int each = (int) at.inputs().get(0).shape().elements();
        List<Jet> y = new ArrayList<>();
        for (int n = 0; n < at.batch(); n++) {
            y.addAll(List.of(in[1]));
            y.addAll(List.of(in[0]).subList(n * each, (n + 1) * each));
        }
        return new Jet[][] {y.toArray(Jet[]::new)};
    }
}
