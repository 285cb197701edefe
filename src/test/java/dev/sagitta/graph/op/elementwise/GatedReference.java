package dev.sagitta.graph.op.elementwise;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.elementwise.Gate;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** y = s(a) b. */
public final class GatedReference implements OpReference {
    @Override
    public List<Sample> samples() {
        List<Sample> samples = new ArrayList<>();
        for (Function function : Function.values()) {
            if (Gate.FUNCTIONS.contains(function)) {
                samples.add(
                        Sample.of(new Gated(function), Shape.of(1), Shape.of(1)).batch(1));
                samples.add(Sample.of(new Gated(function), Shape.of(3, 7), Shape.of(3, 7)));
            }
        }
        samples.add(Sample.of(new Gated(Function.SILU), Shape.of(33, 1021), Shape.of(33, 1021))
                .timed());
        return samples;
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Function function = at.op(Gated.class).function();
        Jet[] y = new Jet[in[0].length];
        for (int i = 0; i < y.length; i++) {
            y[i] = ActivationReference.of(function, in[0][i]).times(in[1][i]);
        }
        return new Jet[][] {y};
    }
}
