package dev.sagitta.graph.op.gemm;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.graph.Parameter;
import dev.sagitta.graph.op.elementwise.ActivationReference;
import dev.sagitta.kernel.Function;
import dev.sagitta.program.Computation;
import dev.sagitta.tensor.Shape;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** y = s(x W' + b), of a forward pass alone. */
public final class LinearActivationReference implements OpReference {
    @Override
    public List<Sample> samples() {
        Parameter weight = Parameter.matrix("op.weight", Shape.of(6, 7), Parameter.Init.ZEROS);
        Parameter bias = Parameter.vector("op.bias", Shape.of(6), Parameter.Init.ZEROS);
        return List.of(
                Sample.of(new LinearActivation(new Linear(weight, null), Function.RELU), Shape.of(7)),
                Sample.of(new LinearActivation(new Linear(weight, bias), Function.GELU), Shape.of(3, 7)));
    }

    @Override
    public Set<Computation> computations() {
        return EnumSet.of(Computation.PREDICT, Computation.EVALUATE);
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        LinearActivation op = at.op(LinearActivation.class);
        Linear linear = op.linear();
        int out = (int) linear.weight().shape().extent(0);
        int features = (int) linear.weight().shape().extent(1);
        Jet[] y = LinearReference.product(in[0], in[1], linear.bias() == null ? null : in[2], out, features);
        for (int i = 0; i < y.length; i++) {
            y[i] = ActivationReference.of(op.function(), y[i]);
        }
        return new Jet[][] {y};
    }
}
