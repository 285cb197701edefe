package dev.sagitta.quant;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.ojalgo.optimisation.Expression;
import org.ojalgo.optimisation.ExpressionsBasedModel;
import org.ojalgo.optimisation.Optimisation;
import org.ojalgo.optimisation.Variable;
import org.ojalgo.optimisation.integer.IntegerStrategy;
import org.ojalgo.type.context.NumberContext;

/**
 * One option per layer that minimises the sum of omegas under a limit: a multiple-choice knapsack, solved exactly as an integer linear
 * programme (HAWQ-V3 poses it so). Binary x_lo says that layer l takes option o.
 *
 * <pre>
 * minimise sum omega_lo x_lo   subject to   sum_o x_lo = 1 for each l,   sum weight_lo x_lo &lt;= limit
 * </pre>
 *
 * @param choice option of each layer, by name, in the order of the table
 * @param omega total
 * @param bytes total
 * @param cost total
 */
public record BitAllocation(Map<String, BitTable.Option> choice, double omega, long bytes, double cost) {

    /** What is limited. */
    public enum Limit {
        BYTES,
        COST
    }

    public static BitAllocation minimise(BitTable table, Limit limit, double most) {
        List<List<BitTable.Layer>> groups = groups(table);
        double least = 0;
        for (List<BitTable.Layer> group : groups) {
            least += smallest(group, limit);
        }
        if (!(least <= most)) {
            throw new IllegalArgumentException("bit allocation: the limit of " + plain(most) + " "
                    + limit.name().toLowerCase() + " cannot be met, the smallest choice takes " + plain(least)
                    + "; raise the limit or offer fewer bits");
        }
        // options that do not fit even beside the smallest of all others are out before the solver sees them
        List<List<Integer>> fitting = new ArrayList<>();
        for (List<BitTable.Layer> group : groups) {
            double smallest = smallest(group, limit);
            double rest = least - smallest;
            fitting.add(group.get(0).options().stream()
                    .map(BitTable.Option::bits)
                    .filter(bits -> weight(group, bits, limit) == smallest || rest + weight(group, bits, limit) <= most)
                    .toList());
        }
        List<Integer> free = new ArrayList<>();
        double used = 0;
        for (int g = 0; g < groups.size(); g++) {
            List<BitTable.Layer> group = groups.get(g);
            int best = fitting.get(g).stream()
                    .min(Comparator.comparingDouble((Integer bits) -> omega(group, bits))
                            .thenComparingDouble(bits -> weight(group, bits, limit)))
                    .orElseThrow();
            free.add(best);
            used += weight(group, best, limit);
        }
        boolean limitBinds = used > most;
        return collect(table, groups, limitBinds ? solve(groups, fitting, limit, most) : free);
    }

    private static double smallest(List<BitTable.Layer> group, Limit limit) {
        return group.get(0).options().stream()
                .mapToDouble(option -> weight(group, option.bits(), limit))
                .min()
                .orElseThrow();
    }

    /** Layers that choose together: a tied group, or one layer. */
    private static List<List<BitTable.Layer>> groups(BitTable table) {
        Map<String, List<BitTable.Layer>> owner = new LinkedHashMap<>();
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

    private static double weight(List<BitTable.Layer> group, int bits, Limit limit) {
        return group.stream()
                .map(layer -> option(layer, bits))
                .mapToDouble(option -> limit == Limit.BYTES ? option.bytes() : option.cost())
                .sum();
    }

    private static double omega(List<BitTable.Layer> group, int bits) {
        return group.stream().mapToDouble(layer -> option(layer, bits).omega()).sum();
    }

    private static List<Integer> solve(
            List<List<BitTable.Layer>> groups, List<List<Integer>> fitting, Limit limit, double most) {
        // coefficients near one: the solver's tolerances are absolute
        double omegaScale = 0;
        double weightScale = 0;
        for (int g = 0; g < groups.size(); g++) {
            for (int bits : fitting.get(g)) {
                omegaScale = Math.max(omegaScale, Math.abs(omega(groups.get(g), bits)));
                weightScale = Math.max(weightScale, weight(groups.get(g), bits, limit));
            }
        }
        ExpressionsBasedModel model = new ExpressionsBasedModel();
        // the default accepts a solution that is merely near the bound
        model.options.integer(IntegerStrategy.DEFAULT.withGapTolerance(NumberContext.of(12, 14)));
        List<List<Variable>> variables = new ArrayList<>();
        // a choice that meets the limit exactly must stay inside after scaling; bytes are whole numbers
        double slack = limit == Limit.BYTES ? 0.5 : 1e-9 * most;
        Expression total = model.newExpression("limit").upper((most + slack) / nonZero(weightScale));
        for (int g = 0; g < groups.size(); g++) {
            List<BitTable.Layer> group = groups.get(g);
            Expression one =
                    model.newExpression("one of " + group.get(0).name()).level(1);
            List<Variable> row = new ArrayList<>();
            for (int bits : fitting.get(g)) {
                Variable x = model.newVariable(group.get(0).name() + "@" + bits)
                        .binary()
                        .weight(omega(group, bits) / nonZero(omegaScale));
                one.set(x, 1);
                total.set(x, weight(group, bits, limit) / nonZero(weightScale));
                row.add(x);
            }
            variables.add(row);
        }
        Optimisation.Result result = model.minimise();
        if (!result.getState().isOptimal()) {
            throw new IllegalStateException(
                    "bit allocation: the integer programme ended as " + result.getState() + ", not as optimal");
        }
        List<Integer> chosen = new ArrayList<>();
        double used = 0;
        for (int g = 0; g < groups.size(); g++) {
            List<Variable> row = variables.get(g);
            int best = IntStream.range(0, row.size())
                    .boxed()
                    .max(Comparator.comparing(o -> row.get(o).getValue()))
                    .orElseThrow();
            chosen.add(fitting.get(g).get(best));
            used += weight(groups.get(g), chosen.get(g), limit);
        }
        if (used > most + slack) {
            throw new IllegalStateException(
                    "bit allocation: the solution takes " + plain(used) + ", more than the limit " + plain(most));
        }
        return chosen;
    }

    private static double nonZero(double scale) {
        return scale == 0 ? 1 : scale;
    }

    private static String plain(double value) {
        return BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
    }

    private static BitAllocation collect(BitTable table, List<List<BitTable.Layer>> groups, List<Integer> bits) {
        Map<String, BitTable.Option> byName = new LinkedHashMap<>();
        for (int g = 0; g < groups.size(); g++) {
            for (BitTable.Layer layer : groups.get(g)) {
                byName.put(layer.name(), option(layer, bits.get(g)));
            }
        }
        Map<String, BitTable.Option> choice = new LinkedHashMap<>();
        double omega = 0;
        long bytes = 0;
        double cost = 0;
        for (BitTable.Layer layer : table.layers()) {
            BitTable.Option option = byName.get(layer.name());
            choice.put(layer.name(), option);
            omega += option.omega();
            bytes += option.bytes();
            cost += option.cost();
        }
        return new BitAllocation(choice, omega, bytes, cost);
    }
}
