package dev.sagitta.quant;

import java.util.Arrays;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.stream.IntStream;

/**
 * One option per group, the least sum of values under limits on sums of weights:
 *
 * <pre>
 * minimise sum_g value[g][o_g]   subject to   sum_g weight[d][g][o_g] &lt;= limit[d] for each d
 * </pre>
 *
 * <p>All numbers are whole, so sums are exact and no order of adding matters. One thread; the same arguments give the same plan on every
 * machine. Branch and bound, the smallest bound first:
 *
 * <ol>
 *   <li>{@link KnapsackProblem} drops options that are dominated or fit nowhere;
 *   <li>{@link KnapsackMultipliers} finds prices whose Lagrangian bound is that of the linear relaxation (with one limit: of the lower
 *       convex hulls of the groups), {@link KnapsackBounds} drops options whose bound is above the best plan known;
 *   <li>{@link KnapsackCore} builds plans from what is left, and is complete if that is little;
 *   <li>otherwise the group that the relaxation splits at the highest price is fixed to each of its options.
 * </ol>
 *
 * <p>Of plans with the same value the one that takes less of the first limit, then of the next, is preferred where both are met; with one
 * limit the search looks for it, as long as plans that tie are not by the hundred thousand. So too for the last of 12 digits of the value.
 */
final class MultipleChoiceKnapsack {
    /** Partial plans looked at; seconds. */
    static final long BUDGET = 10_000_000;

    /** Part of the value that the bounds, sums of doubles, cannot tell from nothing. */
    private static final double CLOSE = 1e-12;
    /** Partial plans for those last digits, and for plans of equal value that take less. */
    private static final long TIES = 300_000;

    private final long[][] values;
    private final long[][][] weights;
    private final long budget;
    private final PriorityQueue<Node> open = new PriorityQueue<>(Comparator.comparingLong(Node::bound));
    private long best;
    private int[] choice;
    private long[] taken;
    private long work;

    /** @param bound no plan of the problem has a smaller value */
    private record Node(KnapsackProblem problem, double[] prices, long bound) {}

    /**
     * @param choice option of each group; null if none was found
     * @param value of it
     * @param bound no plan within the limits has a smaller value; {@code Long.MAX_VALUE} if there is no plan
     * @param work partial plans looked at
     */
    record Solution(int[] choice, long value, long bound, long work) {
        /** The plan is optimal, at least to 12 digits, or there is none. */
        boolean proven() {
            return choice == null ? bound == Long.MAX_VALUE : bound >= value - value * CLOSE;
        }
    }

    private MultipleChoiceKnapsack(long[][] values, long[][][] weights, long most, long budget) {
        this.values = values;
        this.weights = weights;
        this.budget = budget;
        this.best = most + 1;
    }

    /**
     * @param values [group][option], at least 0, up to 2^62
     * @param weights [limit][group][option], at least 0, up to 2^62
     * @param limits up to 2^62
     * @param most plans of a larger value are not looked for; below 2^62
     * @param budget of partial plans, after which the best plan so far is returned with the bound that was reached
     */
    static Solution minimise(long[][] values, long[][][] weights, long[] limits, long most, long budget) {
        MultipleChoiceKnapsack search = new MultipleChoiceKnapsack(values, weights, most, budget);
        KnapsackProblem problem = KnapsackProblem.of(values, weights, limits);
        if (problem != null) {
            search.add(problem, null);
        }
        return search.run();
    }

    private Solution run() {
        long left = Long.MAX_VALUE;
        long proof = -1;
        while (!open.isEmpty() && open.peek().bound <= target()) {
            Node node = open.poll();
            if (node.bound >= best - best * CLOSE && proof < 0) {
                proof = work;
            }
            boolean enough = proof < 0 ? work >= budget : work - proof >= TIES;
            if (enough && work > 0) {
                left = node.bound;
                break;
            }
            explore(node);
        }
        return new Solution(choice, best, choice == null ? left : Math.min(left, best), work);
    }

    /** The largest value that is still of interest. */
    private long target() {
        return weights.length == 1 && choice != null ? best : best - 1;
    }

    private void add(KnapsackProblem problem, double[] near) {
        if (problem.base > target()) {
            return;
        }
        if (problem.groups() == 0) {
            offer(problem, new int[0]);
            return;
        }
        long most = target() - problem.base;
        double[] prices = KnapsackMultipliers.of(problem, near, most);
        double bound = Math.ceil(new KnapsackBounds(problem, prices, most).bound());
        if (bound <= most) {
            // values are whole, and none is below the base
            open.add(new Node(problem, prices, problem.base + Math.max(0, (long) bound)));
        }
    }

    private void explore(Node node) {
        double[] prices = node.prices;
        long most = target() - node.problem.base;
        KnapsackProblem rest = new KnapsackBounds(node.problem, prices, most).within(most);
        if (rest == null || rest.base > target()) {
            return;
        }
        if (rest.groups() == 0) {
            offer(rest, new int[0]);
            return;
        }
        most = target() - rest.base;
        KnapsackBounds bounds = new KnapsackBounds(rest, prices, most);
        KnapsackCore.Result found = KnapsackCore.search(rest, bounds, most);
        work += found.work();
        if (found.options() != null) {
            offer(rest, found.options());
        }
        if (found.missed() <= target() - rest.base) {
            branch(rest, bounds, prices);
        }
    }

    private void branch(KnapsackProblem problem, KnapsackBounds bounds, double[] prices) {
        int group = bounds.split();
        IntStream.range(0, problem.options(group))
                .boxed()
                .sorted(Comparator.comparingDouble(o -> bounds.reducedCost(group, o)))
                .forEach(o -> {
                    KnapsackProblem child = problem.fix(group, o);
                    if (child != null) {
                        add(child, prices);
                    }
                });
    }

    private void offer(KnapsackProblem problem, int[] options) {
        int[] plan = problem.choice(options);
        long value = 0;
        long[] sums = new long[weights.length];
        for (int g = 0; g < plan.length; g++) {
            value += values[g][plan[g]];
            for (int d = 0; d < sums.length; d++) {
                sums[d] += weights[d][g][plan[g]];
            }
        }
        if (value < best || value == best && choice != null && Arrays.compare(sums, taken) < 0) {
            best = value;
            choice = plan;
            taken = sums;
        }
    }
}
