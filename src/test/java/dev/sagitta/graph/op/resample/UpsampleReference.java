package dev.sagitta.graph.op.resample;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** Nearest: the input in whose piece the output's begins. Straight lines: hats around each input's centre, the ends' weights reaching outwards for ever. */
public final class UpsampleReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'upsample','scale':1}", Shape.of(1, 1, 1)).batch(1),
                Sample.of("{'type':'upsample','scale':[2,3]}", Shape.of(5, 3, 2)),
                Sample.of("{'type':'upsample','size':[4,7]}", Shape.of(17, 6, 5)),
                Sample.of("{'type':'upsample','scale':2,'mode':'bilinear'}", Shape.of(3, 4, 5)),
                Sample.of("{'type':'upsample','size':[5,3],'mode':'bilinear'}", Shape.of(3, 7, 4)),
                Sample.of("{'type':'upsample','scale':3,'mode':'bilinear','align_corners':true}", Shape.of(2, 4, 3)),
                Sample.of("{'type':'upsample1d','scale':2,'mode':'linear'}", Shape.of(4, 5)),
                Sample.of("{'type':'upsample','scale':2,'mode':'bilinear'}", Shape.of(64, 16, 16))
                        .batch(16)
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(Sample.of("{'type':'upsample'}", Shape.of(1, 2, 2)), "give 'scale' or 'size'"),
                new Refusal(
                        Sample.of("{'type':'upsample','scale':2,'size':4}", Shape.of(1, 2, 2)),
                        "'scale' and 'size' are both given; leave one out"),
                new Refusal(
                        Sample.of("{'type':'upsample','scale':2,'align_corners':true}", Shape.of(1, 2, 2)),
                        "align_corners is for straight lines"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Upsample op = at.op(Upsample.class);
        double[][][] maps = new double[2][][];
        for (int axis = 0; axis < 2; axis++) {
            int inputs = AxisMatrices.extent(at, axis);
            List<Long> given = op.scale() == null ? op.size() : op.scale();
            int number = given.get(given.size() == 1 ? 0 : axis).intValue();
            boolean only = op.axes() == 1 && axis == 0;
            int outputs = only ? 1 : op.scale() == null ? number : number * inputs;
            double ratio = inputs / (double) outputs;
            maps[axis] = AxisMatrices.matrix(outputs, inputs, (o, i) -> {
                if (only) {
                    return 1;
                }
                if (!op.linear()) {
                    return i == Math.floor(o * ratio) ? 1 : 0;
                }
                double at0 = op.alignCorners() ? o * (inputs - 1.0) / (outputs - 1) : (o + 0.5) * ratio - 0.5;
                double place = Math.min(Math.max(at0, 0), inputs - 1);
                return Math.max(0, 1 - Math.abs(place - i));
            });
        }
        return new Jet[][] {AxisMatrices.apply(at, in[0], maps[0], maps[1], 0)};
    }
}
