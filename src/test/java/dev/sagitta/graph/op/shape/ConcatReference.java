package dev.sagitta.graph.op.shape;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** Of every outer position, the inputs' rows one behind the other. */
public final class ConcatReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'concat','axis':0}", Shape.of(1), Shape.of(1))
                        .batch(1),
                Sample.of("{'type':'concat','axis':-1}", Shape.of(3, 2), Shape.of(3, 5), Shape.of(3, 1)),
                Sample.of("{'type':'concat','axis':0}", Shape.of(2, 4), Shape.of(1, 4)),
                Sample.of("{'type':'concat','axis':1}", Shape.of(2, 3, 2), Shape.of(2, 1, 2)),
                Sample.of(new Concat(0), Shape.of(2, 3, 5), Shape.of(4, 3, 5)).ofImages(),
                Sample.of(new Concat(-1), Shape.of(3, 2, 4), Shape.of(3, 2, 1)).ofImages(),
                Sample.of(new Concat(1), Shape.of(2, 5), Shape.of(2, 3)).ofImages(),
                Sample.of("{'type':'concat','axis':-1}", Shape.of(128, 128), Shape.of(128, 256))
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(
                        Sample.of("{'type':'concat','axis':0}", Shape.of(2, 4), Shape.of(2, 5)),
                        "concat",
                        "input 1",
                        "[2, 5]",
                        "all axes but axis 0"),
                new Refusal(
                        Sample.of("{'type':'concat','axis':0}", Shape.of(2, 4), Shape.of(8)),
                        "concat",
                        "input 1",
                        "[8]"),
                new Refusal(
                        Sample.of("{'type':'concat','axis':-3}", Shape.of(2, 4), Shape.of(2, 4)), "concat", "axis -3"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Concat op = at.op(Concat.class);
        int axis = SliceReference.axis(op.axis(), at.inputs().get(0));
        int outer = at.batch();
        for (int i = 0; i < axis; i++) {
            outer *= (int) at.inputs().get(0).shape().extent(i);
        }
        List<Jet> y = new ArrayList<>();
        for (int o = 0; o < outer; o++) {
            for (int input = 0; input < at.inputs().size(); input++) {
                int row = in[input].length / outer;
                y.addAll(List.of(in[input]).subList(o * row, (o + 1) * row));
            }
        }
        return new Jet[][] {y.toArray(Jet[]::new)};
    }
}
