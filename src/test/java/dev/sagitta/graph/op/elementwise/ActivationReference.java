package dev.sagitta.graph.op.elementwise;

import static dev.sagitta.fixture.Sample.shape;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.graph.Op;
import dev.sagitta.graph.op.OpTypes;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.elementwise.FunctionReference;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** y = s(x). */
public final class ActivationReference implements OpReference {
    @Override
    public List<Sample> samples() {
        return OpTypes.standard().all().stream()
                .filter(type -> Arrays.stream(Function.values())
                        .anyMatch(f -> f != Function.RELU && f.symbol().equals(type.name())))
                .flatMap(type -> Stream.of(
                        Sample.of("{'type':'" + type.name() + "'}", 1, shape(1)),
                        Sample.of("{'type':'" + type.name() + "'}", 3, shape(37))))
                .toList();
    }

    @Override
    public Jet[][] forward(Op op, Scene scene, Jet[][] in) {
        Function function = ((Activation) op).function();
        Jet[] y = new Jet[in[0].length];
        for (int i = 0; i < y.length; i++) {
            double x = in[0][i].value();
            y[i] = in[0][i].apply(
                    FunctionReference.value(function, x),
                    FunctionReference.first(function, x),
                    FunctionReference.second(function, x));
        }
        return new Jet[][] {y};
    }
}
