package dev.sagitta.graph.op.resample;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.kernel.resample.AxisTaps.Beyond;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** Each output is the input whose place it has when the axis goes on beyond its ends. */
public final class PadReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'pad','padding':0}", Shape.of(1, 1, 1)).batch(1),
                Sample.of("{'type':'pad','padding':[1,2,0,3],'value':-1.5}", Shape.of(5, 3, 2)),
                Sample.of("{'type':'pad','padding':1}", Shape.of(17, 2, 3)),
                Sample.of("{'type':'pad','padding':[2,1,3,0],'mode':'reflect'}", Shape.of(3, 4, 3)),
                Sample.of("{'type':'pad','padding':[4,1,0,2],'mode':'replicate'}", Shape.of(3, 2, 3)),
                Sample.of("{'type':'pad','padding':[3,1,2,1],'mode':'circular'}", Shape.of(3, 2, 3)),
                Sample.of("{'type':'pad1d','padding':[2,1],'mode':'reflect'}", Shape.of(4, 5)),
                Sample.of("{'type':'pad','padding':2}", Shape.of(64, 16, 16))
                        .batch(16)
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(
                        Sample.of("{'type':'pad','padding':[1,2,3]}", Shape.of(1, 4, 4)),
                        "padding is [1, 2, 3], expected one number or 4: left, right, top, bottom"),
                new Refusal(
                        Sample.of("{'type':'pad','padding':4,'mode':'reflect'}", Shape.of(1, 4, 9)),
                        "padding is [4], mode reflect of an axis of 4 gives at most 3"),
                new Refusal(
                        Sample.of("{'type':'pad','padding':1,'mode':'reflect','value':2}", Shape.of(1, 4, 9)),
                        "field 'value' is for mode constant"));
    }

    private static int source(Beyond beyond, int place, int inputs) {
        if (beyond == Beyond.CIRCULAR) {
            return (place + 16 * inputs) % inputs;
        }
        int end = inputs - 1;
        if (beyond == Beyond.REPLICATE) {
            return Math.max(0, Math.min(end, place));
        }
        return beyond == Beyond.REFLECT ? end - Math.abs(end - Math.abs(place)) : place;
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Pad op = at.op(Pad.class);
        double[][][] maps = new double[2][][];
        for (int axis = 0; axis < 2; axis++) {
            int inputs = AxisMatrices.extent(at, axis);
            boolean only = op.axes() == 1 && axis == 0;
            List<Long> p = op.padding();
            int first = p.size() == 1 || only ? 0 : axis == 1 ? 0 : 2;
            int before = only ? 0 : p.get(first).intValue();
            int after = only ? 0 : p.get(p.size() == 1 ? 0 : first + 1).intValue();
            maps[axis] = AxisMatrices.matrix(
                    before + inputs + after, inputs, (o, i) -> source(op.beyond(), o - before, inputs) == i ? 1 : 0);
        }
        return new Jet[][] {AxisMatrices.apply(at, in[0], maps[0], maps[1], op.value())};
    }
}
