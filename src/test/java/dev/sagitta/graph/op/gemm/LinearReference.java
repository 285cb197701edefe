package dev.sagitta.graph.op.gemm;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.graph.Parameter;
import dev.sagitta.tensor.Shape;
import java.util.List;

/** y = x W' + b over the last axis, W [out, in]. */
public final class LinearReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return List.of(
                Sample.of("{'type':'linear','out':1}", Shape.of(1)).batch(1),
                Sample.of("{'type':'linear','out':5,'bias':false}", Shape.of(7)),
                Sample.of("{'type':'linear','out':6}", Shape.of(3, 7)),
                Sample.of("{'type':'linear','out':257}", Shape.of(131))
                        .batch(65)
                        .timed());
    }

    @Override
    public List<Refusal> refusals() {
        Linear linear = new Linear(Parameter.matrix("op.weight", Shape.of(4, 5), Parameter.Init.ZEROS), null);
        return List.of(
                new Refusal(Sample.of(linear, Shape.of(3, 7)), "'op.weight'", "[3, 7] features", "expects 5"),
                new Refusal(Sample.of(linear, Shape.of()), "'op.weight'", "expects 5"));
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Linear op = at.op(Linear.class);
        int out = (int) op.weight().shape().extent(0);
        int features = (int) op.weight().shape().extent(1);
        return new Jet[][] {product(in[0], in[1], op.bias() == null ? null : in[2], out, features)};
    }

    /** @param b null for none */
    public static Jet[] product(Jet[] x, Jet[] w, Jet[] b, int out, int in) {
        Jet[] y = new Jet[x.length / in * out];
        for (int i = 0; i < y.length; i++) {
            Jet sum = Jet.dot(x, i / out * in, 1, w, i % out * in, 1, in);
            y[i] = b == null ? sum : sum.plus(b[i % out]);
        }
        return y;
    }
}
