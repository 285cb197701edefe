package dev.sagitta.kernel.attention;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.Work;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/**
 * The plain passes, causal, heads of 64 with 2048 queries and {@link #PROBES} tangents: 64 of them, 4 on CPUs. Samples of the results are compared with fp64; curvature,
 * one number of all elements, with the product of the tangents and their backward pass.
 */
final class AttentionCases implements TimedCases {
    private static final int T = 2048;
    private static final int D = 64;
    private static final int PROBES = 4;

    @Override
    public List<TimedCase> cases() {
        return List.of(
                TimedCase.of("attention_forward", bench -> new Sized(bench).forward()),
                TimedCase.of("attention_backward", bench -> new Sized(bench).backward()),
                TimedCase.of("attention_tangent", bench -> new Sized(bench).tangent()),
                TimedCase.of("attention_tangent_backward", bench -> new Sized(bench).tangentBackward()),
                TimedCase.of("attention_curvature", bench -> new Sized(bench).curvature()));
    }

    private static final class Sized {
        private final Bench bench;
        private final AttentionProblem p;
        private final AttentionProblem.Inputs in;
        private final Tensor o;
        private final Tensor lse;
        private final Attention.Forward forward;
        private final AttentionSamples samples;

        Sized(Bench bench) {
            this.bench = bench;
            int t = bench.side(T);
            boolean few = t < T || Work.onCpu(bench.device());
            int heads = t < T ? 2 : few ? 4 : 16;
            p = AttentionProblem.of(few ? 1 : 4, heads, heads, t, t, D).seeing(true, 0);
            in = new AttentionProblem.Inputs(rows("q", 1), rows("k", 1), rows("v", 1), null, null, null);
            o = out("o", 1);
            lse = statistics("lse", 1);
            forward = new Attention.Forward(p, in, o, lse);
            samples = new AttentionSamples(bench, p, forward.tolerance());
        }

        private Tensor rows(String name, int copies) {
            return bench.normal(name, copies, p.batch(), p.t(), p.qRow());
        }

        private Tensor out(String name, int copies) {
            return bench.output(name, DType.F32, copies, p.batch(), p.t(), p.heads(), p.d());
        }

        private Tensor statistics(String name, int copies) {
            return bench.output(name, DType.F32, copies, p.batch(), p.heads(), p.t());
        }

        private Attention.Delta delta(Tensor ot, Tensor dO, Tensor dOt, Tensor delta, int copies) {
            return new Attention.Delta(p, copies, o, ot, dO, dOt, delta);
        }

        void forward() {
            bench.run(forward);
            bench.check(() -> samples.of(in, lse).forward(o, lse));
        }

        void backward() {
            Tensor dO = rows("d_o", 1);
            Tensor delta = statistics("delta", 1);
            Tensor dq = out("dq", 1);
            Tensor dk = out("dk", 1);
            Tensor dv = out("dv", 1);
            bench.runAfter(
                    Preparable.sequence(forward, delta(null, null, dO, delta, 1)),
                    new Attention.Backward(p, 1, in, lse, delta, dO, dq, dk, dv));
            bench.check(() -> samples.of(in, lse).cotangent(dO, delta).backward(dq, dk, dv));
        }

        void tangent() {
            Tangents t = new Tangents();
            bench.runAfter(forward, t.pass());
            bench.check(() ->
                    samples.of(in, lse).tangents(t.qt, t.kt, t.vt).means(t.mu).tangent(t.ot));
        }

        void tangentBackward() {
            Tangents t = new Tangents();
            Cotangent c = new Cotangent();
            Tensor dOt = rows("d_ot", PROBES);
            Second second = new Second(t, c, dOt);
            bench.runAfter(Preparable.sequence(forward, t.pass(), c.delta(), second.delta()), second.pass());
            bench.check(() -> samples.of(in, lse)
                    .cotangent(c.dO, c.delta)
                    .tangents(t.qt, t.kt, t.vt)
                    .means(t.mu)
                    .tangentOfCotangent(dOt, second.deltaT)
                    .tangentBackward(second.dqt, second.dkt, second.dvt));
        }

        void curvature() {
            Tangents t = new Tangents();
            Cotangent c = new Cotangent();
            Tensor partial = bench.output(
                    "partial",
                    DType.F32,
                    Attention.partials(bench.device(), p, PROBES).toArray());
            Descriptor curvature =
                    new Attention.Curvature(p, PROBES, in, lse, t.mu, c.delta, c.dO, t.qt, t.kt, t.vt, partial);
            bench.runAfter(Preparable.sequence(forward, t.pass(), c.delta()), curvature);
            bench.check(() -> {
                Second second = new Second(t, c, null);
                bench.once(Preparable.sequence(second.delta(), second.pass()));
                int each = (int) (partial.elements() / PROBES);
                for (int probe = 0; probe < PROBES; probe++) {
                    double sum = 0;
                    for (float part : bench.floats(partial, (long) probe * each, each)) {
                        sum += part;
                    }
                    double[] expected = second.along(probe);
                    Bench.near(partial, (long) probe * each, sum, expected[0], expected[1], curvature.tolerance());
                }
            });
        }

        private final class Tangents {
            final Tensor qt = rows("qt", PROBES);
            final Tensor kt = rows("kt", PROBES);
            final Tensor vt = rows("vt", PROBES);
            final Tensor ot = out("ot", PROBES);
            final Tensor mu = statistics("mu", PROBES);

            Descriptor pass() {
                return new Attention.Tangent(p, PROBES, in, o, lse, qt, kt, vt, ot, mu);
            }
        }

        private final class Cotangent {
            final Tensor dO = rows("d_o", 1);
            final Tensor delta = statistics("delta", 1);

            Descriptor delta() {
                return Sized.this.delta(null, null, dO, delta, 1);
            }
        }

        /** Tangents of the gradients. */
        private final class Second {
            private final Tangents t;
            private final Cotangent c;
            private final Tensor dOt;
            final Tensor deltaT = statistics("delta_t", PROBES);
            final Tensor dqt = out("dqt", PROBES);
            final Tensor dkt = out("dkt", PROBES);
            final Tensor dvt = out("dvt", PROBES);

            Second(Tangents t, Cotangent c, Tensor dOt) {
                this.t = t;
                this.c = c;
                this.dOt = dOt;
            }

            Descriptor delta() {
                return Sized.this.delta(t.ot, c.dO, dOt, deltaT, PROBES);
            }

            Descriptor pass() {
                return new Attention.TangentBackward(
                        p, PROBES, in, lse, t.mu, c.delta, deltaT, c.dO, t.qt, t.kt, t.vt, dOt, dqt, dkt, dvt);
            }

            /** A probe's product with its tangents, and the sum of the terms' sizes. */
            double[] along(int probe) {
                double[] sums = new double[2];
                for (Tensor[] pair : new Tensor[][] {{t.qt, dqt}, {t.kt, dkt}, {t.vt, dvt}}) {
                    int each = (int) (pair[0].elements() / PROBES);
                    float[] a = bench.floats(pair[0], (long) probe * each, each);
                    float[] b = bench.floats(pair[1], (long) probe * each, each);
                    for (int e = 0; e < each; e++) {
                        sums[0] += (double) a[e] * b[e];
                        sums[1] += Math.abs((double) a[e] * b[e]);
                    }
                }
                return sums;
            }
        }
    }
}
