package dev.sagitta.graph.op.shape;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** The sum over the first positions of an axis by their number. */
public final class MeanReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'mean','axis':0}", Shape.of(1, 1)).batch(1),
                Sample.of("{'type':'mean','axis':-1}", Shape.of(3, 7)),
                Sample.of("{'type':'mean','axis':0}", Shape.of(5, 2, 3)),
                Sample.of("{'type':'mean','axis':-2}", Shape.of(6, 5)).withLengths(),
                Sample.of("{'type':'mean','axis':1}", Shape.of(2, 4, 3)).withLengths(),
                Sample.of("{'type':'mean','axis':-2}", Shape.of(128, 384)).timed());
    }

    @Override
    public List<Refusal> refusals() {
        return List.of(
                new Refusal(Sample.of("{'type':'mean','axis':2}", Shape.of(3, 7)), "mean", "axis 2"),
                new Refusal(
                        Sample.of("{'type':'mean','axis':1}", Shape.of(6, 5)).withLengths(),
                        "mean: lengths are",
                        "expected i32 [6]"),
                new Refusal(Sample.of("{'type':'mean'}", Shape.of(3, 7)), "'axis' is missing"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Mean op = at.op(Mean.class);
        Shape x = at.inputs().get(0).shape();
        int axis = (int) (op.axis() < 0 ? op.axis() + x.rank() : op.axis());
        int n = (int) x.extent(axis);
        int inner = 1;
        for (int i = axis + 1; i < x.rank(); i++) {
            inner *= (int) x.extent(i);
        }
        Jet[] y = new Jet[in[0].length / n];
        for (int i = 0; i < y.length; i++) {
            int outer = i / inner;
            int count = op.lengths() ? (int) in[1][outer].v() : n;
            Jet sum = Jet.of(0);
            for (int a = 0; a < count; a++) {
                sum = in[0][(outer * n + a) * inner + i % inner].plus(sum);
            }
            y[i] = count == 0 ? sum : sum.times(1.0 / count);
        }
        return new Jet[][] {y};
    }
}
