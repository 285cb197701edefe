package dev.sagitta.kernel.attention;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.KernelBench;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.attention.AttentionProblem.Inputs;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One shape of attention with its features, in all modes.
 *
 * @param offset of all tangents of keys: a part of the scores' tangents that is the same along a row and cancels
 * @param without letters of what is null: q, k, v tangents, o the tangent of the cotangent, Q, K, V gradients, l the log-sum-exp
 */
record AttentionCase(
        String name,
        boolean small,
        AttentionProblem problem,
        int copies,
        boolean lengths,
        boolean alibi,
        float offset,
        String without) {
    @Override
    public String toString() {
        AttentionProblem p = problem;
        return name + " B=" + p.batch() + " H=" + p.heads() + "/" + p.kvHeads() + " T=" + p.t() + " S=" + p.s() + " d="
                + p.d() + " K=" + copies;
    }

    On on(KernelBench bench) {
        return on(bench, null);
    }

    /** With the factors of products rounded, where the device does that. */
    On on(KernelBench bench, AttentionMma.Factors factors) {
        return new On(bench, factors);
    }

    private boolean has(char letter) {
        return without.indexOf(letter) < 0;
    }

    /** The case's tensors on a device, and the reference. */
    final class On {
        private final KernelBench bench;
        private final AttentionProblem p = problem;
        private final Inputs in;
        private final AttentionMma.Factors factors;
        private final AttentionNearness nearness;
        private final QuadraticAttention reference;
        /** In the precision of the kernel: whose statistics it is fed with, and whose error is what it may have twice. */
        private final QuadraticAttention likewise;

        private final boolean packed = problem.qRow() != (long) problem.heads() * problem.d();

        private final float[] dO;
        private final float[] dOt;
        private final float[] qt;
        private final float[] kt;
        private final float[] vt;
        private final List<QuadraticAttention.Tangents> tangents = new ArrayList<>();
        private final List<QuadraticAttention.Tangents> tangentsLikewise = new ArrayList<>();

        private On(KernelBench bench, AttentionMma.Factors factors) {
            this.bench = bench;
            this.factors = factors;
            nearness = new AttentionNearness(bench, factors);
            float[] q = bench.normal(p.queries());
            float[] k = packed ? q : bench.normal(p.keys());
            float[] v = packed ? q : bench.normal(p.values());
            float[] slopes = null;
            int[] counts = null;
            if (alibi) {
                slopes = new float[p.heads()];
                for (int h = 0; h < slopes.length; h++) {
                    slopes[h] = (float) Math.pow(2, -8.0 * (h + 1) / slopes.length);
                }
            }
            if (lengths) { // none, all, and some
                counts = new int[p.batch()];
                for (int b = 0; b < counts.length; b++) {
                    counts[b] = b == 0 ? 0 : b == 1 ? p.s() : p.s() / 3;
                }
            }
            Tensor queries = bench.input("q", q, p.batch(), p.t(), p.qRow());
            in = new Inputs(
                    queries,
                    packed ? queries : bench.input("k", k, p.batch(), p.s(), p.kRow()),
                    packed ? queries : bench.input("v", v, p.batch(), p.s(), p.vRow()),
                    counts == null ? null : bench.input("lengths", counts, p.batch()),
                    slopes == null ? null : bench.input("slopes", slopes, p.heads()),
                    p.dropout() > 0 ? bench.state() : null);
            reference = new QuadraticAttention(p, q, k, v, counts, slopes, Bench.SEED);
            likewise = factors == null
                    ? reference
                    : new QuadraticAttention(p, q, k, v, counts, slopes, Bench.SEED, x -> RoundedFactor.of(x, factors));
            dO = bench.normal(p.outputs());
            dOt = tangent('o', p.outputs());
            qt = packed ? bench.normal(copies * p.queries()) : tangent('q', p.queries());
            kt = packed ? qt : tangent('k', p.keys());
            vt = packed ? qt : tangent('v', p.values());
            for (int e = 0; offset != 0 && e < kt.length; e++) {
                kt[e] += offset;
            }
            for (int c = 0; c < copies; c++) {
                tangents.add(reference.new Tangents(part(qt, c), part(kt, c), part(vt, c)));
                tangentsLikewise.add(
                        factors == null
                                ? tangents.get(c)
                                : likewise.new Tangents(part(qt, c), part(kt, c), part(vt, c)));
            }
        }

        private float[] tangent(char letter, long elements) {
            return has(letter) ? bench.normal(copies * elements) : new float[(int) (copies * elements)];
        }

        private float[] part(float[] all, int copy) {
            int n = all.length / copies;
            return Arrays.copyOfRange(all, copy * n, (copy + 1) * n);
        }

        private double[] joined(double[]... parts) {
            return AttentionNearness.joined(parts);
        }

        private Tensor rounded(String name, double[] values, long... shape) {
            float[] floats = new float[values.length];
            for (int e = 0; e < floats.length; e++) {
                floats[e] = (float) values[e];
            }
            return bench.input(name, floats, shape);
        }

        private Tensor rows(String name, double[] values) {
            return rounded(name, values, values.length / (int) p.rows(), p.batch(), p.heads(), p.t());
        }

        private Tensor outputs(String name, float[] values) {
            return bench.input(name, values, values.length / (int) p.outputs(), p.batch(), p.t(), p.heads(), p.d());
        }

        private Tensor lse() {
            return rows("lse", likewise.lse);
        }

        private void run(Descriptor plain) {
            bench.run(factors == null ? plain : AttentionMma.of(plain, factors).on(bench.device()));
        }

        private void near(Tensor actual, double[] expected, double[] expectedLikewise) {
            nearness.check(actual, expected, expectedLikewise, 0);
        }

        void forward() {
            Tensor o = bench.output("o", DType.F32, p.batch(), p.t(), p.heads(), p.d());
            Tensor lse = has('l') ? bench.output("lse", DType.F32, p.batch(), p.heads(), p.t()) : null;
            run(new Attention.Forward(p, in, o, lse));
            near(o, reference.o, likewise.o);
            if (lse != null) {
                near(lse, reference.lse, likewise.lse);
            }
        }

        void delta() {
            Tensor o = rounded("o", reference.o, p.batch(), p.t(), p.heads(), p.d());
            Tensor one = bench.output("delta", DType.F32, 1, p.batch(), p.heads(), p.t());
            run(delta(o, null, null, outputs("d_o", dO), one, 1));
            near(one, reference.delta(dO, 0), reference.delta(dO, 0));
            Tensor many = bench.output("delta_t", DType.F32, copies, p.batch(), p.heads(), p.t());
            Tensor ot = rounded("ot", ot(tangents), copies, p.batch(), p.t(), p.heads(), p.d());
            run(delta(o, ot, outputs("d_o", dO), has('o') ? outputs("d_ot", dOt) : null, many, copies));
            near(many, deltaT(tangents), deltaT(tangents));
        }

        private Attention.Delta delta(Tensor o, Tensor ot, Tensor dO, Tensor dOt, Tensor delta, int n) {
            return new Attention.Delta(p, n, o, ot, dO, dOt, delta);
        }

        private double[] ot(List<QuadraticAttention.Tangents> of) {
            return joined(of.stream().map(t -> t.ot).toArray(double[][]::new));
        }

        private double[] mu(List<QuadraticAttention.Tangents> of) {
            return joined(of.stream().map(t -> t.mu).toArray(double[][]::new));
        }

        private double[] deltaT(List<QuadraticAttention.Tangents> of) {
            double[][] parts = new double[copies][];
            for (int c = 0; c < copies; c++) {
                parts[c] = of.get(c).deltaT(dO, part(dOt, c));
            }
            return joined(parts);
        }

        /** Tensors for gradients of n copies, the same one three times where packed, and what is expected of each. */
        private final class Gradients {
            private final double[] dq;
            private final double[] dk;
            private final double[] dv;
            private final double[] dqLikewise;
            private final double[] dkLikewise;
            private final double[] dvLikewise;
            private final Tensor q;
            private final Tensor k;
            private final Tensor v;

            Gradients(int n) {
                dq = new double[n * (int) p.queries()];
                dk = packed ? dq : new double[n * (int) p.keys()];
                dv = packed ? dq : new double[n * (int) p.values()];
                dqLikewise = dq.clone();
                dkLikewise = packed ? dqLikewise : dk.clone();
                dvLikewise = packed ? dqLikewise : dv.clone();
                q = has('Q') ? bench.output("dq", DType.F32, n, p.batch(), p.t(), p.qRow()) : null;
                k = packed ? q : has('K') ? bench.output("dk", DType.F32, n, p.batch(), p.s(), p.kRow()) : null;
                v = packed ? q : has('V') ? bench.output("dv", DType.F32, n, p.batch(), p.s(), p.vRow()) : null;
            }

            void compare() {
                if (q != null) {
                    nearness.check(q, dq, dqLikewise, reference.largestTerm);
                }
                if (k != null && !packed) {
                    nearness.check(k, dk, dkLikewise, reference.largestTerm);
                }
                if (v != null && !packed) {
                    nearness.check(v, dv, dvLikewise, reference.largestTerm);
                }
            }
        }

        /** Of one cotangent, and of several as Gauss-Newton products have. */
        void backward() {
            Tensor lse = lse();
            backward(lse, dO, 1);
            if (copies > 1) {
                backward(lse, bench.normal(copies * p.outputs()), copies);
            }
        }

        private void backward(Tensor lse, float[] cotangents, int n) {
            double[][] deltas = new double[n][];
            Gradients gradients = new Gradients(n);
            for (int c = 0; c < n; c++) {
                deltas[c] = likewise.delta(cotangents, c * (int) p.outputs());
                reference.backward(cotangents, c, gradients.dq, gradients.dk, gradients.dv);
                if (factors != null) {
                    likewise.backward(cotangents, c, gradients.dqLikewise, gradients.dkLikewise, gradients.dvLikewise);
                }
            }
            run(new Attention.Backward(
                    p,
                    n,
                    in,
                    lse,
                    rows("delta", joined(deltas)),
                    outputs("d_o", cotangents),
                    gradients.q,
                    gradients.k,
                    gradients.v));
            gradients.compare();
        }

        void tangent() {
            Tensor ot = bench.output("ot", DType.F32, copies, p.batch(), p.t(), p.heads(), p.d());
            Tensor mu = bench.output("mu", DType.F32, copies, p.batch(), p.heads(), p.t());
            Tensor o = rounded("o", likewise.o, p.batch(), p.t(), p.heads(), p.d());
            Tensor tq = qt();
            run(new Attention.Tangent(p, copies, in, o, lse(), tq, kt(tq), vt(tq), ot, mu));
            near(ot, ot(tangents), ot(tangentsLikewise));
            near(mu, mu(tangents), mu(tangentsLikewise));
        }

        private Tensor qt() {
            return has('q') ? bench.input("qt", qt, copies, p.batch(), p.t(), p.qRow()) : null;
        }

        private Tensor kt(Tensor tq) {
            return packed ? tq : has('k') ? bench.input("kt", kt, copies, p.batch(), p.s(), p.kRow()) : null;
        }

        private Tensor vt(Tensor tq) {
            return packed ? tq : has('v') ? bench.input("vt", vt, copies, p.batch(), p.s(), p.vRow()) : null;
        }

        void tangentBackward() {
            Gradients gradients = new Gradients(copies);
            for (int c = 0; c < copies; c++) {
                tangents.get(c).backward(dO, part(dOt, c), c, gradients.dq, gradients.dk, gradients.dv);
                if (factors != null) {
                    tangentsLikewise
                            .get(c)
                            .backward(
                                    dO,
                                    part(dOt, c),
                                    c,
                                    gradients.dqLikewise,
                                    gradients.dkLikewise,
                                    gradients.dvLikewise);
                }
            }
            Tensor tq = qt();
            run(new Attention.TangentBackward(
                    p,
                    copies,
                    in,
                    lse(),
                    rows("mu", mu(tangentsLikewise)),
                    rows("delta", likewise.delta(dO, 0)),
                    rows("delta_t", deltaT(tangentsLikewise)),
                    outputs("d_o", dO),
                    tq,
                    kt(tq),
                    vt(tq),
                    has('o') ? outputs("d_ot", dOt) : null,
                    gradients.q,
                    gradients.k,
                    gradients.v));
            gradients.compare();
        }

        void curvature() {
            long[] shape = Attention.partials(bench.device(), p, copies).toArray();
            Tensor partial = bench.output("partial", DType.F32, shape);
            Tensor tq = qt();
            run(new Attention.Curvature(
                    p,
                    copies,
                    in,
                    lse(),
                    rows("mu", mu(tangentsLikewise)),
                    rows("delta", likewise.delta(dO, 0)),
                    outputs("d_o", dO),
                    tq,
                    kt(tq),
                    vt(tq),
                    partial));
            bench.check(() -> {
                float[] parts = bench.floats(partial);
                int each = parts.length / copies;
                for (int c = 0; c < copies; c++) {
                    double sum = 0;
                    for (int e = c * each; e < (c + 1) * each; e++) {
                        sum += parts[e];
                    }
                    double[] expected = tangentsLikewise.get(c).curvature(dO);
                    Tolerance tolerance =
                            factors == null ? AttentionNearness.CLOSE : new Tolerance(factors.rounding(), 1e-6);
                    Bench.near(partial, (long) c * each, sum, expected[0], expected[1], tolerance);
                }
            });
        }
    }
}
