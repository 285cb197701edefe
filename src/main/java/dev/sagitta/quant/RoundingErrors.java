package dev.sagitta.quant;

import dev.sagitta.graph.Parameter;
import dev.sagitta.kernel.packed.QuantFormat;
import java.util.List;

/** What each format on offer makes of each weight that can be packed, in the order of first use. Follows from the weights alone. */
public record RoundingErrors(List<Weight> weights) {

    /** @param choices by bits, ascending */
    public record Weight(Parameter parameter, List<Choice> choices) {
        /** @throws IllegalArgumentException if these bits are not on offer */
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

    /** @throws IllegalArgumentException if there is no such weight */
    public Weight weight(String name) {
        return weights.stream()
                .filter(weight -> weight.parameter().name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("weight '" + name + "' was not measured"));
    }

    /** Of all weights together. */
    long elements() {
        return weights.stream()
                .mapToLong(weight -> weight.parameter().elements())
                .sum();
    }

    /** Of the smallest choices together. */
    long leastBytes() {
        return weights.stream()
                .mapToLong(weight ->
                        weight.choices().stream().mapToLong(Choice::bytes).min().orElseThrow())
                .sum();
    }
}
