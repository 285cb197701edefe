package dev.sagitta.kernel.attention;

import dev.sagitta.fixture.Philox;

/**
 * Attention in fp64 straight from the formulas, with every score in memory. Tensors are laid out as {@link AttentionProblem} says; copies lie one behind another.
 */
final class QuadraticAttention {
    private final AttentionProblem p;
    private final float[] q;
    private final float[] k;
    private final float[] v;
    private final int[] lengths;
    private final float[] slopes;
    /** What dropout multiplies each probability with. */
    private final double[] mask;
    /** [batch, heads, t, s], as all that is quadratic. */
    private final double[] probability;

    final double[] o;
    final double[] lse;

    QuadraticAttention(
            AttentionProblem p, float[] q, float[] k, float[] v, int[] lengths, float[] slopes, long seed) {
        this.p = p;
        this.q = q;
        this.k = k;
        this.v = v;
        this.lengths = lengths;
        this.slopes = slopes;
        int pairs = p.batch() * p.heads() * p.t() * p.s();
        mask = new double[pairs];
        int[] words = p.dropout() > 0 ? Philox.stream(seed, p.stream(), 0, 0, pairs) : null;
        for (int e = 0; e < pairs; e++) {
            boolean dropped = words != null && Integer.toUnsignedLong(words[e]) < (long) (p.dropout() * 0x1p32);
            mask[e] = dropped ? 0 : 1 / (1 - (double) p.dropout());
        }
        probability = new double[pairs];
        lse = new double[p.batch() * p.heads() * p.t()];
        softmax();
        o = new double[(int) p.outputs()];
        each((e, b, h, i, j) -> {
            for (int c = 0; c < p.d(); c++) {
                o[out(b, h, i) + c] += probability[e] * mask[e] * v[value(b, h, j) + c];
            }
        });
    }

    private interface Pair {
        void at(int e, int b, int h, int i, int j);
    }

    private void each(Pair pair) {
        int e = 0;
        for (int b = 0; b < p.batch(); b++) {
            for (int h = 0; h < p.heads(); h++) {
                for (int i = 0; i < p.t(); i++) {
                    for (int j = 0; j < p.s(); j++) {
                        pair.at(e++, b, h, i, j);
                    }
                }
            }
        }
    }

    private void softmax() {
        double[] score = new double[probability.length];
        each((e, b, h, i, j) -> {
            int place = i + p.s() - p.t();
            boolean seen = lengths == null || j < lengths[b];
            seen &= !p.causal() || j <= place;
            seen &= p.window() == 0 || Math.abs(place - j) < p.window();
            double dot = dot(q, query(b, h, i), k, key(b, h, j));
            double bias = slopes == null ? 0 : slopes[h] * (double) (j - place);
            score[e] = seen ? p.scale() * dot + bias : Double.NEGATIVE_INFINITY;
        });
        for (int row = 0; row < lse.length; row++) {
            double largest = Double.NEGATIVE_INFINITY;
            for (int j = 0; j < p.s(); j++) {
                largest = Math.max(largest, score[row * p.s() + j]);
            }
            double sum = 0;
            for (int j = 0; j < p.s() && largest > Double.NEGATIVE_INFINITY; j++) {
                sum += Math.exp(score[row * p.s() + j] - largest);
            }
            lse[row] = sum == 0 ? Double.POSITIVE_INFINITY : largest + Math.log(sum);
            for (int j = 0; j < p.s(); j++) {
                probability[row * p.s() + j] = sum == 0 ? 0 : Math.exp(score[row * p.s() + j] - lse[row]);
            }
        }
    }

    // ---- places ----

    private int query(int b, int h, int i) {
        return (int) (p.qFrom() + ((long) b * p.t() + i) * p.qRow() + (long) h * p.d());
    }

    private int key(int b, int h, int j) {
        return (int) (p.kFrom() + ((long) b * p.s() + j) * p.kRow() + (long) (h / (p.heads() / p.kvHeads())) * p.d());
    }

    private int value(int b, int h, int j) {
        return (int) (p.vFrom() + ((long) b * p.s() + j) * p.vRow() + (long) (h / (p.heads() / p.kvHeads())) * p.d());
    }

    private int out(int b, int h, int i) {
        return ((b * p.t() + i) * p.heads() + h) * p.d();
    }

    private int row(int b, int h, int i) {
        return (b * p.heads() + h) * p.t() + i;
    }

    private double dot(float[] a, int from, float[] c, int to) {
        double sum = 0;
        for (int e = 0; e < p.d(); e++) {
            sum += (double) a[from + e] * c[to + e];
        }
        return sum;
    }

    // ---- modes ----

    /** delta of one cotangent, whose first element is {@code from}. */
    double[] delta(float[] cotangent, int from) {
        double[] delta = new double[lse.length];
        for (int b = 0; b < p.batch(); b++) {
            for (int h = 0; h < p.heads(); h++) {
                for (int i = 0; i < p.t(); i++) {
                    for (int c = 0; c < p.d(); c++) {
                        int at = out(b, h, i) + c;
                        delta[row(b, h, i)] += o[at] * cotangent[from + at];
                    }
                }
            }
        }
        return delta;
    }

    /** The largest term of gradients so far, taken before dP and D cancel, as they do where a row sees one key. */
    double largestTerm;

    private void term(double size, float a, float b) {
        largestTerm = Math.max(largestTerm, Math.abs(size) * Math.max(Math.abs(a), Math.abs(b)));
    }

    /** Adds the gradients for copy {@code copy} of the cotangent to arrays of all copies. */
    void backward(float[] cotangent, int copy, double[] dq, double[] dk, double[] dv) {
        int from = copy * o.length;
        double[] delta = delta(cotangent, from);
        int atQ = copy * q.length;
        int atK = copy * k.length;
        int atV = copy * v.length;
        each((e, b, h, i, j) -> {
            int out = out(b, h, i);
            double dP = mask[e] * dot(cotangent, from + out, v, value(b, h, j));
            double dS = p.scale() * probability[e] * (dP - delta[row(b, h, i)]);
            double size = p.scale() * probability[e] * (Math.abs(dP) + Math.abs(delta[row(b, h, i)]));
            for (int c = 0; c < p.d(); c++) {
                term(size, q[query(b, h, i) + c], k[key(b, h, j) + c]);
                dq[atQ + query(b, h, i) + c] += dS * k[key(b, h, j) + c];
                dk[atK + key(b, h, j) + c] += dS * q[query(b, h, i) + c];
                dv[atV + value(b, h, j) + c] += probability[e] * mask[e] * cotangent[from + out + c];
            }
        });
    }

    /** One tangent of everything, arrays of zeros for what has none. */
    final class Tangents {
        private final float[] qt;
        private final float[] kt;
        private final float[] vt;
        /** Of the scores. */
        private final double[] st = new double[probability.length];

        final double[] mu = new double[lse.length];
        final double[] ot = new double[o.length];

        Tangents(float[] qt, float[] kt, float[] vt) {
            this.qt = qt;
            this.kt = kt;
            this.vt = vt;
            each((e, b, h, i, j) -> {
                int query = query(b, h, i);
                int key = key(b, h, j);
                st[e] = p.scale() * (dot(qt, query, k, key) + dot(q, query, kt, key));
                mu[row(b, h, i)] += probability[e] * st[e];
            });
            each((e, b, h, i, j) -> {
                double pt = centred(e, b, h, i);
                for (int c = 0; c < p.d(); c++) {
                    int value = value(b, h, j) + c;
                    ot[out(b, h, i) + c] += mask[e] * (pt * v[value] + probability[e] * vt[value]);
                }
            });
        }

        /** Pt. */
        private double centred(int e, int b, int h, int i) {
            return probability[e] * (st[e] - mu[row(b, h, i)]);
        }

        double[] deltaT(float[] dO, float[] dOt) {
            double[] delta = new double[lse.length];
            for (int b = 0; b < p.batch(); b++) {
                for (int h = 0; h < p.heads(); h++) {
                    for (int i = 0; i < p.t(); i++) {
                        for (int c = 0; c < p.d(); c++) {
                            int at = out(b, h, i) + c;
                            delta[row(b, h, i)] += o[at] * dOt[at] + ot[at] * dO[at];
                        }
                    }
                }
            }
            return delta;
        }

        void backward(float[] dO, float[] dOt, int copy, double[] dqt, double[] dkt, double[] dvt) {
            double[] delta = delta(dO, 0);
            double[] deltaT = deltaT(dO, dOt);
            int atQ = copy * q.length;
            int atK = copy * k.length;
            int atV = copy * v.length;
            each((e, b, h, i, j) -> {
                int out = out(b, h, i);
                int query = query(b, h, i);
                int key = key(b, h, j);
                int value = value(b, h, j);
                double pt = centred(e, b, h, i);
                double over = mask[e] * dot(dO, out, v, value) - delta[row(b, h, i)];
                double dPt = mask[e] * (dot(dOt, out, v, value) + dot(dO, out, vt, value));
                double dS = p.scale() * probability[e] * over;
                double dSt = p.scale() * (pt * over + probability[e] * (dPt - deltaT[row(b, h, i)]));
                double size = p.scale() * probability[e] * (Math.abs(dPt) + Math.abs(deltaT[row(b, h, i)]));
                for (int c = 0; c < p.d(); c++) {
                    term(size, q[query + c], k[key + c]);
                    dqt[atQ + query + c] += dSt * k[key + c] + dS * kt[key + c];
                    dkt[atK + key + c] += dSt * q[query + c] + dS * qt[query + c];
                    dvt[atV + value + c] += mask[e] * (pt * dO[out + c] + probability[e] * dOt[out + c]);
                }
            });
        }

        /** The terms of the sum, and the sum of their sizes, taken before dP and D cancel. */
        double[] curvature(float[] dO) {
            double[] delta = delta(dO, 0);
            double[] sums = new double[2];
            each((e, b, h, i, j) -> {
                int out = out(b, h, i);
                int value = value(b, h, j);
                double dP = mask[e] * dot(dO, out, v, value);
                double from = st[e] - mu[row(b, h, i)];
                double bent = from * from + 2 * p.scale() * dot(qt, query(b, h, i), kt, key(b, h, j));
                double second = 2 * probability[e] * from * mask[e] * dot(dO, out, vt, value);
                sums[0] += probability[e] * (dP - delta[row(b, h, i)]) * bent + second;
                sums[1] += probability[e] * (Math.abs(dP) + Math.abs(delta[row(b, h, i)])) * Math.abs(bent)
                        + Math.abs(second);
            });
            return sums;
        }
    }
}
