package dev.sagitta.train.optimiser;

import dev.sagitta.graph.Field;
import dev.sagitta.kernel.optimiser.Optimiser;
import dev.sagitta.kernel.optimiser.OptimiserSettings;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** Adam with decoupled weight decay (Loshchilov and Hutter, 2019). Defaults are PyTorch's, the rate as for Adam. */
public final class AdamW implements OptimiserType {
    public static final AdamW TYPE = new AdamW();

    /** Decay of the first moment. */
    public static final Field<Double> BETA1 = Field.number("beta1", 0.9, 0, 1, "decay of the first moment");

    /** Decay of the second moment. */
    public static final Field<Double> BETA2 = Field.number("beta2", 0.999, 0, 1, "decay of the second moment");

    /** Added to the root of the second moment. */
    public static final Field<Double> EPSILON =
            Field.number("epsilon", 1e-8, 0, Double.MAX_VALUE, "added to the root of the second moment");

    private AdamW() {}

    @Override
    public String name() {
        return "adamw";
    }

    @Override
    public double rate() {
        return 1e-3;
    }

    @Override
    public double weightDecay() {
        return 0.01;
    }

    @Override
    public List<Field<Double>> fields() {
        return List.of(BETA1, BETA2, EPSILON);
    }

    @Override
    public List<String> states(OptimiserOptions options) {
        return List.of("m", "v");
    }

    @Override
    public float[] settings(OptimiserOptions o, long step) {
        return OptimiserSettings.adamW(
                o.rate(), o.get(BETA1), o.get(BETA2), o.get(EPSILON), o.weightDecay(), step, o.maxNorm());
    }

    @Override
    public void settings(OptimiserOptions o, long step, float[] settings) {
        OptimiserSettings.adamWStep(settings, o.rate(), o.get(BETA1), o.get(BETA2), step);
    }

    @Override
    public Optimiser.Update update(
            Tensor parameters, Tensor gradient, List<Tensor> states, Tensor decay, Tensor settings) {
        return Optimiser.adamW(parameters, gradient, states.get(0), states.get(1), decay, settings);
    }
}
