package dev.sagitta.graph.op.resample;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** Each output is the mean of the inputs whose piece of the axis overlaps its own. */
public final class AdaptiveAvgPoolReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'adaptive_avg_pool2d','size':1}", Shape.of(1, 1, 1))
                        .batch(1),
                Sample.of("{'type':'adaptive_avg_pool2d','size':[3,4]}", Shape.of(5, 7, 6)),
                Sample.of("{'type':'adaptive_avg_pool2d','size':[5,2]}", Shape.of(17, 3, 4)),
                Sample.of("{'type':'adaptive_avg_pool1d','size':3}", Shape.of(4, 8)),
                Sample.of("{'type':'adaptive_avg_pool2d','size':7}", Shape.of(64, 16, 16))
                        .batch(16)
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(
                        Sample.of("{'type':'adaptive_avg_pool2d','size':2}", Shape.of(3, 4)),
                        "adaptive_avg_pool2d",
                        "[3, 4], expected [channels, height, width]"),
                new Refusal(
                        Sample.of("{'type':'adaptive_avg_pool2d','size':[1,2,3]}", Shape.of(3, 4, 4)),
                        "size is [1, 2, 3], expected one number or 2"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        AdaptiveAvgPool op = at.op(AdaptiveAvgPool.class);
        double[][][] maps = new double[2][][];
        for (int axis = 0; axis < 2; axis++) {
            int inputs = AxisMatrices.extent(at, axis);
            int outputs = op.axes() == 1
                    ? axis == 0 ? 1 : op.size().get(0).intValue()
                    : op.size().get(op.size().size() == 1 ? 0 : axis).intValue();
            // input i lies in ]i, i + 1[ outputs / inputs of the output's axis
            AxisMatrices.Entry overlaps =
                    (o, i) -> i * outputs < (o + 1) * inputs && (i + 1) * outputs > o * inputs ? 1 : 0;
            maps[axis] = AxisMatrices.matrix(outputs, inputs, overlaps);
            for (double[] row : maps[axis]) {
                double count = java.util.Arrays.stream(row).sum();
                for (int i = 0; i < row.length; i++) {
                    row[i] /= count;
                }
            }
        }
        return new Jet[][] {AxisMatrices.apply(at, in[0], maps[0], maps[1], 0)};
    }
}
