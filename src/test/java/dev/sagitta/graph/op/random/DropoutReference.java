package dev.sagitta.graph.op.random;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Philox;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** y = x / (1 - p) where the element's random word is not below p 2^32, else 0; outside training y = x. */
public final class DropoutReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'dropout','p':0.5}", Shape.of(1)).batch(1),
                Sample.of("{'type':'dropout','p':0}", Shape.of(7)),
                Sample.of("{'type':'dropout','p':0.25}", Shape.of(3, 7)),
                Sample.of("{'type':'dropout','p':0.1}", Shape.of(33, 1021)).timed());
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        double p = at.op(Dropout.class).probability();
        Jet[] x = in[0];
        if (at.draws() == null || p == 0) {
            return new Jet[][] {x};
        }
        Draws draws = at.draws();
        int[] words = Philox.stream(draws.seed(), draws.stream(), draws.step(), 0, x.length);
        Jet[] y = new Jet[x.length];
        for (int i = 0; i < y.length; i++) {
            boolean dropped = (words[i] & 0xFFFFFFFFL) < Math.round(p * 0x1p32);
            y[i] = dropped ? Jet.of(0) : x[i].times(1 / (1 - p));
        }
        return new Jet[][] {y};
    }
}
