package dev.sagitta.graph.op.embedding;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** y[i] = table[id[i]]. */
public final class EmbeddingReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'embedding','rows':1,'width':1}", Shape.of(1))
                        .batch(1)
                        .ids(1),
                Sample.of("{'type':'embedding','rows':5,'width':7}", Shape.of(4))
                        .ids(5),
                Sample.of("{'type':'embedding','rows':97,'width':33}", Shape.of(128))
                        .batch(8)
                        .ids(97)
                        .timed());
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        int width = (int) at.op(Embedding.class).table().shape().extent(1);
        Jet[] y = new Jet[in[0].length * width];
        for (int i = 0; i < y.length; i++) {
            y[i] = in[1][(int) in[0][i / width].v() * width + i % width];
        }
        return new Jet[][] {y};
    }
}
