package dev.sagitta.graph.op.pool;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** The sum of a channel by the number of pixels. */
public final class GlobalAvgPoolReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'global_avg_pool'}", Shape.of(1, 1, 1)).batch(1),
                Sample.of("{'type':'global_avg_pool'}", Shape.of(5, 3, 4)),
                Sample.of("{'type':'global_avg_pool'}", Shape.of(17, 7)),
                Sample.of("{'type':'global_avg_pool'}", Shape.of(64, 8, 8))
                        .batch(64)
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(new Refusal(
                Sample.of("{'type':'global_avg_pool'}", Shape.of(5)),
                "global_avg_pool",
                "[5], expected [channels, height, width]"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        int channels = (int) at.inputs().get(0).shape().extent(-1);
        int pixels = in[0].length / at.batch() / channels;
        Jet[] y = new Jet[at.batch() * channels];
        for (int i = 0; i < y.length; i++) {
            Jet sum = Jet.of(0);
            for (int p = 0; p < pixels; p++) {
                sum = in[0][(i / channels * pixels + p) * channels + i % channels].plus(sum);
            }
            y[i] = sum.times(1.0 / pixels);
        }
        return new Jet[][] {y};
    }
}
