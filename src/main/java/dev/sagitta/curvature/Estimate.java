package dev.sagitta.curvature;

import org.ojalgo.random.TDistribution;

/**
 * A Monte Carlo estimate.
 *
 * @param value mean of the samples
 * @param standardError of the mean
 * @param halfWidth of the two-sided confidence interval, Student's t with probes - 1 degrees of freedom
 * @param probes number of samples
 */
public record Estimate(double value, double standardError, double halfWidth, int probes) {

    static Estimate of(Statistics statistics, double confidence) {
        int degrees = statistics.count() - 1;
        double error = statistics.standardError();
        double halfWidth = degrees < 1
                ? Double.POSITIVE_INFINITY
                : TDistribution.of(degrees).getQuantile(0.5 + confidence / 2) * error;
        return new Estimate(statistics.mean(), error, halfWidth, statistics.count());
    }
}
