package dev.sagitta.graph.op.random;

import static dev.sagitta.fixture.Sample.shape;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Philox;
import dev.sagitta.fixture.Sample;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.RandomNames;
import java.util.List;

/** y = x m / (1 - p), the mask from the counter. */
public final class DropoutReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'dropout','p':0}", 2, shape(3)),
                Sample.of("{'type':'dropout','p':0.4}", 3, shape(29)));
    }

    @Override
    public Jet[][] forward(Op op, Scene scene, Jet[][] in) {
        if (!scene.training()) {
            return new Jet[][] {in[0]};
        }
        double threshold = Math.round((double) ((Dropout) op).probability() * 0x1p32);
        int stream = RandomNames.stream(RandomNames.Use.OP, scene.name());
        int[] words = Philox.stream(scene.seed(), stream, scene.step(), 0, in[0].length);
        Jet[] y = new Jet[in[0].length];
        for (int i = 0; i < y.length; i++) {
            boolean dropped = (words[i] & 0xFFFFFFFFL) < threshold;
            y[i] = in[0][i].times(dropped ? 0 : 1 / (1 - threshold * 0x1p-32));
        }
        return new Jet[][] {y};
    }
}
