package dev.sagitta.graph.op.norm;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** Example by example and group by group. */
public final class GroupNormReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                // two values are normed to -1 and 1 but for epsilon, which alone is differentiated: fp32 tells it where
                // it is large
                Sample.of("{'type':'group_norm','groups':1,'epsilon':0.5}", Shape.of(2, 1, 1)),
                Sample.of("{'type':'group_norm','groups':2,'epsilon':0.1}", Shape.of(6, 2, 3)),
                Sample.of("{'type':'group_norm','groups':3}", Shape.of(12)),
                Sample.of("{'type':'group_norm','groups':17,'affine':false}", Shape.of(34, 3))
                        .batch(2),
                Sample.of("{'type':'instance_norm'}", Shape.of(3, 2, 2)),
                Sample.of("{'type':'instance_norm','affine':true}", Shape.of(5, 7)),
                Sample.of("{'type':'group_norm','groups':8}", Shape.of(32, 16, 16))
                        .batch(16)
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(
                        Sample.of("{'type':'group_norm','groups':2}", Shape.of(5, 2)),
                        "groups is 2, which does not divide 5 channels"),
                new Refusal(Sample.of("{'type':'group_norm'}", Shape.of(5, 2)), "'groups' is missing"),
                new Refusal(
                        Sample.of("{'type':'instance_norm'}", Shape.of(5, 1, 1)),
                        "instance_norm",
                        "one value each, which has no variance"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        GroupNorm op = at.op(GroupNorm.class);
        int channels = (int) op.channels();
        int width = channels / (int) op.groups();
        Jet[] x = in[0];
        Jet[] y = new Jet[x.length];
        int rows = x.length / at.batch() / channels;
        int n = rows * width;
        for (int set = 0; set < at.batch() * op.groups(); set++) {
            int first = set / (int) op.groups() * rows * channels + set % (int) op.groups() * width;
            Jet mean = Jet.of(0);
            for (int i = 0; i < n; i++) {
                mean = mean.plus(x[first + i / width * channels + i % width].times(1.0 / n));
            }
            Jet variance = Jet.of(op.epsilon());
            for (int i = 0; i < n; i++) {
                Jet e = x[first + i / width * channels + i % width].minus(mean);
                variance = variance.plus(e.times(e).times(1.0 / n));
            }
            Jet r = variance.power(-0.5);
            for (int i = 0; i < n; i++) {
                int j = first + i / width * channels + i % width;
                Jet normed = x[j].minus(mean).times(r);
                int c = j % channels;
                y[j] = op.weight() == null ? normed : normed.times(in[1][c]).plus(in[2][c]);
            }
        }
        return new Jet[][] {y};
    }
}
