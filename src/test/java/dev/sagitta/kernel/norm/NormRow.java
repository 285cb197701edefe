package dev.sagitta.kernel.norm;

import dev.sagitta.kernel.Tolerance;

/** One row of a norm in fp64. */
final class NormRow {
    private final double[] unit;
    private final float[] w;
    private final double r;
    private final boolean centred;

    NormRow(float[] x, float[] w, double epsilon, boolean centred) {
        this.w = w;
        this.centred = centred;
        double mean = 0;
        for (float v : x) {
            mean += centred ? v / (double) x.length : 0;
        }
        double square = epsilon;
        for (float v : x) {
            square += (v - mean) * (v - mean) / x.length;
        }
        r = 1 / Math.sqrt(square);
        unit = new double[x.length];
        for (int j = 0; j < x.length; j++) {
            unit[j] = (x[j] - mean) * r;
        }
    }

    double y(int j) {
        return w == null ? unit[j] : w[j] * unit[j];
    }

    double[] backward(float[] dy) {
        int c = unit.length;
        double one = 0;
        double two = 0;
        double[] g = new double[c];
        for (int j = 0; j < c; j++) {
            g[j] = w == null ? dy[j] : (double) w[j] * dy[j];
            one += centred ? g[j] / c : 0;
            two += g[j] * unit[j] / c;
        }
        for (int j = 0; j < c; j++) {
            g[j] = r * (g[j] - one - unit[j] * two);
        }
        return g;
    }

    static void require(String what, double actual, double expected, Tolerance tolerance) {
        if (!(Math.abs(actual - expected) <= tolerance.absolute() + tolerance.relative() * Math.abs(expected))) {
            throw new AssertionError(what + " is " + actual + ", reference " + expected);
        }
    }
}
