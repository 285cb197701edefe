package dev.sagitta.kernel.attention;

import dev.sagitta.fixture.Bench;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.Tensor;

/**
 * Single rows of attention's results in fp64, of the last head of the last example for its last copy: what is too large for {@link QuadraticAttention} is compared in
 * samples. Statistics of rows are what the device has. Queries, keys and values have tensors of their own and as many heads each; nothing is dropped.
 */
final class AttentionSamples {
    private final Bench bench;
    private final AttentionProblem p;
    private final Tolerance tolerance;

    /** Operands and their tangents, a row each; those that nobody has set are zeros. */
    private float[][] q;

    private float[][] k;
    private float[][] v;
    private float[][] qt;
    private float[][] kt;
    private float[][] vt;
    private float[][] dO;
    private float[][] dOt;
    private float[] lse;
    private float[] mu;
    private float[] delta;
    private float[] deltaT;

    AttentionSamples(Bench bench, AttentionProblem problem, Tolerance tolerance) {
        this.bench = bench;
        this.p = problem;
        this.tolerance = tolerance;
    }

    AttentionSamples of(AttentionProblem.Inputs in, Tensor logSumExp) {
        q = head(in.q());
        k = head(in.k());
        v = head(in.v());
        lse = statistics(logSumExp);
        return this;
    }

    AttentionSamples cotangent(Tensor d, Tensor itsDelta) {
        dO = head(d);
        delta = statistics(itsDelta);
        return this;
    }

    AttentionSamples tangents(Tensor tq, Tensor tk, Tensor tv) {
        qt = head(tq);
        kt = head(tk);
        vt = head(tv);
        return this;
    }

    AttentionSamples means(Tensor ofTangents) {
        mu = statistics(ofTangents);
        return this;
    }

    AttentionSamples tangentOfCotangent(Tensor d, Tensor itsDelta) {
        dOt = head(d);
        deltaT = statistics(itsDelta);
        return this;
    }

    /** Of the last head of the last example in the last copy. */
    private float[][] head(Tensor x) {
        int row = p.heads() * p.d();
        float[] all = bench.floats(x, x.elements() - (long) p.t() * row, p.t() * row);
        float[][] rows = new float[p.t()][p.d()];
        for (int i = 0; i < p.t(); i++) {
            System.arraycopy(all, (i + 1) * row - p.d(), rows[i], 0, p.d());
        }
        return rows;
    }

    private float[] statistics(Tensor x) {
        return bench.floats(x, x.elements() - p.t(), p.t());
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int c = 0; c < a.length; c++) {
            sum += (double) a[c] * b[c];
        }
        return sum;
    }

    /** What one key gives a row, or one row a key. */
    private interface Term {
        /** Adds factors times rows to the sum of a result's row. */
        void add(int i, int j, Sum sum);
    }

    private static final class Sum {
        final double[] value;
        final double[] size;

        Sum(int d) {
            value = new double[d];
            size = new double[d];
        }

        void add(double factor, float[] row) {
            for (int c = 0; c < row.length; c++) {
                value[c] += factor * row[c];
                size[c] += Math.abs(factor * row[c]);
            }
        }
    }

    private double score(int i, int j) {
        return p.scale() * dot(q[i], k[j]);
    }

    private double probability(int i, int j) {
        return Math.exp(score(i, j) - lse[i]);
    }

    private double scoreTangent(int i, int j) {
        return p.scale() * (dot(qt[i], k[j]) + dot(q[i], kt[j]));
    }

    /** dS. */
    private double gradient(int i, int j) {
        return probability(i, j) * (dot(dO[i], v[j]) - delta[i]);
    }

    /** Pt. */
    private double probabilityTangent(int i, int j) {
        return probability(i, j) * (scoreTangent(i, j) - mu[i]);
    }

    private double gradientTangent(int i, int j) {
        double over = dot(dO[i], v[j]) - delta[i];
        double overTangent = dot(dOt[i], v[j]) + dot(dO[i], vt[j]) - deltaT[i];
        return probabilityTangent(i, j) * over + probability(i, j) * overTangent;
    }

    // ---- results ----

    void forward(Tensor o, Tensor logSumExp) {
        rows(i -> {
            double most = Double.NEGATIVE_INFINITY;
            for (int j = 0; j <= i; j++) {
                most = Math.max(most, score(i, j));
            }
            double sum = 0;
            for (int j = 0; j <= i; j++) {
                sum += Math.exp(score(i, j) - most);
            }
            double expected = most + Math.log(sum);
            Bench.near(logSumExp, i, lse[i], expected, 1 + Math.abs(expected), tolerance);
        });
        byRow(o, (i, j, sum) -> sum.add(probability(i, j), v[j]));
    }

    void backward(Tensor dq, Tensor dk, Tensor dv) {
        byRow(dq, (i, j, sum) -> sum.add(p.scale() * gradient(i, j), k[j]));
        byKey(dk, (i, j, sum) -> sum.add(p.scale() * gradient(i, j), q[i]));
        byKey(dv, (i, j, sum) -> sum.add(probability(i, j), dO[i]));
    }

    void tangent(Tensor ot) {
        rows(i -> {
            double mean = 0;
            double size = 0;
            for (int j = 0; j <= i; j++) {
                double term = probability(i, j) * scoreTangent(i, j);
                mean += term;
                size += Math.abs(term);
            }
            if (!(Math.abs(mean - mu[i]) <= tolerance.relative() * size + tolerance.absolute())) {
                throw new AssertionError("mu[" + i + "] is " + mu[i] + ", reference " + mean);
            }
        });
        byRow(ot, (i, j, sum) -> {
            sum.add(probabilityTangent(i, j), v[j]);
            sum.add(probability(i, j), vt[j]);
        });
    }

    void tangentBackward(Tensor dqt, Tensor dkt, Tensor dvt) {
        byRow(dqt, (i, j, sum) -> {
            sum.add(p.scale() * gradientTangent(i, j), k[j]);
            sum.add(p.scale() * gradient(i, j), kt[j]);
        });
        byKey(dkt, (i, j, sum) -> {
            sum.add(p.scale() * gradientTangent(i, j), q[i]);
            sum.add(p.scale() * gradient(i, j), qt[i]);
        });
        byKey(dvt, (i, j, sum) -> {
            sum.add(probabilityTangent(i, j), dO[i]);
            sum.add(probability(i, j), dOt[i]);
        });
    }

    // ---- which ----

    private interface Row {
        void at(int i);
    }

    /** The first and the last, the edges of tiles, and some between. */
    private void rows(Row check) {
        for (int i = 0; i < p.t(); i += i < 2 ? 1 : Math.max(61, p.t() / 8)) {
            check.at(i);
        }
        check.at(p.t() - 1);
    }

    private void byRow(Tensor result, Term term) {
        float[][] actual = head(result);
        rows(i -> {
            Sum sum = new Sum(p.d());
            for (int j = 0; j <= i; j++) {
                term.add(i, j, sum);
            }
            near(result, i, actual[i], sum);
        });
    }

    private void byKey(Tensor result, Term term) {
        float[][] actual = head(result);
        rows(j -> {
            Sum sum = new Sum(p.d());
            for (int i = j; i < p.t(); i++) {
                term.add(i, j, sum);
            }
            near(result, j, actual[j], sum);
        });
    }

    private void near(Tensor result, int row, float[] actual, Sum expected) {
        for (int c = 0; c < p.d(); c++) {
            Bench.near(result, (long) row * p.d() + c, actual[c], expected.value[c], expected.size[c], tolerance);
        }
    }
}
