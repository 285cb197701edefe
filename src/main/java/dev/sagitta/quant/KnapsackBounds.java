package dev.sagitta.quant;

import java.util.HashMap;
import java.util.Map;

/**
 * Lagrangian bounds of a problem at prices round the best ones: each limit's price raised or lowered by a common fraction, from 2^-14 to 2.
 * A partial plan that takes too much of a limit is judged at the higher price, one that leaves room at the lower.
 *
 * <p>A bound here is a value without {@link KnapsackProblem#base} that no plan undercuts by more than {@link #margin}.
 */
final class KnapsackBounds {
    static final int FRACTIONS = 16;
    /** Limits beyond these keep their price. */
    private static final int DIRECTED = 10;
    /** Above it only all prices or one price at a time move where every option is judged. */
    private static final int ALL_DIRECTIONS = 4;

    /** How much a group counts as split falls to half where its second option costs a hundredth of the impact more. */
    private static final double CLOSE = 100;

    private final KnapsackProblem problem;
    private final double[] prices;
    private final double[] step;
    /** Of all sums of doubles here. */
    final double margin;

    private final Map<Integer, Direction> directions = new HashMap<>();
    private int[] order;

    /**
     * @param prices [fraction][dimension]
     * @param rest [fraction][place in the order], the bound on the groups from this place on, less the price of the limits
     */
    record Direction(double[][] prices, double[][] rest) {}

    /** @param most values above it are of no interest */
    KnapsackBounds(KnapsackProblem problem, double[] prices, double most) {
        this.problem = problem;
        this.prices = prices;
        this.step = new double[prices.length];
        double sum = 0;
        for (int d = 0; d < prices.length; d++) {
            sum += prices[d] * problem.limits[d];
        }
        for (int d = 0; d < prices.length; d++) {
            step[d] = problem.limits[d] == 0 ? 0 : Math.max(prices[d], 0.1 * sum / prices.length / problem.limits[d]);
        }
        double largest = 0;
        for (long[] row : problem.values) {
            largest += most(row);
        }
        double magnitude = Math.min(largest, Math.max(most, 0)) + 4 * sum;
        this.margin = (problem.groups() + prices.length + 8) * 0x1p-50 * magnitude;
    }

    private static long most(long[] row) {
        long most = 0;
        for (long x : row) {
            most = Math.max(most, x);
        }
        return most;
    }

    double bound() {
        double sum = 0;
        for (int g = 0; g < problem.groups(); g++) {
            sum += priced(g, cheapest(g, prices), prices);
        }
        return sum - ofLimits(prices) - margin;
    }

    private double ofLimits(double[] at) {
        double sum = 0;
        for (int d = 0; d < at.length; d++) {
            sum += at[d] * problem.limits[d];
        }
        return sum;
    }

    private double priced(int g, int o, double[] at) {
        double z = problem.values[g][o];
        for (int d = 0; d < at.length; d++) {
            z += at[d] * problem.weights[d][g][o];
        }
        return z;
    }

    private int cheapest(int g, double[] at) {
        int best = 0;
        double least = Double.POSITIVE_INFINITY;
        for (int o = 0; o < problem.options(g); o++) {
            double z = priced(g, o, at);
            if (z < least) {
                least = z;
                best = o;
            }
        }
        return best;
    }

    /** The option that the best prices choose. */
    int cheapest(int g) {
        return cheapest(g, prices);
    }

    /** What an option costs more than the group's cheapest, at the best prices. */
    double reducedCost(int g, int o) {
        return priced(g, o, prices) - priced(g, cheapest(g), prices);
    }

    /** The price of what two options of a group differ by. */
    double impact(int g, int o, int p) {
        double sum = 0;
        for (int d = 0; d < prices.length; d++) {
            sum += prices[d] * Math.abs((double) problem.weights[d][g][o] - problem.weights[d][g][p]);
        }
        return sum;
    }

    /** The group whose two nearest options differ at the highest price: the relaxation splits it, and the bound suffers most. */
    int split() {
        int group = 0;
        double highest = -1;
        for (int g = 0; g < problem.groups(); g++) {
            int usual = cheapest(g);
            for (int o = 0; o < problem.options(g); o++) {
                double impact = o == usual ? 0 : impact(g, o, usual);
                if (impact > 0) {
                    double score = impact / (1 + CLOSE * reducedCost(g, o) / impact);
                    if (score > highest) {
                        highest = score;
                        group = g;
                    }
                }
            }
        }
        return group;
    }

    /** Of the places that {@link Direction#rest} counts. */
    void order(int[] groups) {
        this.order = groups;
        directions.clear();
    }

    /** @param dearer bit d: the price of limit d is raised, otherwise lowered */
    Direction direction(int dearer) {
        return directions.computeIfAbsent(dearer & (1 << DIRECTED) - 1, this::make);
    }

    private Direction make(int dearer) {
        int groups = problem.groups();
        double[][] moved = new double[FRACTIONS][];
        double[][] rest = new double[FRACTIONS][groups + 1];
        for (int i = 0; i < FRACTIONS; i++) {
            double[] at = moved[i] = moved(dearer, i);
            rest[i][groups] = -ofLimits(at);
            for (int k = groups - 1; k >= 0; k--) {
                rest[i][k] = rest[i][k + 1] + priced(order[k], cheapest(order[k], at), at);
            }
        }
        return new Direction(moved, rest);
    }

    private double[] moved(int dearer, int fraction) {
        double by = Math.scalb(1.0, fraction - FRACTIONS + 2);
        double[] at = prices.clone();
        for (int d = 0; d < Math.min(at.length, DIRECTED); d++) {
            at[d] = Math.max(0, at[d] + ((dearer >> d & 1) != 0 ? by : -by) * step[d]);
        }
        return at;
    }

    /** The problem without the options that make a value of {@code most} or less impossible; null where none is possible. */
    KnapsackProblem within(double most) {
        boolean[][] out = new boolean[problem.groups()][];
        for (int g = 0; g < out.length; g++) {
            out[g] = new boolean[problem.options(g)];
        }
        int dimensions = Math.min(prices.length, DIRECTED);
        for (int dearer = 0; dearer < 1 << dimensions; dearer++) {
            if (dimensions <= ALL_DIRECTIONS || Integer.bitCount(dearer) <= 1 || dearer == (1 << dimensions) - 1) {
                for (int i = 0; i < FRACTIONS; i++) {
                    mark(out, moved(dearer, i), most);
                }
            }
        }
        return problem.without(out);
    }

    private void mark(boolean[][] out, double[] at, double most) {
        int groups = problem.groups();
        double[] least = new double[groups];
        double total = -ofLimits(at) - margin;
        for (int g = 0; g < groups; g++) {
            least[g] = priced(g, cheapest(g, at), at);
            total += least[g];
        }
        for (int g = 0; g < groups; g++) {
            for (int o = 0; o < out[g].length; o++) {
                out[g][o] |= total + priced(g, o, at) - least[g] > most;
            }
        }
    }
}
