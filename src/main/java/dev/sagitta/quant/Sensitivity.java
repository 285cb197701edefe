package dev.sagitta.quant;

import dev.sagitta.curvature.Estimate;
import dev.sagitta.graph.Parameter;
import dev.sagitta.kernel.QuantFormat;
import java.util.ArrayList;
import java.util.List;

/**
 * What each choice of bits costs each weight, after HAWQ-V2 (Dong et al. 2020): Omega = tr(H_l) / n_l * ||Q_b(W_l) - W_l||^2, H_l the
 * Hessian's block of weight l with n_l elements. A trace estimated below zero counts as 0.
 */
public record Sensitivity(List<Weight> weights) {

    /**
     * @param trace of the loss's Hessian over this weight
     * @param choices by bits, ascending
     */
    public record Weight(Parameter parameter, Estimate trace, List<Choice> choices) {

        /** tr(H_l) / n_l as Omega counts it. */
        public double averageTrace() {
            return Math.max(0, trace.value()) / parameter.elements();
        }

        public double omega(Choice choice) {
            return averageTrace() * choice.squaredError();
        }

        public Choice choice(int bits) {
            return choices.stream()
                    .filter(choice -> choice.format().bits() == bits)
                    .findFirst()
                    .orElseThrow(
                            () -> new IllegalArgumentException("weight '" + parameter.name() + "' was not measured at "
                                    + bits + " bits, only at "
                                    + choices.stream()
                                            .map(choice -> choice.format().bits())
                                            .toList()));
        }
    }

    /**
     * @param squaredError ||Q(W) - W||^2
     * @param bytes stored, steps and centres included
     */
    public record Choice(QuantFormat format, double squaredError, long bytes) {}

    public Weight weight(String name) {
        return weights.stream()
                .filter(weight -> weight.parameter().name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("weight '" + name + "' was not measured"));
    }

    /** The bit allocation's table; an option's cost is the bits of its codes, {@code bits * n}. */
    public BitTable table() {
        List<BitTable.Layer> layers = new ArrayList<>();
        for (Weight weight : weights) {
            List<BitTable.Option> options = new ArrayList<>();
            for (Choice choice : weight.choices()) {
                int bits = choice.format().bits();
                options.add(new BitTable.Option(
                        bits,
                        weight.omega(choice),
                        choice.bytes(),
                        (double) bits * weight.parameter().elements()));
            }
            layers.add(new BitTable.Layer(weight.parameter().name(), options));
        }
        return new BitTable(layers, List.of());
    }

    long elements() {
        return weights.stream()
                .mapToLong(weight -> weight.parameter().elements())
                .sum();
    }
}
