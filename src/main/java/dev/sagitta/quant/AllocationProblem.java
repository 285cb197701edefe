package dev.sagitta.quant;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A bit allocation's decimals, turned into whole numbers for {@link MultipleChoiceKnapsack} and back. */
final class AllocationProblem {
    private static final Logger LOG = LoggerFactory.getLogger(AllocationProblem.class);

    private final String objective;
    private final BigDecimal[][] omegas;
    private final List<Quantity> quantities;
    private final int groups;
    private final long[][][] weights;
    private final long[] limits;

    /** @param weights [group][option] */
    record Quantity(String name, BigDecimal[][] weights, BigDecimal most) {
        /** Of the smallest options. */
        BigDecimal least() {
            return Arrays.stream(weights)
                    .map(row -> Arrays.stream(row).min(BigDecimal::compareTo).orElseThrow())
                    .reduce(BigDecimal.ZERO, BigDecimal::add);
        }

        private BigDecimal of(int[] options) {
            BigDecimal sum = BigDecimal.ZERO;
            for (int g = 0; g < options.length; g++) {
                sum = sum.add(weights[g][options[g]]);
            }
            return sum;
        }

        /** What matters of the limit: no choice takes more. */
        private BigDecimal highest() {
            return Arrays.stream(weights)
                    .map(row -> Arrays.stream(row).max(BigDecimal::compareTo).orElseThrow())
                    .reduce(BigDecimal.ZERO, BigDecimal::add)
                    .min(most);
        }

        private DecimalUnits units() {
            List<BigDecimal> fitting = Arrays.stream(weights)
                    .flatMap(Arrays::stream)
                    .filter(weight -> weight.compareTo(most) <= 0)
                    .toList();
            return DecimalUnits.of(highest(), fitting);
        }
    }

    /**
     * @param options of each group
     * @param proven no plan has a smaller omega
     * @param bound the omega that no plan undercuts
     */
    record Plan(int[] options, boolean proven, double bound) {}

    /**
     * @param objective what is minimised, for messages
     * @param omegas [group][option], of the objective
     */
    AllocationProblem(String objective, BigDecimal[][] omegas, List<Quantity> quantities) {
        this.objective = objective;
        this.omegas = omegas;
        this.quantities = quantities;
        this.groups = omegas.length;
        this.weights = new long[quantities.size()][][];
        this.limits = new long[quantities.size()];
    }

    /** @throws IllegalArgumentException if no choice keeps the limits */
    Plan solve() {
        for (Quantity quantity : quantities) {
            BigDecimal least = quantity.least();
            if (least.compareTo(quantity.most) > 0) {
                throw new IllegalArgumentException("bit allocation: the limit of " + plain(quantity.most) + " "
                        + quantity.name + " cannot be met, the smallest choice takes " + plain(least)
                        + "; raise the limit or offer fewer bits");
            }
        }
        for (int d = 0; d < limits.length; d++) {
            Quantity quantity = quantities.get(d);
            DecimalUnits units = quantity.units();
            limits[d] = units.units(quantity.highest(), RoundingMode.FLOOR);
            weights[d] = new long[groups][];
            for (int g = 0; g < groups; g++) {
                weights[d][g] = weights(quantity, units, limits[d], g);
            }
        }
        while (true) {
            Plan plan = best();
            int over = plan.options == null ? -1 : exceeded(plan.options);
            if (over < 0) {
                return checked(plan);
            }
            // digits that the units do not hold tipped the balance: less of them
            long taken = 0;
            for (int g = 0; g < groups; g++) {
                taken += weights[over][g][plan.options[g]];
            }
            limits[over] = taken - 1;
        }
    }

    private static long[] weights(Quantity quantity, DecimalUnits units, long limit, int g) {
        // no sum is rounded up past a limit that it keeps; what does not fit at all need not be told in units
        return Arrays.stream(quantity.weights[g])
                .mapToLong(weight ->
                        weight.compareTo(quantity.most) > 0 ? limit + 1 : units.units(weight, RoundingMode.FLOOR))
                .toArray();
    }

    private int exceeded(int[] options) {
        for (int d = 0; d < limits.length; d++) {
            if (quantities.get(d).of(options).compareTo(quantities.get(d).most) > 0) {
                return d;
            }
        }
        return -1;
    }

    /** In units as fine as the plan's omega allows: a first plan says which options are out of the question. */
    private Plan best() {
        BigDecimal base = BigDecimal.ZERO;
        BigDecimal[][] above = new BigDecimal[groups][];
        BigDecimal most = BigDecimal.ZERO;
        for (int g = 0; g < groups; g++) {
            BigDecimal least =
                    Arrays.stream(omegas[g]).min(BigDecimal::compareTo).orElseThrow();
            base = base.add(least);
            above[g] =
                    Arrays.stream(omegas[g]).map(omega -> omega.subtract(least)).toArray(BigDecimal[]::new);
            most = most.add(Arrays.stream(above[g]).max(BigDecimal::compareTo).orElseThrow());
        }
        while (true) {
            DecimalUnits units = units(above, most);
            // every group's value may have been rounded up
            long highest = units.units(most, RoundingMode.CEILING) + groups;
            long[][] values = values(above, units, highest);
            if (!units.exact()) {
                MultipleChoiceKnapsack.Solution first =
                        MultipleChoiceKnapsack.minimise(values, weights, limits, highest, 0);
                if (first.choice() != null) {
                    BigDecimal enough = units.decimal(first.value() + groups);
                    if (units(above, enough).scale() > units.scale()) {
                        most = enough;
                        continue;
                    }
                }
            }
            MultipleChoiceKnapsack.Solution found =
                    MultipleChoiceKnapsack.minimise(values, weights, limits, highest, MultipleChoiceKnapsack.BUDGET);
            double bound = base.add(units.decimal(found.bound())).doubleValue();
            return new Plan(found.choice(), found.proven(), bound);
        }
    }

    private static DecimalUnits units(BigDecimal[][] above, BigDecimal most) {
        List<BigDecimal> possible = new ArrayList<>();
        for (BigDecimal[] row : above) {
            for (BigDecimal omega : row) {
                if (omega.compareTo(most) <= 0) {
                    possible.add(omega);
                }
            }
        }
        // with room for what rounding adds
        return DecimalUnits.of(most.add(most.scaleByPowerOfTen(-3)), possible);
    }

    private static long[][] values(BigDecimal[][] above, DecimalUnits units, long highest) {
        BigDecimal most = units.decimal(highest);
        return Arrays.stream(above)
                .map(row -> Arrays.stream(row)
                        .mapToLong(omega ->
                                omega.compareTo(most) > 0 ? highest + 1 : units.units(omega, RoundingMode.HALF_EVEN))
                        .toArray())
                .toArray(long[][]::new);
    }

    private Plan checked(Plan plan) {
        if (plan.options == null) {
            String all = quantities.stream()
                    .map(quantity -> plain(quantity.most) + " " + quantity.name)
                    .collect(Collectors.joining(", "));
            if (plan.proven) {
                throw new IllegalArgumentException("bit allocation: the limits " + all
                        + " cannot be met together, only each alone; raise one of them or offer fewer bits");
            }
            throw new IllegalStateException("bit allocation: the search found no choice within the limits " + all
                    + " and did not finish proving that there is none; raise one of them a little");
        }
        if (!plan.proven) {
            LOG.warn(
                    "bit allocation: the plan keeps its limits, but is not proven to be the best: no plan has a sum of {} below {}; "
                            + "fewer limits, or fewer digits in omegas and costs, make the proof easier",
                    objective,
                    plan.bound);
        }
        return plan;
    }

    private static String plain(BigDecimal value) {
        return value.stripTrailingZeros().toPlainString();
    }
}
