package dev.sagitta.quant;

import java.util.Arrays;

/**
 * A multiple-choice knapsack in whole numbers, as small as can be said without a bound: each group has two options or more, none of them
 * dominated, each fits beside the smallest of the others, and the smallest value and weights of each group are 0 (what was taken off
 * stands in {@link #base} and in the limits).
 *
 * <p>Taking off and dropping is repeated until nothing changes, since one dropped option can make another too large.
 */
final class KnapsackProblem {
    /** The value of what is decided, and of the smallest option of each group that is not. */
    final long base;
    /** [group][option], the smallest of a group is 0. */
    final long[][] values;
    /** [dimension][group][option], the smallest of a group is 0. */
    final long[][][] weights;
    /** [dimension], what the weights may sum up to. */
    final long[] limits;
    /** [group] of the original problem. */
    private final int[] group;
    /** [group][option] of the original group. */
    private final int[][] option;
    /** [original group], -1 while open. */
    private final int[] decided;

    private KnapsackProblem(
            long base, long[][] values, long[][][] weights, long[] limits, int[] group, int[][] option, int[] decided) {
        this.base = base;
        this.values = values;
        this.weights = weights;
        this.limits = limits;
        this.group = group;
        this.option = option;
        this.decided = decided;
    }

    /** Null where no choice keeps the limits, as far as one dimension at a time shows. */
    static KnapsackProblem of(long[][] values, long[][][] weights, long[] limits) {
        int[] group = new int[values.length];
        int[][] option = new int[values.length][];
        for (int g = 0; g < values.length; g++) {
            group[g] = g;
            option[g] = new int[values[g].length];
            for (int o = 0; o < option[g].length; o++) {
                option[g][o] = o;
            }
        }
        int[] decided = new int[values.length];
        Arrays.fill(decided, -1);
        long[][][] copies = new long[weights.length][][];
        for (int d = 0; d < weights.length; d++) {
            copies[d] = weights[d].clone();
        }
        return new KnapsackProblem(0, values.clone(), copies, limits.clone(), group, option, decided).reduced();
    }

    int groups() {
        return values.length;
    }

    int dimensions() {
        return limits.length;
    }

    int options(int g) {
        return values[g].length;
    }

    /** The same with one option of a group; null where that keeps no limit. */
    KnapsackProblem fix(int g, int o) {
        KnapsackProblem copy = copy();
        copy.keep(g, new int[] {o}, 1);
        return copy.reduced();
    }

    /** The same without the options marked, [group][option]; null where nothing is left. */
    KnapsackProblem without(boolean[][] out) {
        KnapsackProblem copy = copy();
        boolean changed = false;
        for (int g = 0; g < groups(); g++) {
            int[] kept = new int[options(g)];
            int count = 0;
            for (int o = 0; o < kept.length; o++) {
                if (!out[g][o]) {
                    kept[count++] = o;
                }
            }
            if (count == 0) {
                return null;
            }
            if (count < kept.length) {
                copy.keep(g, kept, count);
                changed = true;
            }
        }
        return changed ? copy.reduced() : this;
    }

    /** [original group], the option of each, from an option of each group of this problem. */
    int[] choice(int[] options) {
        int[] choice = decided.clone();
        for (int g = 0; g < groups(); g++) {
            choice[group[g]] = option[g][options[g]];
        }
        return choice;
    }

    private KnapsackProblem copy() {
        long[][][] copies = new long[dimensions()][][];
        for (int d = 0; d < dimensions(); d++) {
            copies[d] = weights[d].clone();
        }
        return new KnapsackProblem(
                base, values.clone(), copies, limits.clone(), group, option.clone(), decided.clone());
    }

    private void keep(int g, int[] kept, int count) {
        long[] v = new long[count];
        int[] id = new int[count];
        for (int i = 0; i < count; i++) {
            v[i] = values[g][kept[i]];
            id[i] = option[g][kept[i]];
        }
        for (int d = 0; d < dimensions(); d++) {
            long[] w = new long[count];
            for (int i = 0; i < count; i++) {
                w[i] = weights[d][g][kept[i]];
            }
            weights[d][g] = w;
        }
        values[g] = v;
        option[g] = id;
    }

    /** Works on this copy, which nobody else has seen. */
    private KnapsackProblem reduced() {
        long sum = base;
        boolean changed = true;
        while (changed) {
            changed = false;
            for (int g = 0; g < groups(); g++) {
                sum += takeOff(values[g], g, values);
                for (int d = 0; d < dimensions(); d++) {
                    long least = takeOff(weights[d][g], g, weights[d]);
                    if (least > limits[d]) {
                        return null;
                    }
                    limits[d] -= least;
                }
            }
            for (int g = 0; g < groups(); g++) {
                int[] kept = new int[options(g)];
                int count = 0;
                for (int o = 0; o < kept.length; o++) {
                    if (fits(g, o) && !dominated(g, o)) {
                        kept[count++] = o;
                    }
                }
                if (count == 0) {
                    return null;
                }
                if (count < kept.length) {
                    keep(g, kept, count);
                    changed = true;
                }
            }
        }
        return withoutDecided(sum);
    }

    private static long takeOff(long[] row, int g, long[][] rows) {
        long least = Arrays.stream(row).min().orElseThrow();
        if (least != 0) {
            long[] rest = row.clone();
            for (int o = 0; o < rest.length; o++) {
                rest[o] -= least;
            }
            rows[g] = rest;
        }
        return least;
    }

    private boolean fits(int g, int o) {
        for (int d = 0; d < dimensions(); d++) {
            if (weights[d][g][o] > limits[d]) {
                return false;
            }
        }
        return true;
    }

    /** By an option that is nowhere larger; of equal ones the first stays. */
    private boolean dominated(int g, int o) {
        for (int p = 0; p < options(g); p++) {
            boolean larger = values[g][p] > values[g][o];
            boolean equal = values[g][p] == values[g][o];
            for (int d = 0; d < dimensions(); d++) {
                larger |= weights[d][g][p] > weights[d][g][o];
                equal &= weights[d][g][p] == weights[d][g][o];
            }
            if (!larger && (!equal || p < o)) {
                return true;
            }
        }
        return false;
    }

    private KnapsackProblem withoutDecided(long sum) {
        int[] open = new int[groups()];
        int count = 0;
        for (int g = 0; g < groups(); g++) {
            if (options(g) > 1) {
                open[count++] = g;
            } else {
                decided[group[g]] = option[g][0];
            }
        }
        long[][] v = new long[count][];
        long[][][] w = new long[dimensions()][count][];
        int[] original = new int[count];
        int[][] id = new int[count][];
        for (int i = 0; i < count; i++) {
            int g = open[i];
            v[i] = values[g];
            original[i] = group[g];
            id[i] = option[g];
            for (int d = 0; d < dimensions(); d++) {
                w[d][i] = weights[d][g];
            }
        }
        return new KnapsackProblem(sum, v, w, limits, original, id, decided);
    }
}
