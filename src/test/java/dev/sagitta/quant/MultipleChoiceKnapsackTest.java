package dev.sagitta.quant;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MultipleChoiceKnapsackTest {

    /** Whole numbers, {@code limits[d]} of what the groups' {@code weights[d]} sum up to. */
    private record Table(long[][] values, long[][][] weights, long[] limits) {
        MultipleChoiceKnapsack.Solution solve() {
            return MultipleChoiceKnapsack.minimise(
                    values, weights, limits, DecimalUnits.LARGEST - 1, MultipleChoiceKnapsack.BUDGET);
        }
    }

    /** Small numbers, so that ties, equal options and limits met exactly are common; or large ones; or zeros. */
    private static Table small(Random random) {
        int groups = 1 + random.nextInt(5);
        int dimensions = 1 + random.nextInt(3);
        long range = new long[] {1, 3, 10, 1000, 1L << 55}[random.nextInt(5)];
        long valueRange = new long[] {1, 3, 10, 1000, 1L << 55}[random.nextInt(5)];
        boolean twins = random.nextInt(4) == 0;
        boolean opposed = random.nextInt(3) == 0;
        long[][] values = new long[groups][];
        long[][][] weights = new long[dimensions][groups][];
        for (int g = 0; g < groups; g++) {
            int options = twins && g > 0 ? values[0].length : 1 + random.nextInt(4);
            values[g] = random.longs(options, 0, valueRange).toArray();
            for (int d = 0; d < dimensions; d++) {
                weights[d][g] = random.longs(options, 0, range).toArray();
            }
            if (opposed && valueRange == range) {
                for (int o = 0; o < options; o++) {
                    weights[0][g][o] = range - values[g][o];
                }
            }
            if (twins && g > 0) {
                values[g] = values[0];
                for (int d = 0; d < dimensions; d++) {
                    weights[d][g] = weights[d][0];
                }
            }
        }
        long[] limits = new long[dimensions];
        for (int d = 0; d < dimensions; d++) {
            // what some plan takes, or near it
            for (int g = 0; g < groups; g++) {
                limits[d] += weights[d][g][random.nextInt(weights[d][g].length)];
            }
            limits[d] = Math.max(0, limits[d] + random.nextInt(3) - 1);
        }
        return new Table(values, weights, limits);
    }

    /** [value, weight 0, ...] of the best plan, by trying everything; null if none keeps the limits. */
    private static long[] bruteForce(Table table) {
        int groups = table.values.length;
        int dimensions = table.limits.length;
        int[] options = new int[groups];
        long[] best = null;
        while (true) {
            long[] sums = new long[dimensions + 1];
            boolean fits = true;
            for (int g = 0; g < groups; g++) {
                sums[0] += table.values[g][options[g]];
                for (int d = 0; d < dimensions; d++) {
                    sums[d + 1] += table.weights[d][g][options[g]];
                }
            }
            for (int d = 0; d < dimensions; d++) {
                fits &= sums[d + 1] <= table.limits[d];
            }
            if (fits && (best == null || Arrays.compare(sums, best) < 0)) {
                best = sums;
            }
            int g = 0;
            while (g < groups && ++options[g] == table.values[g].length) {
                options[g++] = 0;
            }
            if (g == groups) {
                return best;
            }
        }
    }

    private static long sum(long[][] rows, int[] choice) {
        long sum = 0;
        for (int g = 0; g < choice.length; g++) {
            sum += rows[g][choice[g]];
        }
        return sum;
    }

    @Test
    void equalsBruteForceOnTenThousandTables() {
        Random random = new Random(42);
        int impossible = 0;
        for (int i = 0; i < 10_000; i++) {
            Table table = small(random);
            long[] best = bruteForce(table);
            MultipleChoiceKnapsack.Solution found = table.solve();
            assertThat(found.proven()).as("table %d", i).isTrue();
            if (best == null) {
                impossible++;
                assertThat(found.choice()).as("table %d", i).isNull();
                continue;
            }
            assertThat(found.value()).as("table %d", i).isEqualTo(best[0]);
            assertThat(sum(table.values, found.choice())).as("table %d", i).isEqualTo(best[0]);
            for (int d = 0; d < table.limits.length; d++) {
                assertThat(sum(table.weights[d], found.choice()))
                        .as("table %d, limit %d", i, d)
                        .isLessThanOrEqualTo(table.limits[d]);
            }
            if (table.limits.length == 1) {
                assertThat(sum(table.weights[0], found.choice()))
                        .as("table %d: the least weight of equal values", i)
                        .isEqualTo(best[1]);
            }
        }
        assertThat(impossible).as("tables without a plan").isBetween(500, 5_000);
    }

    /** Tables too large to try everything: the reference fills a table of all sums of weights. Ties are the rule. */
    @ParameterizedTest
    @CsvSource({"1, 120, 40", "1, 40, 300", "2, 24, 12", "2, 60, 4"})
    void equalsTheTableOfAllSums(int dimensions, int groups, int range) {
        Random random = new Random(dimensions * 1000 + groups);
        for (int i = 0; i < 60; i++) {
            int options = 2 + random.nextInt(5);
            boolean opposed = i % 3 == 0;
            long[][] values = new long[groups][];
            long[][][] weights = new long[dimensions][groups][];
            long[] limits = new long[dimensions];
            for (int g = 0; g < groups; g++) {
                for (int d = 0; d < dimensions; d++) {
                    weights[d][g] = random.longs(options, 0, range).toArray();
                    limits[d] += Arrays.stream(weights[d][g]).min().orElseThrow() + random.nextInt(1 + range / 4);
                }
                values[g] = new long[options];
                for (int o = 0; o < options; o++) {
                    values[g][o] = opposed ? 2L * range : random.nextInt(10 * range);
                    for (int d = 0; d < dimensions && opposed; d++) {
                        values[g][o] -= weights[d][g][o] * 2 / dimensions + random.nextInt(2) - 1;
                    }
                    values[g][o] = Math.max(0, values[g][o]);
                }
            }
            Table table = new Table(values, weights, limits);
            MultipleChoiceKnapsack.Solution found = table.solve();
            assertThat(found.proven()).as("table %d", i).isTrue();
            long best = bySums(table);
            if (best == Long.MAX_VALUE) {
                assertThat(found.choice()).as("table %d", i).isNull();
            } else {
                assertThat(found.value()).as("table %d", i).isEqualTo(best);
                assertThat(sum(values, found.choice())).as("table %d", i).isEqualTo(best);
            }
        }
    }

    private static long bySums(Table table) {
        int first = (int) table.limits[0] + 1;
        int second = table.limits.length == 1 ? 1 : (int) table.limits[1] + 1;
        long[] least = new long[first * second];
        Arrays.fill(least, Long.MAX_VALUE);
        least[0] = 0;
        for (int g = 0; g < table.values.length; g++) {
            long[] next = new long[least.length];
            Arrays.fill(next, Long.MAX_VALUE);
            for (int o = 0; o < table.values[g].length; o++) {
                int a = (int) table.weights[0][g][o];
                int b = table.limits.length == 1 ? 0 : (int) table.weights[1][g][o];
                for (int x = 0; x + a < first; x++) {
                    for (int y = 0; y + b < second; y++) {
                        long from = least[x * second + y];
                        int to = (x + a) * second + y + b;
                        if (from != Long.MAX_VALUE) {
                            next[to] = Math.min(next[to], from + table.values[g][o]);
                        }
                    }
                }
            }
            least = next;
        }
        return Arrays.stream(least).min().orElseThrow();
    }

    /**
     * Layers of 10^3 to 10^7 weights at 8 bit widths, traces over six decades: values as 4^-bits, bytes as bits, further costs about as
     * bits, with another factor in each layer.
     */
    static Object[] large(long seed, int groups, int dimensions, double share) {
        Random random = new Random(seed);
        int[] bits = {2, 3, 4, 5, 6, 7, 8, 16};
        double[][] values = new double[groups][bits.length];
        long[][][] weights = new long[dimensions][groups][bits.length];
        double largest = 0;
        for (int g = 0; g < groups; g++) {
            double curvature = Math.exp(3.5 * random.nextGaussian());
            double size = 1e3 * Math.pow(1e4, random.nextDouble());
            double[] factor = {1, Math.exp(random.nextGaussian()), Math.exp(random.nextGaussian())};
            for (int o = 0; o < bits.length; o++) {
                values[g][o] = curvature * size * Math.pow(4, -bits[o]) * (0.8 + 0.4 * random.nextDouble());
                largest = Math.max(largest, values[g][o]);
                for (int d = 0; d < dimensions; d++) {
                    double noise = d == 2 ? 0.9 + 0.2 * random.nextDouble() : 1;
                    weights[d][g][o] = Math.round(size * factor[d] * noise * bits[o]);
                }
            }
        }
        long[][] whole = new long[groups][];
        for (int g = 0; g < groups; g++) {
            double scale = (double) (1L << 60) / groups / largest;
            whole[g] = Arrays.stream(values[g])
                    .mapToLong(v -> Math.round(v * scale))
                    .toArray();
        }
        long[] limits = new long[dimensions];
        for (int d = 0; d < dimensions; d++) {
            double part = share * (dimensions == 1 ? 1 : 0.9 + 0.2 * random.nextDouble());
            for (long[] row : weights[d]) {
                limits[d] += (long) (row[0] + (row[bits.length - 1] - row[0]) * part);
            }
        }
        return new Object[] {whole, weights, limits};
    }

    @ParameterizedTest
    @CsvSource({"1, 0.05", "1, 0.2", "1, 0.6", "2, 0.1", "2, 0.3", "3, 0.05", "3, 0.2", "3, 0.6"})
    void provesTablesOf300LayersWithLittleWork(int dimensions, double share) {
        for (long seed = 0; seed < 3; seed++) {
            Object[] parts = large(seed, 300, dimensions, share);
            Table table = new Table((long[][]) parts[0], (long[][][]) parts[1], (long[]) parts[2]);
            MultipleChoiceKnapsack.Solution found = table.solve();
            assertThat(found.proven()).isTrue();
            // a million partial plans take less than a second
            assertThat(found.work()).as("seed %d", seed).isLessThan(2_000_000);
            assertThat(table.solve().choice()).isEqualTo(found.choice());
        }
    }
}
