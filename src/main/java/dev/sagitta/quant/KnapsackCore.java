package dev.sagitta.quant;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Builds plans group by group, those first whose choice is closest (after Pisinger's core), and keeps of the partial plans the
 * {@code width} with the smallest bounds. What is left out for its bound is remembered: no plan below the smallest bound left out is missed.
 *
 * <p>A partial plan goes without a trace if another has no larger value and takes no more of any limit that the groups to come can still
 * exceed.
 */
final class KnapsackCore {
    /** With one limit the plan before in the order is the only one to compare with; with several it is a part of the possible. */
    private static final int COMPARED = 8;

    /** Partial plans kept: enough to close small rests, little enough that branching narrows the large ones first. */
    private static final int WIDTH = 32;
    /** Groups that are as close as can be make equal bounds, which only a wide search tells apart: this many more for each. */
    private static final int WIDTH_PER_TIE = 4;

    private static final int WIDEST = 2048;

    /** Closer than 2 to this power is as close as can be. */
    private static final int NEAREST = -14;

    private final KnapsackProblem problem;
    private final KnapsackBounds bounds;
    private final int dimensions;
    private final int[] order;
    private final int width;
    /** [dimension][place], the most that the groups from this place on take. */
    private final long[][] most;
    /** [dimension][place], what they take at the best prices. */
    private final double[][] expected;

    private long work;
    private double missed = Double.POSITIVE_INFINITY;

    private record Path(Path before, int option) {}

    /** @param floor the weights, or what changes nothing any more where they are below it */
    private record Partial(long value, long[] weights, long[] floor, double bound, Path path) {}

    /**
     * @param options of each group, null if none was found
     * @param missed no plan below it was left out; infinite if the search was complete
     */
    record Result(int[] options, double missed, long work) {}

    private KnapsackCore(KnapsackProblem problem, KnapsackBounds bounds) {
        this.problem = problem;
        this.bounds = bounds;
        this.dimensions = problem.dimensions();
        int groups = problem.groups();
        int[] distance = new int[groups];
        double[] impact = new double[groups];
        List<Integer> sorted = new ArrayList<>();
        for (int g = 0; g < groups; g++) {
            sorted.add(g);
            distance[g] = Math.max(NEAREST, Math.getExponent(distance(g)));
            impact[g] = impact(g);
        }
        int ties = (int) Arrays.stream(distance).filter(d -> d == NEAREST).count();
        width = Math.min(WIDEST, WIDTH + WIDTH_PER_TIE * Math.max(0, ties - dimensions - 1));
        // of groups about as close the small ones last: they fill what the large ones leave
        sorted.sort(Comparator.<Integer>comparingInt(g -> distance[g])
                .thenComparing(
                        Comparator.<Integer>comparingDouble(g -> impact[g]).reversed()));
        order = sorted.stream().mapToInt(g -> g).toArray();
        bounds.order(order);
        most = new long[dimensions][groups + 1];
        expected = new double[dimensions][groups + 1];
        for (int k = groups - 1; k >= 0; k--) {
            int g = order[k];
            int usual = bounds.cheapest(g);
            for (int d = 0; d < dimensions; d++) {
                long largest = 0;
                for (long weight : problem.weights[d][g]) {
                    largest = Math.max(largest, weight);
                }
                // no more than the limit matters, and sums stay within a long
                most[d][k] = Math.min(problem.limits[d] - largest, most[d][k + 1]) + largest;
                expected[d][k] = expected[d][k + 1] + problem.weights[d][g][usual];
            }
        }
    }

    private double impact(int g) {
        int usual = bounds.cheapest(g);
        double largest = 0;
        for (int o = 0; o < problem.options(g); o++) {
            largest = Math.max(largest, bounds.impact(g, o, usual));
        }
        return largest;
    }

    /** By which fraction the prices must change for the group to choose otherwise. */
    private double distance(int g) {
        int usual = bounds.cheapest(g);
        double least = Double.POSITIVE_INFINITY;
        for (int o = 0; o < problem.options(g); o++) {
            if (o != usual) {
                double impact = bounds.impact(g, o, usual);
                double cost = bounds.reducedCost(g, o);
                least = Math.min(least, cost == 0 ? 0 : impact == 0 ? Double.POSITIVE_INFINITY : cost / impact);
            }
        }
        return least;
    }

    /** @param most values above it (without {@link KnapsackProblem#base}) are of no interest */
    static Result search(KnapsackProblem problem, KnapsackBounds bounds, long most) {
        return new KnapsackCore(problem, bounds).run(most);
    }

    private Result run(long highest) {
        List<Partial> partials = List.of(new Partial(0, new long[dimensions], null, 0, null));
        for (int k = 0; k < order.length; k++) {
            partials = selected(undominated(extended(partials, k, highest)));
        }
        Partial best = null;
        for (Partial plan : partials) {
            if (best == null || better(plan, best)) {
                best = plan;
            }
        }
        int[] options = null;
        if (best != null) {
            options = new int[order.length];
            Path path = best.path;
            for (int k = order.length - 1; k >= 0; k--, path = path.before) {
                options[order[k]] = path.option;
            }
        }
        return new Result(options, missed, work);
    }

    private static boolean better(Partial a, Partial b) {
        return a.value < b.value || a.value == b.value && Arrays.compare(a.weights, b.weights) < 0;
    }

    private List<Partial> extended(List<Partial> partials, int k, long highest) {
        int g = order[k];
        int options = problem.options(g);
        List<Partial> next = new ArrayList<>(partials.size() * 2);
        long[] weights = new long[dimensions];
        for (Partial partial : partials) {
            for (int o = 0; o < options; o++) {
                if (problem.values[g][o] > highest - partial.value) {
                    continue;
                }
                int dearer = 0;
                boolean fits = true;
                for (int d = 0; d < dimensions && fits; d++) {
                    fits = problem.weights[d][g][o] <= problem.limits[d] - partial.weights[d];
                    weights[d] = partial.weights[d] + problem.weights[d][g][o];
                    if (weights[d] + expected[d][k + 1] > problem.limits[d]) {
                        dearer |= 1 << d;
                    }
                }
                if (!fits) {
                    continue;
                }
                work++;
                long value = partial.value + problem.values[g][o];
                double bound = bound(value, weights, bounds.direction(dearer), k + 1);
                if (bound <= highest) {
                    next.add(new Partial(
                            value, weights.clone(), floor(weights, k + 1), bound, new Path(partial.path, o)));
                }
            }
        }
        return next;
    }

    private double bound(long value, long[] weights, KnapsackBounds.Direction direction, int k) {
        double bound = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < KnapsackBounds.FRACTIONS; i++) {
            double z = value + direction.rest()[i][k];
            double[] prices = direction.prices()[i];
            for (int d = 0; d < dimensions; d++) {
                z += prices[d] * weights[d];
            }
            // concave along the fractions: past the top
            if (z < bound) {
                break;
            }
            bound = z;
        }
        return bound - bounds.margin;
    }

    private long[] floor(long[] weights, int k) {
        long[] floor = new long[dimensions];
        for (int d = 0; d < dimensions; d++) {
            floor[d] = Math.max(weights[d], problem.limits[d] - most[d][k]);
        }
        return floor;
    }

    private List<Partial> undominated(List<Partial> partials) {
        partials.sort((a, b) -> {
            int order = Arrays.compare(a.floor, b.floor);
            order = order != 0 ? order : Long.compare(a.value, b.value);
            return order != 0 ? order : Arrays.compare(a.weights, b.weights);
        });
        List<Partial> kept = new ArrayList<>();
        for (Partial partial : partials) {
            boolean dominated = false;
            int compared = dimensions == 1 ? 1 : COMPARED;
            for (int i = kept.size() - 1; i >= Math.max(0, kept.size() - compared) && !dominated; i--) {
                dominated = dominates(kept.get(i), partial);
            }
            if (!dominated) {
                kept.add(partial);
            }
        }
        return kept;
    }

    private boolean dominates(Partial a, Partial b) {
        if (a.value > b.value) {
            return false;
        }
        for (int d = 0; d < dimensions; d++) {
            // of equal values the one that takes less is wanted
            if (a.floor[d] > b.floor[d] || a.value == b.value && a.weights[d] > b.weights[d]) {
                return false;
            }
        }
        return true;
    }

    private List<Partial> selected(List<Partial> partials) {
        if (partials.size() <= width) {
            return partials;
        }
        partials.sort(Comparator.comparingDouble(Partial::bound));
        missed = Math.min(missed, partials.get(width).bound);
        return new ArrayList<>(partials.subList(0, width));
    }
}
