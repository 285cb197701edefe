package dev.sagitta.graph.op.shape;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.graph.ArrayType;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** y at a position is x at begin more of it. */
public final class SliceReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'slice','axis':0}", Shape.of(1)).batch(1),
                Sample.of("{'type':'slice','axis':-1,'begin':2,'end':5}", Shape.of(3, 7)),
                Sample.of("{'type':'slice','axis':0,'begin':-3,'end':-1}", Shape.of(4, 2, 3)),
                Sample.of("{'type':'slice','axis':1,'begin':1}", Shape.of(3, 5, 2)),
                Sample.of(new Slice(0, 1, 3), Shape.of(4, 2, 3)).ofImages(),
                Sample.of(new Slice(-2, -2, Slice.WHOLE), Shape.of(2, 5, 3)).ofImages(),
                Sample.of("{'type':'slice','axis':-1,'begin':128,'end':256}", Shape.of(128, 384))
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(Sample.of("{'type':'slice','axis':2}", Shape.of(3, 7)), "slice", "axis 2", "-2 to 1"),
                new Refusal(
                        Sample.of("{'type':'slice','axis':1,'begin':3,'end':9}", Shape.of(3, 7)),
                        "slice",
                        "3 to 9",
                        "axis 1",
                        "within its 7"),
                new Refusal(
                        Sample.of("{'type':'slice','axis':0,'begin':2,'end':2}", Shape.of(3, 7)),
                        "at least one within"),
                new Refusal(Sample.of("{'type':'slice','axis':0,'begin':-4}", Shape.of(3, 7)), "-4 to 3"),
                new Refusal(Sample.of("{'type':'slice'}", Shape.of(3, 7)), "'axis' is missing"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Slice op = at.op(Slice.class);
        ArrayType x = at.inputs().get(0);
        int axis = axis(op.axis(), x);
        int from = (int) x.shape().extent(axis);
        int to = (int) op.outputs(at.inputs()).get(0).shape().extent(axis);
        int begin = (int) (op.begin() < 0 ? op.begin() + from : op.begin());
        return new Jet[][] {taken(in[0], x.shape(), axis, begin, to)};
    }

    /** Where an axis lies in memory: channels are the last of an image. */
    static int axis(long axis, ArrayType x) {
        int rank = x.shape().rank();
        int shown = (int) (axis < 0 ? axis + rank : axis);
        return !x.channelsLast() ? shown : shown == 0 ? rank - 1 : shown - 1;
    }

    /** Positions begin to begin + length of an axis of a batch. */
    static Jet[] taken(Jet[] x, Shape example, int axis, int begin, int length) {
        int inner = 1;
        for (int i = axis + 1; i < example.rank(); i++) {
            inner *= (int) example.extent(i);
        }
        int n = (int) example.extent(axis);
        Jet[] y = new Jet[x.length / n * length];
        for (int i = 0; i < y.length; i++) {
            int outer = i / inner / length;
            int position = begin + i / inner % length;
            y[i] = x[(outer * n + position) * inner + i % inner];
        }
        return y;
    }
}
