package dev.sagitta.graph.op.shape;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** A slice per part. A network of {@code Networks} reads several outputs. */
public final class SplitReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'split','axis':0,'parts':1}", Shape.of(1)).batch(1),
                Sample.of("{'type':'split','axis':-1,'sizes':[2,4,1]}", Shape.of(3, 7)),
                Sample.of("{'type':'split','axis':1,'parts':2}", Shape.of(2, 4, 3)),
                Sample.of(new Split(0, List.of(2L, 2L)), Shape.of(4, 2, 3)).ofImages(),
                Sample.of("{'type':'split','axis':-1,'parts':3}", Shape.of(128, 384))
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(
                        Sample.of("{'type':'split','axis':1,'sizes':[2,4]}", Shape.of(3, 7)),
                        "split",
                        "[2, 4] sum to 6",
                        "expected 7",
                        "axis 1"),
                new Refusal(
                        Sample.of("{'type':'split','axis':0,'parts':2}", Shape.of(3, 7)),
                        "split",
                        "axis 0",
                        "3 positions"),
                new Refusal(Sample.of("{'type':'split','axis':3,'parts':2}", Shape.of(3, 7)), "split", "axis 3"),
                new Refusal(Sample.of("{'type':'split','axis':0}", Shape.of(3, 7)), "either 'parts' or 'sizes'"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Split op = at.op(Split.class);
        Shape x = at.inputs().get(0).shape();
        int axis = SliceReference.axis(op.axis(), at.inputs().get(0));
        Jet[][] y = new Jet[op.sizes().size()][];
        int begin = 0;
        for (int i = 0; i < y.length; i++) {
            int size = op.sizes().get(i).intValue();
            y[i] = SliceReference.taken(in[0], x, axis, begin, size);
            begin += size;
        }
        return y;
    }
}
