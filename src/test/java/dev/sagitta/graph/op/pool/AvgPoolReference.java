package dev.sagitta.graph.op.pool;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** The sum of a window by the number of its positions. */
public final class AvgPoolReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'avg_pool2d','kernel':1}", Shape.of(1, 1, 1)).batch(1),
                Sample.of("{'type':'avg_pool2d','kernel':2}", Shape.of(3, 4, 5)),
                Sample.of("{'type':'avg_pool2d','kernel':3,'stride':2,'padding':1}", Shape.of(17, 7, 6)),
                Sample.of(
                        "{'type':'avg_pool2d','kernel':[3,2],'stride':[2,1],'padding':[1,0],'count_include_pad':false}",
                        Shape.of(6, 8, 7)),
                Sample.of(
                        "{'type':'avg_pool2d','kernel':3,'stride':2,'padding':1,'ceil_mode':true}", Shape.of(5, 6, 8)),
                Sample.of("{'type':'avg_pool1d','kernel':4,'stride':3,'padding':2}", Shape.of(4, 9)),
                Sample.of("{'type':'avg_pool2d','kernel':2}", Shape.of(64, 16, 16))
                        .batch(64)
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(new Refusal(
                Sample.of("{'type':'avg_pool2d','kernel':4}", Shape.of(2, 3, 5)),
                "avg_pool2d",
                "a window of 4 x 4 does not fit into [2, 3, 5]"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        AvgPool op = at.op(AvgPool.class);
        Shape output = op.outputs(at.inputs()).get(0).shape();
        return new Jet[][] {
            Windows.each(at, in[0], op.window(), output, (elements, padded) -> {
                Jet sum = Jet.of(0);
                for (Jet element : elements) {
                    sum = element.plus(sum);
                }
                return sum.times(1.0 / (op.includePadding() ? padded : elements.size()));
            })
        };
    }
}
