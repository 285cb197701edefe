package dev.sagitta.graph.op.norm;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** Row by row, as the formula reads. */
public final class LayerNormReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'layer_norm'}", Shape.of(1)).batch(2),
                Sample.of("{'type':'layer_norm','epsilon':0.1}", Shape.of(3, 7)),
                Sample.of("{'type':'layer_norm','bias':false}", Shape.of(2, 33)),
                Sample.of("{'type':'layer_norm'}", Shape.of(67)).batch(37),
                Sample.of("{'type':'layer_norm'}", Shape.of(128, 128)).batch(8).timed(),
                Sample.of("{'type':'layer_norm'}", Shape.of(4096)).batch(4096).timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(Sample.of("{'type':'layer_norm'}", Shape.of()), "op", "scalar", "expected features"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        NormOp op = (NormOp) at.op();
        int c = Math.toIntExact(at.inputs().get(0).shape().extent(-1));
        Jet[] w = op.weight() == null ? null : in[1];
        Jet[] b = op.bias() == null ? null : in[2];
        Jet[] y = new Jet[in[0].length];
        for (int row = 0; row < y.length; row += c) {
            Rows.normalise(in[0], row, c, op.centred(), op.epsilon(), w, b, y);
        }
        return new Jet[][] {y};
    }
}
