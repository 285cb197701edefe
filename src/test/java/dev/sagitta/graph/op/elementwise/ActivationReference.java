package dev.sagitta.graph.op.elementwise;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.OpReference;
import dev.sagitta.fixture.Sample;
import dev.sagitta.kernel.Function;
import dev.sagitta.tensor.Shape;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** y = s(z) for each function, from its definition. */
public final class ActivationReference implements OpReference {
    private static final Set<Function> LIMIT_BY_PRODUCT = EnumSet.of(
            Function.RELU, Function.GELU, Function.GELU_TANH, Function.SILU, Function.HARDSWISH, Function.MISH);

    @Override
    public List<Sample> samples() {
        List<Sample> samples = new ArrayList<>();
        for (Function function : Function.values()) {
            if (function != Function.RELU) {
                String json = "{'type':'" + function.symbol() + "'}";
                samples.add(Sample.of(json, Shape.of(1)).batch(1));
                samples.add(Sample.of(json, Shape.of(3, 7)));
            }
        }
        samples.add(Sample.of("{'type':'gelu'}", Shape.of(33, 1021)).timed());
        return samples;
    }

    @Override
    public Jet[][] forward(At at, Jet[][] in) {
        Function function = at.op(Activation.class).function();
        Jet[] y = new Jet[in[0].length];
        for (int i = 0; i < y.length; i++) {
            y[i] = of(function, in[0][i]);
        }
        return new Jet[][] {y};
    }

    /** The function, its slope and its second derivative at x. */
    public static double[] derivatives(Function function, double x) {
        return Jet.derivatives(jet -> of(function, jet), x);
    }

    /** The function of one number. */
    public static Jet of(Function function, Jet x) {
        if (Double.isInfinite(x.v()) && LIMIT_BY_PRODUCT.contains(function)) {
            // where the product of the definition has no value: the limit
            return x.v() > 0 ? x : Jet.of(0);
        }
        if (Double.isNaN(x.v())) {
            return x.times(Double.NaN);
        }
        return switch (function) {
            case RELU -> x.v() > 0 ? x : Jet.of(Math.max(0, x.v()));
            case GELU -> x.times(x.normalCdf());
            // (1 + tanh u) / 2 = sigmoid(2 u), which loses nothing in the tail
            case GELU_TANH ->
                x.times(x.plus(x.times(x).times(x).times(0.044715))
                        .times(2 * Math.sqrt(2 / Math.PI))
                        .sigmoid());
            case SILU -> x.times(x.sigmoid());
            case TANH -> x.tanh();
            case SIGMOID -> x.sigmoid();
            case HARDSWISH ->
                x.v() < -3 ? Jet.of(0) : x.v() > 3 ? x : x.times(x.plus(3)).times(1.0 / 6);
            case HARDSIGMOID ->
                x.v() < -3 ? Jet.of(0) : x.v() > 3 ? Jet.of(1) : x.plus(3).times(1.0 / 6);
            case LEAKY_RELU -> x.v() > 0 ? x.times(1) : x.times(0.01);
            case ELU -> x.v() > 0 ? x.times(1) : x.apply(Math.expm1(x.v()), Math.exp(x.v()), Math.exp(x.v()));
            case SOFTPLUS -> softplus(x);
            case MISH -> x.times(softplus(x).tanh());
            case RELU6 -> x.v() > 0 && x.v() < 6 ? x.times(1) : Jet.of(Math.min(6, Math.max(0, x.v())));
        };
    }

    /** log(1 + e^x), from its slope. */
    private static Jet softplus(Jet x) {
        double[] slope = Jet.derivatives(Jet::sigmoid, x.v());
        double value = Math.max(x.v(), 0) + Math.log1p(Math.exp(-Math.abs(x.v())));
        return x.apply(value, slope[0], slope[1]);
    }
}
