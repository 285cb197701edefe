package dev.sagitta.kernel.loss;

/** Softmax cross-entropy in fp64, each quantity with the sum of the magnitudes of its terms: what a tolerance is relative to. */
final class CrossEntropyReference {
    final int n;
    final int c;
    final int counted;
    final double[] rowLoss;
    final double[] rowMagnitude;
    final double[] p;
    private final double[] z;
    private final int[] labels;
    private final int ignore;

    CrossEntropyReference(double[] z, int[] labels, int c, int ignore) {
        this.n = labels.length;
        this.c = c;
        this.z = z;
        this.labels = labels;
        this.ignore = ignore;
        rowLoss = new double[n];
        rowMagnitude = new double[n];
        p = new double[n * c];
        int count = 0;
        for (int r = 0; r < n; r++) {
            if (labels[r] == ignore) {
                continue;
            }
            count++;
            double max = Double.NEGATIVE_INFINITY;
            for (int j = 0; j < c; j++) {
                max = Math.max(max, z[r * c + j]);
            }
            double sum = 0;
            for (int j = 0; j < c; j++) {
                sum += Math.exp(z[r * c + j] - max);
            }
            for (int j = 0; j < c; j++) {
                p[r * c + j] = Math.exp(z[r * c + j] - max) / sum;
            }
            boolean valid = labels[r] >= 0 && labels[r] < c;
            rowLoss[r] = valid ? max - z[r * c + labels[r]] + Math.log(sum) : Double.NaN;
            rowMagnitude[r] = valid ? Math.abs(max) + Math.abs(z[r * c + labels[r]]) + Math.log(sum) + 1 : 1;
        }
        counted = count;
    }

    static CrossEntropyReference of(float[] logits, int[] labels, int c, int ignore) {
        double[] z = new double[logits.length];
        for (int i = 0; i < z.length; i++) {
            z[i] = logits[i];
        }
        return new CrossEntropyReference(z, labels, c, ignore);
    }

    double scale() {
        return 1.0 / Math.max(1, counted);
    }

    double loss() {
        return scale() * sum(rowLoss);
    }

    double lossMagnitude() {
        return scale() * sum(rowMagnitude);
    }

    private static double sum(double[] values) {
        double sum = 0;
        for (double value : values) {
            sum += value;
        }
        return sum;
    }

    /** The gradient, or with {@code magnitude} what its error is relative to. */
    double[] gradient(boolean magnitude) {
        double[] d = new double[n * c];
        for (int r = 0; r < n; r++) {
            for (int j = 0; j < c && labels[r] != ignore; j++) {
                boolean valid = labels[r] >= 0 && labels[r] < c;
                double hot = j == labels[r] ? 1 : 0;
                d[r * c + j] = scale() * (valid ? p[r * c + j] + (magnitude ? hot : -hot) : Double.NaN);
            }
        }
        return d;
    }

    /** For one probe {@code t} of n c values: the loss's tangent, or its magnitude. */
    double tangent(double[] t, boolean magnitude) {
        double total = 0;
        for (int r = 0; r < n; r++) {
            if (labels[r] != ignore) {
                boolean valid = labels[r] >= 0 && labels[r] < c;
                double hot = valid ? t[r * c + labels[r]] : Double.NaN;
                total += magnitude ? mean(t, r, true) + Math.abs(hot) : mean(t, r, false) - hot;
            }
        }
        return scale() * total;
    }

    private double mean(double[] t, int r, boolean magnitude) {
        double mean = 0;
        for (int j = 0; j < c; j++) {
            double term = p[r * c + j] * t[r * c + j];
            mean += magnitude ? Math.abs(term) : term;
        }
        return mean;
    }

    /** H t. */
    double[] hessian(double[] t, boolean magnitude) {
        double[] h = new double[n * c];
        for (int r = 0; r < n; r++) {
            double mean = mean(t, r, magnitude);
            for (int j = 0; j < c && labels[r] != ignore; j++) {
                boolean valid = labels[r] >= 0 && labels[r] < c;
                double term = magnitude ? Math.abs(t[r * c + j]) + mean : t[r * c + j] - mean;
                h[r * c + j] = valid ? scale() * p[r * c + j] * term : Double.NaN;
            }
        }
        return h;
    }

    /** t' H t. */
    double curvature(double[] t, boolean magnitude) {
        double[] h = hessian(t, magnitude);
        double total = 0;
        for (int i = 0; i < h.length; i++) {
            total += magnitude ? Math.abs(t[i]) * h[i] : t[i] * h[i];
        }
        return total;
    }

    int correct() {
        int correct = 0;
        for (int r = 0; r < n; r++) {
            int best = 0;
            for (int j = 1; j < c; j++) {
                best = z[r * c + j] > z[r * c + best] ? j : best;
            }
            correct += labels[r] != ignore && labels[r] == best && !Double.isNaN(rowLoss[r]) ? 1 : 0;
        }
        return correct;
    }
}
