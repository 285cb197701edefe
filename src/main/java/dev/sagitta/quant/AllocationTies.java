package dev.sagitta.quant;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Options of a group with the same omega, told apart by their errors: the least sum of errors within the limits, by a second search over
 * nothing but such options. No sum of omegas changes.
 *
 * @param omegas [group][option]
 * @param errors [group][option]
 */
record AllocationTies(BigDecimal[][] omegas, BigDecimal[][] errors, List<AllocationProblem.Quantity> quantities) {

    /** @param options a plan within the limits; stays as it is */
    int[] resolve(int[] options) {
        int[][] equal = new int[options.length][];
        for (int g = 0; g < options.length; g++) {
            BigDecimal omega = omegas[g][options[g]];
            BigDecimal[] all = omegas[g];
            equal[g] = IntStream.range(0, all.length)
                    .filter(o -> all[o].compareTo(omega) == 0)
                    .toArray();
        }
        int[] open = IntStream.range(0, options.length)
                .filter(g -> equal[g].length > 1)
                .toArray();
        if (open.length == 0) {
            return options;
        }
        List<AllocationProblem.Quantity> left = new ArrayList<>();
        for (AllocationProblem.Quantity quantity : quantities) {
            BigDecimal rest = quantity.most();
            for (int g = 0; g < options.length; g++) {
                rest = equal[g].length > 1 ? rest : rest.subtract(quantity.weights()[g][options[g]]);
            }
            left.add(new AllocationProblem.Quantity(quantity.name(), among(quantity.weights(), open, equal), rest));
        }
        int[] found = new AllocationProblem("squared error", among(errors, open, equal), left)
                .solve()
                .options();
        int[] resolved = options.clone();
        for (int i = 0; i < open.length; i++) {
            resolved[open[i]] = equal[open[i]][found[i]];
        }
        return total(resolved).compareTo(total(options)) < 0 ? resolved : options;
    }

    private static BigDecimal[][] among(BigDecimal[][] all, int[] open, int[][] equal) {
        return Arrays.stream(open)
                .mapToObj(g -> Arrays.stream(equal[g]).mapToObj(o -> all[g][o]).toArray(BigDecimal[]::new))
                .toArray(BigDecimal[][]::new);
    }

    private BigDecimal total(int[] options) {
        return IntStream.range(0, options.length)
                .mapToObj(g -> errors[g][options[g]])
                .reduce(BigDecimal.ZERO, BigDecimal::add);
    }
}
