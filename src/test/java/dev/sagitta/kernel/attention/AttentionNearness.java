package dev.sagitta.kernel.attention;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.Tensor;
import java.util.Arrays;

/**
 * How near a result of attention is to what is expected: against the largest of all, for what cancels was as large. With rounded factors also against formulas that
 * round likewise: single elements a few roundings apart, all together at most twice as far from the exact ones.
 *
 * @param factors null for none that are rounded
 */
record AttentionNearness(KernelBench bench, AttentionMma.Factors factors) {
    static final Tolerance CLOSE = new Tolerance(2e-5, 1e-6);

    static double[] joined(double[]... parts) {
        return Arrays.stream(parts).flatMapToDouble(Arrays::stream).toArray();
    }

    /** @param largestTerm of those whose sum is a result, where it may be larger than all of them */
    void check(Tensor actual, double[] expected, double[] expectedLikewise, double largestTerm) {
        double largest = largestTerm;
        for (double value : joined(expected, expectedLikewise)) {
            largest = Double.isInfinite(value) ? largest : Math.max(largest, Math.abs(value));
        }
        largest = Math.max(largest, 1e-3);
        double[] magnitude = new double[expected.length];
        Arrays.fill(magnitude, largest);
        if (factors == null) {
            bench.compare(actual, expected, magnitude, CLOSE);
            return;
        }
        bench.compare(actual, expectedLikewise, magnitude, new Tolerance(8 * factors.rounding(), 1e-6));
        double scale = largest;
        bench.check(() -> {
            double error = distance(bench.floats(actual), expected);
            double likewiseError = distance(expectedLikewise, expected);
            assertThat(error)
                    .as("error of %s, where the same precision has %s", actual, likewiseError)
                    .isLessThanOrEqualTo(2 * likewiseError + CLOSE.relative() * scale);
        });
    }

    private static double distance(float[] actual, double[] expected) {
        double[] wide = new double[actual.length];
        Arrays.setAll(wide, e -> actual[e]);
        return distance(wide, expected);
    }

    /** Root of the mean square of the difference; infinities have to agree. */
    private static double distance(double[] actual, double[] expected) {
        double sum = 0;
        for (int e = 0; e < expected.length; e++) {
            double difference = actual[e] == expected[e] ? 0 : actual[e] - expected[e];
            sum += difference * difference;
        }
        return Math.sqrt(sum / expected.length);
    }
}
