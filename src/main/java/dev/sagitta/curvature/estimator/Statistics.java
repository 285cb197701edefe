package dev.sagitta.curvature.estimator;

/** Mean and spread of samples that arrive one by one (Welford 1962). */
final class Statistics {
    private int count;
    private double mean;
    private double squares;

    void add(double sample) {
        count++;
        double delta = sample - mean;
        mean += delta / count;
        squares += delta * (sample - mean);
    }

    int count() {
        return count;
    }

    double mean() {
        return mean;
    }

    /** Of the mean; NaN, unknown, until two samples are there. */
    double standardError() {
        return count < 2 ? Double.NaN : Math.sqrt(squares / (count - 1) / count);
    }
}
