package dev.sagitta.graph.op.pool;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** The larger of two, again and again. */
public final class MaxPoolReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'max_pool2d','kernel':1}", Shape.of(1, 1, 1)).batch(1),
                Sample.of("{'type':'max_pool2d','kernel':2}", Shape.of(3, 4, 5)),
                Sample.of("{'type':'max_pool2d','kernel':2,'ceil_mode':true}", Shape.of(17, 3, 5)),
                Sample.of("{'type':'max_pool2d','kernel':3,'stride':2,'padding':1}", Shape.of(33, 7, 6)),
                Sample.of(
                        "{'type':'max_pool2d','kernel':[3,5],'stride':[1,2],'dilation':[2,1],'padding':[1,2]}",
                        Shape.of(6, 8, 7)),
                Sample.of(
                        "{'type':'max_pool2d','kernel':5,'stride':3,'padding':2,'ceil_mode':true}", Shape.of(5, 9, 8)),
                Sample.of("{'type':'max_pool1d','kernel':3,'stride':1,'padding':1}", Shape.of(4, 9)),
                Sample.of("{'type':'adaptive_max_pool2d','size':[2,3]}", Shape.of(5, 4, 9)),
                Sample.of("{'type':'max_pool2d','kernel':2}", Shape.of(64, 16, 16))
                        .batch(64)
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(
                        Sample.of("{'type':'max_pool2d','kernel':4}", Shape.of(2, 3, 5)),
                        "max_pool2d",
                        "a window of 4 x 4 does not fit into [2, 3, 5]"),
                new Refusal(
                        Sample.of("{'type':'max_pool2d','kernel':3,'padding':2}", Shape.of(2, 3, 5)),
                        "padding is [2], more than half of the kernel [3]"),
                new Refusal(
                        Sample.of("{'type':'max_pool2d','kernel':17}", Shape.of(2, 30, 50)),
                        "a window of 17 x 17 has 289 positions, expected at most 256"),
                new Refusal(
                        Sample.of("{'type':'adaptive_max_pool2d','size':[2,3]}", Shape.of(5, 4, 8)),
                        "[5, 4, 8], expected [channels, height, width], height a multiple of 2 and width of 3"),
                new Refusal(
                        Sample.of("{'type':'max_pool1d','kernel':3}", Shape.of(2, 30, 50)),
                        "max_pool1d",
                        "expected [channels, length]"),
                new Refusal(
                        Sample.of(
                                "{'type':'max_pool2d','kernel':[2,1],'padding':[1,0],'dilation':[2,1]}",
                                Shape.of(2, 1, 9)),
                        "some windows over [2, 1, 9] see padding alone"),
                new Refusal(Sample.of("{'type':'max_pool2d'}", Shape.of(2, 3, 5)), "'kernel' is missing"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        MaxPool op = at.op(MaxPool.class);
        Shape output = op.outputs(at.inputs()).get(0).shape();
        return new Jet[][] {
            Windows.each(at, in[0], op.window(), output, (elements, padded) -> elements.stream()
                    .reduce(Jet::max)
                    .orElseThrow())
        };
    }
}
