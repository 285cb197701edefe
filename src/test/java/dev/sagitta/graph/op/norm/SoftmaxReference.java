package dev.sagitta.graph.op.norm;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** Softmax and its logarithm, as the formula reads. */
public final class SoftmaxReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'softmax'}", Shape.of(1)),
                Sample.of("{'type':'softmax'}", Shape.of(3, 19)),
                Sample.of("{'type':'log_softmax'}", Shape.of(2, 37)),
                Sample.of("{'type':'log_softmax'}", Shape.of(5)).batch(23),
                Sample.of("{'type':'softmax'}", Shape.of(1024)).batch(4096).timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(new Refusal(Sample.of(new Softmax(false), Shape.of()), "softmax", "scalar"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        boolean logarithm = ((Softmax) at.op()).logarithm();
        int c = Math.toIntExact(at.inputs().get(0).shape().extent(-1));
        Jet[] y = new Jet[in[0].length];
        for (int row = 0; row < y.length; row += c) {
            Rows.softmax(in[0], row, c, logarithm, y);
        }
        return new Jet[][] {y};
    }
}
