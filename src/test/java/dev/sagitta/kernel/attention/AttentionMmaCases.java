package dev.sagitta.kernel.attention;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** The passes on tensor cores, causal, one tangent, compared with the plain ones: 4 x 16 heads of 64 with 2048 queries, 16 heads of 128 with 4096. */
public final class AttentionMmaCases implements TimedCases {
    private static final int HEADS = 16;

    @Override
    public List<TimedCase> cases() {
        List<TimedCase> cases = new ArrayList<>();
        for (AttentionMma.Factors factors : AttentionMma.Factors.values()) {
            for (Kind kind : Kind.values()) {
                for (int t : new int[] {2048, 4096}) {
                    String name =
                            "attention_" + kind.name().toLowerCase(Locale.ROOT) + "_" + factors.suffix() + "_" + t;
                    cases.add(TimedCase.of(name, bench -> new Sized(bench, t, factors).run(kind))
                            .where(TimedCase.Where.ON_GPU));
                }
            }
        }
        return cases;
    }

    private enum Kind {
        FORWARD,
        BACKWARD,
        TANGENT,
        TANGENT_BACKWARD,
        CURVATURE
    }

    private static final class Sized {
        private final Bench bench;
        private final AttentionMma.Factors factors;
        private final AttentionProblem p;
        private final AttentionProblem.Inputs in;
        private final Tensor o;
        private final Tensor lse;
        private final Preparable forward;

        Sized(Bench bench, int t, AttentionMma.Factors factors) {
            this.bench = bench;
            this.factors = factors;
            int n = bench.side(t);
            int batch = n == t && t == 2048 ? 4 : 1;
            int heads = n == t ? HEADS : 2;
            p = AttentionProblem.of(batch, heads, heads, n, n, t == 2048 ? 64 : 128)
                    .seeing(true, 0);
            in = new AttentionProblem.Inputs(rows("q"), rows("k"), rows("v"), null, null, null);
            o = out("o");
            lse = statistics("lse");
            forward = rounded(new Attention.Forward(p, in, o, lse));
        }

        private Tensor rows(String name) {
            return bench.normal(name, 1, p.batch(), p.t(), p.qRow());
        }

        private Tensor out(String name) {
            return bench.output(name, DType.F32, 1, p.batch(), p.t(), p.heads(), p.d());
        }

        private Tensor statistics(String name) {
            return bench.output(name, DType.F32, 1, p.batch(), p.heads(), p.t());
        }

        private Preparable rounded(Descriptor plain) {
            return AttentionMma.of(plain, factors);
        }

        private Attention.Delta delta(Tensor ot, Tensor dO, Tensor dOt, Tensor delta) {
            return new Attention.Delta(p, 1, o, ot, dO, dOt, delta);
        }

        void run(Kind kind) {
            Tensor qt = kind == Kind.FORWARD || kind == Kind.BACKWARD ? null : rows("qt");
            Tensor kt = qt == null ? null : rows("kt");
            Tensor vt = qt == null ? null : rows("vt");
            Tensor dO = kind == Kind.FORWARD || kind == Kind.TANGENT ? null : rows("d_o");
            Tensor delta = dO == null ? null : statistics("delta");
            Preparable before = dO == null ? forward : Preparable.sequence(forward, delta(null, null, dO, delta));
            switch (kind) {
                case FORWARD -> compare(Preparable.sequence(), y -> new Attention.Forward(p, in, y[0], y[1]), o, lse);
                case BACKWARD ->
                    compare(
                            before,
                            y -> new Attention.Backward(p, 1, in, lse, delta, dO, y[0], y[1], y[2]),
                            out("dq"),
                            out("dk"),
                            out("dv"));
                default -> {
                    Tensor ot = out("ot");
                    Tensor mu = statistics("mu");
                    Function<Tensor[], Descriptor> tangent =
                            y -> new Attention.Tangent(p, 1, in, o, lse, qt, kt, vt, y[0], y[1]);
                    Preparable known = Preparable.sequence(before, rounded(tangent.apply(new Tensor[] {ot, mu})));
                    if (kind == Kind.TANGENT) {
                        compare(before, tangent, ot, mu);
                    } else if (kind == Kind.CURVATURE) {
                        Shape partials = Attention.partials(bench.device(), p, 1);
                        compare(
                                known,
                                y -> new Attention.Curvature(p, 1, in, lse, mu, delta, dO, qt, kt, vt, y[0]),
                                bench.output("partial", DType.F32, partials.toArray()));
                    } else {
                        Tensor dOt = rows("d_ot");
                        Tensor deltaT = statistics("delta_t");
                        compare(
                                Preparable.sequence(known, delta(ot, dO, dOt, deltaT)),
                                y -> new Attention.TangentBackward(
                                        p, 1, in, lse, mu, delta, deltaT, dO, qt, kt, vt, dOt, y[0], y[1], y[2]),
                                out("dqt"),
                                out("dkt"),
                                out("dvt"));
                    }
                }
            }
        }

        /** Times the pass, and compares what it leaves with what the plain one does, relative to the largest. */
        private void compare(Preparable before, Function<Tensor[], Descriptor> pass, Tensor... results) {
            bench.runAfter(before, AttentionMma.of(pass.apply(results), factors).on(bench.device()));
            bench.check(() -> {
                Tensor[] plain = Arrays.stream(results)
                        .map(y -> bench.output("plain", y.dtype(), y.shape().toArray()))
                        .toArray(Tensor[]::new);
                bench.once(pass.apply(plain));
                Tolerance tolerance = new Tolerance(8 * factors.rounding(), 1e-6);
                for (int y = 0; y < results.length; y++) {
                    Tensor result = results[y];
                    Tensor expected = plain[y];
                    bench.windows(result.elements(), (first, count) -> {
                        float[] actual = bench.floats(result, first, count);
                        float[] wanted = bench.floats(expected, first, count);
                        double largest = 0;
                        for (float value : wanted) {
                            largest = Math.max(largest, Math.abs(value));
                        }
                        for (int e = 0; e < count; e++) {
                            Bench.near(result, first + e, actual[e], wanted[e], largest, tolerance);
                        }
                    });
                }
            });
        }
    }
}
