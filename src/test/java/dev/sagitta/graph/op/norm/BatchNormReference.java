package dev.sagitta.graph.op.norm;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** Channel by channel: with the batch's statistics where it trains, else with the running ones. */
public final class BatchNormReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                // with a small weight what is left of five values' cotangents cancels, below what fp32 tells
                Sample.of("{'type':'batch_norm','affine':false}", Shape.of(1, 1, 1))
                        .batch(5),
                Sample.of("{'type':'batch_norm'}", Shape.of(3)).batch(5),
                Sample.of("{'type':'batch_norm','epsilon':0.1,'momentum':0.3}", Shape.of(3, 2, 5)),
                Sample.of("{'type':'batch_norm','affine':false}", Shape.of(17, 2, 3)),
                Sample.of("{'type':'batch_norm'}", Shape.of(33, 4)).batch(2),
                Sample.of("{'type':'batch_norm'}", Shape.of(16, 32, 32))
                        .batch(64)
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(new Refusal(Sample.of("{'type':'batch_norm'}", Shape.of()), "batch_norm", "scalar"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        BatchNorm op = at.op(BatchNorm.class);
        int channels = (int) at.inputs().get(0).shape().extent(-1);
        int affine = op.weight() == null ? 0 : 2;
        Jet[] x = in[0];
        Jet[] y = new Jet[x.length];
        int rows = x.length / channels;
        for (int c = 0; c < channels; c++) {
            Jet mean = Jet.of(0);
            Jet variance = Jet.of(0);
            if (at.draws() == null) {
                mean = in[1 + affine][c];
                variance = in[2 + affine][c];
            } else {
                for (int i = 0; i < rows; i++) {
                    mean = mean.plus(x[i * channels + c].times(1.0 / rows));
                }
                for (int i = 0; i < rows; i++) {
                    Jet e = x[i * channels + c].minus(mean);
                    variance = variance.plus(e.times(e).times(1.0 / rows));
                }
            }
            Jet r = variance.plus(op.epsilon()).power(-0.5);
            for (int i = 0; i < rows; i++) {
                Jet normed = x[i * channels + c].minus(mean).times(r);
                y[i * channels + c] =
                        affine == 0 ? normed : normed.times(in[1][c]).plus(in[2][c]);
            }
        }
        return new Jet[][] {y};
    }
}
