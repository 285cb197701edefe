package dev.sagitta.quant;

import java.util.Arrays;

/**
 * Prices lambda of the limits whose Lagrangian bound is nearly the best one, which is the bound of the linear relaxation:
 *
 * <pre>
 * L(lambda) = sum_g min_o (value_go + sum_d lambda_d weight_dgo) - sum_d lambda_d limit_d,   lambda &gt;= 0
 * </pre>
 *
 * <p>No plan within the limits has a smaller value, whatever lambda; so lambda may come from floating point. L is concave with kinks. The
 * minimum over options is smoothed to -T log sum exp(-./T), the sign of lambda kept by T log lambda, and Newton's method follows the
 * maximum while T falls.
 */
final class KnapsackMultipliers {
    private static final double COOLING = 0.25;
    private static final double COLDEST = 1e-9;
    private static final double NEARBY = 1e-6;
    private static final int STEPS = 30;
    private static final int HALVINGS = 40;

    private final KnapsackProblem problem;
    private final int dimensions;
    private final int groups;
    /** Values divided by the largest, weights by their limits. */
    private final double[][] values;

    private final double[][][] weights;
    /** Dimensions whose limit can be exceeded; the others have the price 0. */
    private final int[] active;

    private final double scale;
    private double[] gradient;
    private double[][] curvature;

    private KnapsackMultipliers(KnapsackProblem problem) {
        this.problem = problem;
        this.groups = problem.groups();
        this.active = active(problem);
        this.dimensions = active.length;
        double largest = 0;
        for (long[] row : problem.values) {
            for (long value : row) {
                largest = Math.max(largest, value);
            }
        }
        this.scale = largest == 0 ? 1 : largest;
        this.values = new double[groups][];
        this.weights = new double[dimensions][groups][];
        for (int g = 0; g < groups; g++) {
            values[g] = scaled(problem.values[g], scale);
            for (int d = 0; d < dimensions; d++) {
                weights[d][g] = scaled(problem.weights[active[d]][g], problem.limits[active[d]]);
            }
        }
    }

    private static double[] scaled(long[] row, double by) {
        return Arrays.stream(row).mapToDouble(x -> x / by).toArray();
    }

    private static int[] active(KnapsackProblem problem) {
        int[] found = new int[problem.dimensions()];
        int count = 0;
        for (int d = 0; d < found.length; d++) {
            double most = 0;
            for (long[] row : problem.weights[d]) {
                most += Arrays.stream(row).max().orElse(0);
            }
            if (most > problem.limits[d]) {
                found[count++] = d;
            }
        }
        return Arrays.copyOf(found, count);
    }

    /**
     * [dimension], in units of value per weight.
     *
     * @param start where a problem that differs a little had its best, or null
     * @param enough a bound above it (without {@link KnapsackProblem#base}) need not be improved
     */
    static double[] of(KnapsackProblem problem, double[] start, double enough) {
        KnapsackMultipliers search = new KnapsackMultipliers(problem);
        double[] prices = new double[problem.dimensions()];
        if (search.dimensions > 0) {
            double[] found = search.ascend(start, enough / search.scale);
            for (int d = 0; d < search.dimensions; d++) {
                prices[search.active[d]] = found[d] * search.scale / problem.limits[search.active[d]];
            }
        }
        return prices;
    }

    private double[] ascend(double[] start, double enough) {
        double[] prices = new double[dimensions];
        double hottest = 1;
        for (int d = 0; d < dimensions; d++) {
            prices[d] = 1.0 / dimensions;
        }
        if (start != null) {
            double sum = 0;
            for (int d = 0; d < dimensions; d++) {
                prices[d] = start[active[d]] * problem.limits[active[d]] / scale;
                sum += prices[d];
            }
            for (int d = 0; d < dimensions; d++) {
                prices[d] = Math.max(prices[d], 1e-6 * Math.max(sum, 1e-9));
            }
            hottest = Math.min(1, Math.max(1e-2 * sum / groups, 1e-12));
        }
        double[] best = new double[dimensions];
        double bound = bound(best);
        for (double t = hottest; t > COLDEST * bound && t > 1e-300; t *= COOLING) {
            prices = settle(prices, t);
            double now = bound(prices);
            if (now > bound) {
                bound = now;
                best = prices;
            }
            if (bound > enough * (1 + 1e-9)) {
                break;
            }
        }
        return dimensions == 1 ? new double[] {kink(best[0])} : best;
    }

    /** With one limit the best price is one at which some group changes its choice: the best of those nearby. */
    private double kink(double near) {
        double best = near;
        double bound = bound(new double[] {near});
        double last = near;
        for (int g = 0; g < groups; g++) {
            int options = values[g].length;
            for (int o = 0; o < options; o++) {
                for (int p = 0; p < o; p++) {
                    double price = (values[g][o] - values[g][p]) / (weights[0][g][p] - weights[0][g][o]);
                    if (Math.abs(price - near) <= NEARBY * near && price != last) {
                        last = price;
                        double now = bound(new double[] {price});
                        if (now > bound) {
                            bound = now;
                            best = price;
                        }
                    }
                }
            }
        }
        return best;
    }

    /** Newton's method at one temperature. */
    private double[] settle(double[] from, double t) {
        double[] prices = from;
        for (int step = 0; step < STEPS; step++) {
            double value = smoothed(prices, t, true);
            double[] direction = solve(curvature, gradient);
            double slope = 0;
            double length = 1;
            for (int d = 0; d < dimensions; d++) {
                slope += gradient[d] * direction[d];
                if (direction[d] < 0) {
                    length = Math.min(length, -0.9 * prices[d] / direction[d]);
                }
            }
            if (!(slope > 1e-3 * t)) {
                break;
            }
            double[] next = new double[dimensions];
            boolean up = false;
            for (int halving = 0; halving < HALVINGS && !up; halving++, length /= 2) {
                for (int d = 0; d < dimensions; d++) {
                    next[d] = prices[d] + length * direction[d];
                }
                up = smoothed(next, t, false) >= value + 1e-4 * length * slope;
            }
            if (!up) {
                break;
            }
            prices = next;
        }
        return prices;
    }

    private double bound(double[] prices) {
        double sum = 0;
        for (int g = 0; g < groups; g++) {
            double least = Double.POSITIVE_INFINITY;
            for (int o = 0; o < values[g].length; o++) {
                least = Math.min(least, priced(prices, g, o));
            }
            sum += least;
        }
        for (double price : prices) {
            sum -= price;
        }
        return sum;
    }

    private double priced(double[] prices, int g, int o) {
        double z = values[g][o];
        for (int d = 0; d < dimensions; d++) {
            z += prices[d] * weights[d][g][o];
        }
        return z;
    }

    /** Fills {@link #gradient} and the negative {@link #curvature} if asked to. */
    private double smoothed(double[] prices, double t, boolean derivatives) {
        double sum = 0;
        if (derivatives) {
            gradient = new double[dimensions];
            curvature = new double[dimensions][dimensions];
        }
        double[] mean = new double[dimensions];
        for (int g = 0; g < groups; g++) {
            int options = values[g].length;
            double[] z = new double[options];
            double least = Double.POSITIVE_INFINITY;
            for (int o = 0; o < options; o++) {
                z[o] = priced(prices, g, o);
                least = Math.min(least, z[o]);
            }
            double total = 0;
            for (int o = 0; o < options; o++) {
                z[o] = least - z[o] < -40 * t ? 0 : Math.exp((least - z[o]) / t);
                total += z[o];
            }
            sum += least - t * Math.log(total);
            if (derivatives) {
                Arrays.fill(mean, 0);
                for (int d = 0; d < dimensions; d++) {
                    for (int o = 0; o < options; o++) {
                        mean[d] += z[o] / total * weights[d][g][o];
                    }
                    gradient[d] += mean[d];
                }
                for (int o = 0; o < options; o++) {
                    if (z[o] > 0) {
                        addCovariance(g, o, z[o] / total / t, mean);
                    }
                }
            }
        }
        for (int d = 0; d < dimensions; d++) {
            sum += t * Math.log(prices[d]) - prices[d];
            if (derivatives) {
                gradient[d] += t / prices[d] - 1;
                curvature[d][d] += t / (prices[d] * prices[d]);
            }
        }
        return sum;
    }

    private void addCovariance(int g, int o, double probability, double[] mean) {
        for (int d = 0; d < dimensions; d++) {
            double difference = probability * (weights[d][g][o] - mean[d]);
            for (int e = 0; e <= d; e++) {
                curvature[d][e] += difference * (weights[e][g][o] - mean[e]);
            }
        }
    }

    /** Cholesky; limits that say the same make the matrix singular, so its diagonal is raised a little. */
    private static double[] solve(double[][] lower, double[] right) {
        int n = right.length;
        double[][] l = new double[n][n];
        double[] x = new double[n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j <= i; j++) {
                double sum = i == j ? lower[i][i] * (1 + 1e-13) : lower[i][j];
                for (int k = 0; k < j; k++) {
                    sum -= l[i][k] * l[j][k];
                }
                l[i][j] = i == j ? Math.sqrt(Math.max(sum, 1e-14 * lower[i][i])) : sum / l[j][j];
            }
        }
        for (int i = 0; i < n; i++) {
            double sum = right[i];
            for (int k = 0; k < i; k++) {
                sum -= l[i][k] * x[k];
            }
            x[i] = sum / l[i][i];
        }
        for (int i = n - 1; i >= 0; i--) {
            double sum = x[i];
            for (int k = i + 1; k < n; k++) {
                sum -= l[k][i] * x[k];
            }
            x[i] = sum / l[i][i];
        }
        return x;
    }
}
