package dev.sagitta.kernel.attention;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.KernelBench;
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
    private static final Tolerance CLOSE = new Tolerance(2e-5, 1e-6);

    @Override
    public String toString() {
        AttentionProblem p = problem;
        return name + " B=" + p.batch() + " H=" + p.heads() + "/" + p.kvHeads() + " T=" + p.t() + " S=" + p.s() + " d="
                + p.d() + " K=" + copies;
    }

    static List<AttentionCase> all() {
        List<AttentionCase> cases = new ArrayList<>();
        cases.add(plain("one", true, AttentionProblem.of(1, 1, 1, 1, 1, 1), 1));
        cases.add(plain("plain", true, AttentionProblem.of(2, 2, 2, 5, 7, 8), 2));
        cases.add(plain("causal", true, AttentionProblem.of(1, 2, 1, 9, 6, 9).seeing(true, 0), 1));
        cases.add(plain("packed", false, AttentionProblem.of(2, 4, 2, 33, 33, 12).seeing(true, 0).packed(), 3));
        cases.add(plain("tiles", false, AttentionProblem.of(1, 2, 2, 64, 128, 64), 1));
        cases.add(plain("ragged", false, AttentionProblem.of(2, 3, 1, 131, 70, 33), 2));
        cases.add(plain("causal, more keys", false, AttentionProblem.of(1, 2, 2, 70, 150, 40).seeing(true, 0), 2));
        cases.add(plain("causal, more queries", false, AttentionProblem.of(1, 2, 2, 150, 67, 16).seeing(true, 0), 2));
        cases.add(plain("one query", false, AttentionProblem.of(2, 4, 2, 1, 201, 64).seeing(true, 0), 2));
        cases.add(plain("one key", false, AttentionProblem.of(2, 2, 2, 77, 1, 24), 1));
        cases.add(plain("wide heads", false, AttentionProblem.of(1, 2, 1, 66, 70, 129).seeing(true, 0), 2));
        cases.add(plain("widest heads", false, AttentionProblem.of(1, 1, 1, 65, 65, 256), 1));
        cases.add(plain("window", true, AttentionProblem.of(1, 1, 1, 11, 11, 8).seeing(true, 3), 1));
        cases.add(plain("window to both sides", false, AttentionProblem.of(1, 2, 2, 200, 190, 16).seeing(false, 40), 2));
        cases.add(plain("causal window", false, AttentionProblem.of(2, 2, 1, 190, 200, 20).seeing(true, 65), 2));
        cases.add(plain("scale", false, AttentionProblem.of(1, 1, 1, 40, 40, 16).scaled(1), 1));
        AttentionProblem some = AttentionProblem.of(3, 4, 2, 75, 80, 24);
        cases.add(new AttentionCase("lengths", false, some, 2, true, false, 0, ""));
        cases.add(new AttentionCase("causal lengths", false, some.seeing(true, 0), 2, true, false, 0, ""));
        cases.add(new AttentionCase("ALiBi", false, some.seeing(true, 0), 2, false, true, 0, ""));
        cases.add(new AttentionCase("common offset", false, some, 2, false, false, 10, ""));
        cases.add(plain("dropout", false, some.dropping(0.3f, 7), 2));
        AttentionProblem odd = AttentionProblem.of(2, 2, 1, 7, 9, 8).seeing(true, 4).dropping(0.25f, 5);
        cases.add(new AttentionCase("everything", true, odd, 2, true, true, 1, ""));
        AttentionProblem few = AttentionProblem.of(1, 2, 1, 10, 12, 8);
        for (String without : List.of("q", "k", "v", "o", "qk", "kv", "qv", "qkv", "Q", "K", "V", "KV", "QK", "QV", "l")) {
            cases.add(new AttentionCase("without " + without, false, few, 2, false, false, 0, without));
        }
        return cases;
    }

    private static AttentionCase plain(String name, boolean small, AttentionProblem problem, int copies) {
        return new AttentionCase(name, small, problem, copies, false, false, 0, "");
    }

    On on(KernelBench bench) {
        return new On(bench);
    }

    private boolean has(char letter) {
        return without.indexOf(letter) < 0;
    }

    /** The case's tensors on a device, and the reference. */
    final class On {
        private final KernelBench bench;
        private final AttentionProblem p = problem;
        private final Inputs in;
        private final QuadraticAttention reference;
        private final boolean packed = problem.qRow() != (long) problem.heads() * problem.d();

        private final float[] dO;
        private final float[] dOt;
        private final float[] qt;
        private final float[] kt;
        private final float[] vt;
        private final List<QuadraticAttention.Tangents> tangents = new ArrayList<>();

        private On(KernelBench bench) {
            this.bench = bench;
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
            return Arrays.stream(parts).flatMapToDouble(Arrays::stream).toArray();
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
            return bench.input(
                    name, values, values.length / (int) p.outputs(), p.batch(), p.t(), p.heads(), p.d());
        }

        private Tensor lse() {
            return rows("lse", reference.lse);
        }

        /** Against the largest of all: what cancels was as large. */
        private void near(Tensor actual, double[] expected) {
            near(actual, expected, 0);
        }

        private void near(Tensor actual, double[] expected, double largestTerm) {
            double largest = largestTerm;
            for (double value : expected) {
                largest = Double.isInfinite(value) ? largest : Math.max(largest, Math.abs(value));
            }
            double[] magnitude = new double[expected.length];
            Arrays.fill(magnitude, Math.max(largest, 1e-3));
            bench.compare(actual, expected, magnitude, CLOSE);
        }

        void forward() {
            Tensor o = bench.output("o", DType.F32, p.batch(), p.t(), p.heads(), p.d());
            Tensor lse = has('l') ? bench.output("lse", DType.F32, p.batch(), p.heads(), p.t()) : null;
            bench.run(new Attention.Forward(p, in, o, lse));
            near(o, reference.o);
            if (lse != null) {
                near(lse, reference.lse);
            }
        }

        void delta() {
            Tensor o = rounded("o", reference.o, p.batch(), p.t(), p.heads(), p.d());
            Tensor one = bench.output("delta", DType.F32, 1, p.batch(), p.heads(), p.t());
            bench.run(delta(o, null, null, outputs("d_o", dO), one, 1));
            near(one, reference.delta(dO, 0));
            Tensor many = bench.output("delta_t", DType.F32, copies, p.batch(), p.heads(), p.t());
            Tensor ot = rounded("ot", ot(), copies, p.batch(), p.t(), p.heads(), p.d());
            bench.run(delta(o, ot, outputs("d_o", dO), has('o') ? outputs("d_ot", dOt) : null, many, copies));
            near(many, deltaT());
        }

        private Attention.Delta delta(Tensor o, Tensor ot, Tensor dO, Tensor dOt, Tensor delta, int n) {
            return new Attention.Delta(o, ot, dO, dOt, delta, p.batch(), p.heads(), p.t(), p.d(), n);
        }

        private double[] ot() {
            return joined(tangents.stream().map(t -> t.ot).toArray(double[][]::new));
        }

        private double[] mu() {
            return joined(tangents.stream().map(t -> t.mu).toArray(double[][]::new));
        }

        private double[] deltaT() {
            double[][] parts = new double[copies][];
            for (int c = 0; c < copies; c++) {
                parts[c] = tangents.get(c).deltaT(dO, part(dOt, c));
            }
            return joined(parts);
        }

        /** Tensors for gradients of n copies, the same one three times where packed, and what is expected of each. */
        private final class Gradients {
            private final double[] dq;
            private final double[] dk;
            private final double[] dv;
            private final Tensor q;
            private final Tensor k;
            private final Tensor v;

            Gradients(int n) {
                dq = new double[n * (int) p.queries()];
                dk = packed ? dq : new double[n * (int) p.keys()];
                dv = packed ? dq : new double[n * (int) p.values()];
                q = has('Q') ? bench.output("dq", DType.F32, n, p.batch(), p.t(), p.qRow()) : null;
                k = packed ? q : has('K') ? bench.output("dk", DType.F32, n, p.batch(), p.s(), p.kRow()) : null;
                v = packed ? q : has('V') ? bench.output("dv", DType.F32, n, p.batch(), p.s(), p.vRow()) : null;
            }

            void compare() {
                if (q != null) {
                    near(q, dq, reference.largestTerm);
                }
                if (k != null && !packed) {
                    near(k, dk, reference.largestTerm);
                }
                if (v != null && !packed) {
                    near(v, dv, reference.largestTerm);
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
                deltas[c] = reference.delta(cotangents, c * (int) p.outputs());
                reference.backward(cotangents, c, gradients.dq, gradients.dk, gradients.dv);
            }
            bench.run(new Attention.Backward(
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
            Tensor o = rounded("o", reference.o, p.batch(), p.t(), p.heads(), p.d());
            Tensor tq = qt();
            bench.run(new Attention.Tangent(p, copies, in, o, lse(), tq, kt(tq), vt(tq), ot, mu));
            near(ot, ot());
            near(mu, mu());
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
            }
            Tensor tq = qt();
            bench.run(new Attention.TangentBackward(
                    p,
                    copies,
                    in,
                    lse(),
                    rows("mu", mu()),
                    rows("delta", reference.delta(dO, 0)),
                    rows("delta_t", deltaT()),
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
            bench.run(new Attention.Curvature(
                    p,
                    copies,
                    in,
                    lse(),
                    rows("mu", mu()),
                    rows("delta", reference.delta(dO, 0)),
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
                    double[] expected = tangents.get(c).curvature(dO);
                    Bench.near(partial, (long) c * each, sum, expected[0], expected[1], CLOSE);
                }
            });
        }
    }
}
