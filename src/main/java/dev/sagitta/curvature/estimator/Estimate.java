package dev.sagitta.curvature.estimator;

import org.ojalgo.random.TDistribution;

/**
 * A Monte Carlo estimate. One sample says nothing of the spread: then standard error and half-width are NaN, unknown.
 *
 * @param value mean of the samples
 * @param standardError of the mean; NaN for fewer than two samples
 * @param halfWidth of the two-sided confidence interval, Student's t with probes - 1 degrees of freedom; NaN for fewer than two samples
 * @param probes number of samples
 */
public record Estimate(double value, double standardError, double halfWidth, int probes) {

    static Estimate of(Statistics statistics, double confidence) {
        int degrees = statistics.count() - 1;
        double error = statistics.standardError();
        double halfWidth =
                degrees < 1 ? Double.NaN : TDistribution.of(degrees).getQuantile(0.5 + confidence / 2) * error;
        return new Estimate(statistics.mean(), error, halfWidth, statistics.count());
    }

    /** Upper end of the confidence interval; NaN, unknown, for fewer than two samples. */
    public double upperBound() {
        return value + halfWidth;
    }

    /** Lower end, likewise. */
    public double lowerBound() {
        return value - halfWidth;
    }
}
