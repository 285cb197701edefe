package dev.sagitta.kernel.loss;

import dev.sagitta.fixture.Jet;
import dev.sagitta.graph.loss.CrossEntropyReference;

/**
 * A batch of logits under {@link CrossEntropyReference}, row by row, each quantity with the sum of the magnitudes of its terms: what a
 * tolerance is relative to. Labels out of range make their rows NaN.
 */
final class LogitsReference {
    final int n;
    final int c;
    final int counted;
    final double[] rowLoss;
    final double[] rowMagnitude;
    private final double[] z;
    private final int[] labels;
    private final int ignore;
    private final double smoothing;
    private final double[] gradient;
    private final double[] p;

    LogitsReference(float[] logits, int[] labels, int c, int ignore) {
        this(logits, labels, c, ignore, 0);
    }

    LogitsReference(float[] logits, int[] labels, int c, int ignore, double smoothing) {
        this.smoothing = smoothing;
        this.n = labels.length;
        this.c = c;
        this.labels = labels;
        this.ignore = ignore;
        z = new double[logits.length];
        for (int i = 0; i < z.length; i++) {
            z[i] = logits[i];
        }
        rowLoss = new double[n];
        rowMagnitude = new double[n];
        gradient = new double[n * c];
        p = new double[n * c];
        int count = 0;
        for (int r = 0; r < n; r++) {
            if (labels[r] != ignore) {
                count++;
                row(r, null, null);
            }
        }
        counted = count;
    }

    private boolean isValid(int r) {
        return labels[r] >= 0 && labels[r] < c;
    }

    /** Loss and gradient of one row, or along t its product with the Hessian. Returns the tangent of its loss. */
    private double row(int r, double[] t, double[] product) {
        Jet.Tape tape = new Jet.Tape();
        Jet[] in = new Jet[c];
        double max = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < c; j++) {
            in[j] = tape.leaf(z[r * c + j], t == null ? 0 : t[r * c + j]);
            max = Math.max(max, z[r * c + j]);
        }
        Jet loss = CrossEntropyReference.row(in, 0, c, labels[r], smoothing);
        loss.seed(1, 0);
        tape.pull();
        for (int j = 0; j < c; j++) {
            if (product == null) {
                gradient[r * c + j] = in[j].c();
                p[r * c + j] = in[j].c() + (j == labels[r] ? 1 - smoothing : 0) + smoothing / c;
            } else {
                product[r * c + j] = scale() * in[j].ct();
            }
        }
        if (product == null) {
            rowLoss[r] = loss.v();
            double label = isValid(r) ? z[r * c + labels[r]] : Double.NaN;
            // log(sum exp z) = loss + z[label]: the terms are the largest logit, the label's and the logarithm of the
            // sum
            double mean = smoothing == 0
                    ? 0
                    : java.util.Arrays.stream(z, r * c, r * c + c).average().orElse(0);
            double log = loss.v() + (1 - smoothing) * label + smoothing * mean - max;
            rowMagnitude[r] = isValid(r)
                    ? Math.abs(max) + Math.abs(label) + log + 1 + (smoothing == 0 ? 0 : smoothing * spread(r))
                    : 1;
        }
        return loss.t();
    }

    /** Mean of the magnitudes of a row's logits. */
    private double spread(int r) {
        return java.util.Arrays.stream(z, r * c, r * c + c)
                .map(Math::abs)
                .average()
                .orElse(0);
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

    double[] gradient() {
        double[] d = new double[n * c];
        for (int i = 0; i < d.length; i++) {
            d[i] = scale() * gradient[i];
        }
        return d;
    }

    /** p + 1 at the label. */
    double[] gradientMagnitude() {
        double[] d = new double[n * c];
        for (int i = 0; i < d.length; i++) {
            d[i] = scale() * (p[i] + (i % c == labels[i / c] ? 1 : 0) + smoothing / c);
        }
        return d;
    }

    /** For one probe {@code t} of n c values: the loss's tangent. */
    double tangent(double[] t) {
        double total = 0;
        double[] product = new double[n * c];
        for (int r = 0; r < n; r++) {
            total += labels[r] == ignore ? 0 : row(r, t, product);
        }
        return scale() * total;
    }

    /** Sum of p |t|, and |t| of the label. */
    double tangentMagnitude(double[] t) {
        double total = 0;
        for (int r = 0; r < n; r++) {
            if (labels[r] != ignore) {
                total += mean(t, r) + (isValid(r) ? Math.abs(t[r * c + labels[r]]) : Double.NaN);
            }
        }
        return scale() * total;
    }

    private double mean(double[] t, int r) {
        double mean = 0;
        for (int j = 0; j < c; j++) {
            mean += Math.abs(p[r * c + j] * t[r * c + j]);
        }
        return mean;
    }

    /** H t. */
    double[] hessian(double[] t) {
        double[] h = new double[n * c];
        for (int r = 0; r < n; r++) {
            if (labels[r] != ignore) {
                row(r, t, h);
            }
        }
        return h;
    }

    /** p (|t| + mean |t|). */
    double[] hessianMagnitude(double[] t) {
        double[] h = new double[n * c];
        for (int r = 0; r < n; r++) {
            double mean = mean(t, r);
            for (int j = 0; j < c && labels[r] != ignore; j++) {
                h[r * c + j] = scale() * p[r * c + j] * (Math.abs(t[r * c + j]) + mean);
            }
        }
        return h;
    }

    /** t' A, for t' H t and its magnitude. */
    static double along(double[] t, double[] product, boolean magnitude) {
        double total = 0;
        for (int i = 0; i < t.length; i++) {
            total += (magnitude ? Math.abs(t[i]) : t[i]) * product[i];
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
