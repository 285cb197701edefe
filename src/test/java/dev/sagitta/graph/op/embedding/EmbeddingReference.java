package dev.sagitta.graph.op.embedding;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.graph.Op;
import java.util.List;

/** A row of the table per id. */
public final class EmbeddingReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.ofIds("{'type':'embedding','rows':1,'width':1}", 1, 1, 1),
                Sample.ofIds("{'type':'embedding','rows':9,'width':5}", 4, 9, 3),
                Sample.ofIds("{'type':'embedding','vocabulary':'abc','width':2}", 3, 3, 2, 2));
    }

    @Override
    public Jet[][] forward(Op op, Scene scene, Jet[][] in) {
        Jet[] table = in[1];
        int width = (int) ((Embedding) op).table().shape().extent(1);
        Jet[] y = new Jet[in[0].length * width];
        for (int i = 0; i < y.length; i++) {
            y[i] = table[(int) in[0][i / width].value() * width + i % width];
        }
        return new Jet[][] {y};
    }
}
