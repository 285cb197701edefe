package dev.sagitta.quant;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * One option per layer that minimises the sum of omegas under limits: a multiple-choice knapsack, solved exactly (HAWQ-V3 poses it as an
 * integer programme).
 *
 * <pre>
 * minimise sum omega_lo x_lo   subject to   sum_o x_lo = 1 for each l,   sum weight_dlo x_lo &lt;= limit_d for each d
 * </pre>
 *
 * <p><b>Arithmetic.</b> A double counts as the decimal that prints it ({@link Double#toString}), and sums are exact: 0.1 and 0.2 make 0.3
 * and meet a limit of 0.3. Where a table's numbers span more digits than a long has, a limited cost counts to 18 digits of its limit and
 * omega to 18 digits of what the best plan takes above the smallest omegas of all layers; beyond the last digit of a double in both cases.
 * No plan ever exceeds a limit.
 *
 * <p><b>Ties.</b> The same table gives the same plan, on every run, on every machine, in whatever order its layers and options stand. Of
 * plans with the same omega under one limit the search ends with the one that takes the least of what is limited; what is left then goes
 * where it costs no omega: among options of a layer whose omegas are equal those are chosen that make the sum of squared errors least. A layer without
 * curvature so gets the most bits that there is room for.
 *
 * <p><b>Proof.</b> The search ends with a proof that no plan has a smaller omega. It is given up where too many plans tie, some ten seconds
 * in: if the bound agrees with the plan to 12 digits by then, the plan counts as optimal; otherwise {@link #optimal} is false, {@link #bound}
 * says what is proven, and the log warns. Tables made for it have that effect, as hundreds of layers whose omegas are all a linear function
 * of their bytes.
 *
 * @param choice option of each layer, by name, in the order of the table
 * @param omega total
 * @param bytes total
 * @param cost total, like those below rounded up to a double: as a limit it admits this plan
 * @param costs totals by name
 * @param bound no plan within the limits has a smaller omega; equal to {@code omega} unless the search was given up
 */
public record BitAllocation(
        Map<String, BitTable.Option> choice,
        double omega,
        long bytes,
        double cost,
        Map<String, Double> costs,
        double bound) {

    /**
     * What the chosen options may sum up to.
     *
     * @param quantity {@code bytes}, {@code cost}, or the name of one of the table's costs
     */
    public record Limit(String quantity, BigDecimal most) {
        public static final String BYTES = "bytes";
        public static final String COST = "cost";
        /** Quantities that every table has. */
        static final List<String> PLAIN = List.of(BYTES, COST);

        public static Limit bytes(long most) {
            return new Limit(BYTES, BigDecimal.valueOf(most));
        }

        public static Limit cost(double most) {
            return of(COST, most);
        }

        public static Limit of(String quantity, double most) {
            if (!Double.isFinite(most)) {
                throw new IllegalArgumentException("bit allocation: the limit of '" + quantity + "' is " + most
                        + ", expected a finite number; leave it out to set none");
            }
            return new Limit(quantity, BigDecimal.valueOf(most));
        }

        private Function<BitTable.Option, BigDecimal> weight() {
            return switch (quantity) {
                case BYTES -> option -> BigDecimal.valueOf(option.bytes());
                case COST -> option -> BigDecimal.valueOf(option.cost());
                default -> option -> BigDecimal.valueOf(option.costs().get(quantity));
            };
        }
    }

    /** The plan is proven to have the least omega. */
    public boolean optimal() {
        return bound >= omega;
    }

    /** @throws IllegalArgumentException if the limits cannot be met, or name what the table does not have */
    public static BitAllocation minimise(BitTable table, Limit... limits) {
        requireKnown(table, limits);
        List<List<BitTable.Layer>> groups = groups(table);
        List<List<Integer>> bits = groups.stream()
                .map(group -> group.get(0).options().stream()
                        .map(BitTable.Option::bits)
                        .sorted()
                        .toList())
                .toList();
        List<AllocationProblem.Quantity> quantities = new ArrayList<>();
        for (Limit limit : limits) {
            quantities.add(
                    new AllocationProblem.Quantity(limit.quantity(), sums(groups, bits, limit.weight()), limit.most()));
        }
        BigDecimal[][] omegas = sums(groups, bits, option -> BigDecimal.valueOf(option.omega()));
        AllocationProblem.Plan plan = new AllocationProblem("omega", omegas, quantities).solve();
        int[] options = new AllocationTies(
                        omegas, sums(groups, bits, option -> BigDecimal.valueOf(option.error())), quantities)
                .resolve(plan.options());
        Map<String, Integer> chosen = new LinkedHashMap<>();
        for (int g = 0; g < groups.size(); g++) {
            for (BitTable.Layer layer : groups.get(g)) {
                chosen.put(layer.name(), bits.get(g).get(options[g]));
            }
        }
        return collect(table, chosen, plan);
    }

    private static void requireKnown(BitTable table, Limit[] limits) {
        List<String> known = new ArrayList<>(Limit.PLAIN);
        known.addAll(table.costs());
        List<String> seen = new ArrayList<>();
        for (Limit limit : limits) {
            if (!known.contains(limit.quantity())) {
                throw new IllegalArgumentException(
                        "bit allocation: nothing in the table is named '" + limit.quantity() + "'; it has " + known);
            }
            if (seen.contains(limit.quantity())) {
                throw new IllegalArgumentException(
                        "bit allocation: '" + limit.quantity() + "' is limited twice; give one limit");
            }
            seen.add(limit.quantity());
        }
        if (seen.isEmpty()) {
            throw new IllegalArgumentException("bit allocation: nothing is limited; limit one of " + known);
        }
    }

    /** Layers that choose together: a tied group, or one layer. By name, so that the order of the table has no say. */
    private static List<List<BitTable.Layer>> groups(BitTable table) {
        Map<String, List<BitTable.Layer>> owner = new TreeMap<>();
        table.layers().forEach(layer -> owner.put(layer.name(), new ArrayList<>(List.of(layer))));
        for (List<String> names : table.tied()) {
            List<BitTable.Layer> first = owner.get(names.get(0));
            for (String name : names.subList(1, names.size())) {
                List<BitTable.Layer> other = owner.get(name);
                if (other != first) {
                    first.addAll(other);
                    other.forEach(layer -> owner.put(layer.name(), first));
                }
            }
        }
        List<List<BitTable.Layer>> groups = new ArrayList<>();
        for (List<BitTable.Layer> group : owner.values()) {
            if (groups.stream().noneMatch(known -> known == group)) {
                groups.add(group);
            }
        }
        return groups;
    }

    private static BitTable.Option option(BitTable.Layer layer, int bits) {
        return layer.options().stream()
                .filter(option -> option.bits() == bits)
                .findFirst()
                .orElseThrow();
    }

    /** [group][option]. */
    private static BigDecimal[][] sums(
            List<List<BitTable.Layer>> groups,
            List<List<Integer>> bits,
            Function<BitTable.Option, BigDecimal> quantity) {
        BigDecimal[][] sums = new BigDecimal[groups.size()][];
        for (int g = 0; g < sums.length; g++) {
            List<BitTable.Layer> group = groups.get(g);
            sums[g] = bits.get(g).stream()
                    .map(b -> group.stream()
                            .map(layer -> quantity.apply(option(layer, b)))
                            .reduce(BigDecimal.ZERO, BigDecimal::add))
                    .toArray(BigDecimal[]::new);
        }
        return sums;
    }

    private static BitAllocation collect(BitTable table, Map<String, Integer> bits, AllocationProblem.Plan plan) {
        Map<String, BitTable.Option> choice = new LinkedHashMap<>();
        table.layers().forEach(layer -> choice.put(layer.name(), option(layer, bits.get(layer.name()))));
        double omega = total(choice, BitTable.Option::omega).doubleValue();
        long bytes = choice.values().stream().mapToLong(BitTable.Option::bytes).sum();
        Map<String, Double> costs = new TreeMap<>();
        for (String name : table.costs()) {
            costs.put(name, roundedUp(total(choice, option -> option.costs().get(name))));
        }
        double bound = plan.proven() ? omega : Math.min(omega, plan.bound());
        return new BitAllocation(choice, omega, bytes, roundedUp(total(choice, BitTable.Option::cost)), costs, bound);
    }

    private static BigDecimal total(Map<String, BitTable.Option> choice, Function<BitTable.Option, Double> quantity) {
        return choice.values().stream()
                .map(option -> BigDecimal.valueOf(quantity.apply(option)))
                .reduce(BigDecimal.ZERO, BigDecimal::add);
    }

    private static double roundedUp(BigDecimal sum) {
        double nearest = sum.doubleValue();
        return BigDecimal.valueOf(nearest).compareTo(sum) < 0 ? Math.nextUp(nearest) : nearest;
    }
}
