package dev.sagitta.quant;

import java.util.ArrayList;
import java.util.List;

/** What each choice of bits costs each weight: a plan minimises the sum. */
public interface Sensitivity {
    /** What there is to choose from. */
    RoundingErrors errors();

    /**
     * Never negative.
     *
     * @throws IllegalArgumentException if the weight was not measured at these bits
     */
    double cost(String weight, int bits);

    /** Of all weights that a plan packs. */
    default double cost(QuantPlan plan) {
        return plan.formats().entrySet().stream()
                .mapToDouble(entry -> cost(entry.getKey(), entry.getValue().bits()))
                .sum();
    }

    /**
     * The bit allocation's table: an option's omega is what the choice costs, its cost the bits of its codes, {@code bits * n}. The squared error decides
     * where omegas are equal, as they are without curvature.
     */
    default BitTable table() {
        List<BitTable.Layer> layers = new ArrayList<>();
        for (RoundingErrors.Weight weight : errors().weights()) {
            String name = weight.parameter().name();
            List<BitTable.Option> options = new ArrayList<>();
            for (RoundingErrors.Choice choice : weight.choices()) {
                int bits = choice.format().bits();
                options.add(new BitTable.Option(
                                bits,
                                cost(name, bits),
                                choice.bytes(),
                                (double) bits * weight.parameter().elements())
                        .withError(choice.squaredError()));
            }
            layers.add(new BitTable.Layer(name, options));
        }
        return new BitTable(layers, List.of());
    }
}
