package dev.sagitta.train.optimiser;

import dev.sagitta.graph.Field;
import dev.sagitta.kernel.optimiser.Optimiser;
import dev.sagitta.kernel.optimiser.OptimiserSettings;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** Gradient descent with momentum as PyTorch defines it: {@code velocity = momentum velocity + gradient}. */
public final class Sgd implements OptimiserType {
    public static final Sgd TYPE = new Sgd();

    /** 0 for none; then there is no state either. */
    public static final Field<Double> MOMENTUM =
            Field.number("momentum", 0.9, 0, 1, "what remains of the velocity; 0: none");

    private Sgd() {}

    @Override
    public String name() {
        return "sgd";
    }

    @Override
    public double rate() {
        return 0.1;
    }

    @Override
    public double weightDecay() {
        return 0;
    }

    @Override
    public List<Field<Double>> fields() {
        return List.of(MOMENTUM);
    }

    @Override
    public List<String> states(OptimiserOptions options) {
        return options.get(MOMENTUM) == 0 ? List.of() : List.of("velocity");
    }

    @Override
    public float[] settings(OptimiserOptions o, long step) {
        return OptimiserSettings.sgd(o.rate(), o.get(MOMENTUM), false, o.weightDecay(), o.maxNorm());
    }

    @Override
    public void settings(OptimiserOptions options, long step, float[] settings) {
        // nothing changes with the step
    }

    @Override
    public Optimiser.Update update(
            Tensor parameters, Tensor gradient, List<Tensor> states, Tensor decay, Tensor settings) {
        return Optimiser.sgd(parameters, gradient, states.isEmpty() ? null : states.get(0), decay, settings);
    }
}
