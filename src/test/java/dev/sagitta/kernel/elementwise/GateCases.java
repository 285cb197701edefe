package dev.sagitta.kernel.elementwise;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.graph.op.elementwise.ActivationReference;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** Gates over {@link Bench#elements}; what has probes: eight of them, of an eighth each. */
final class GateCases implements TimedCases {
    private static final int PROBES = 8;
    private static final Tolerance CLOSE = new Tolerance(2e-6, 1e-6);

    @Override
    public List<TimedCase> cases() {
        return List.of(
                TimedCase.of("multiply_forward", bench -> forward(bench, null)),
                TimedCase.of("silu_gate_forward", bench -> forward(bench, Function.SILU)),
                TimedCase.of("silu_gate_backward", GateCases::backward),
                TimedCase.of("silu_gate_tangent", GateCases::tangent),
                TimedCase.of("silu_gate_tangent_backward", GateCases::tangentBackward),
                TimedCase.of("silu_gate_curvature", GateCases::curvature));
    }

    private static double[] derivatives(Function function, double x) {
        return function == null ? new double[] {x, 1, 0} : ActivationReference.derivatives(function, x);
    }

    private static double[] silu(double x) {
        return derivatives(Function.SILU, x);
    }

    private static void forward(Bench bench, Function function) {
        Tensor a = bench.normal("a", bench.elements());
        Tensor b = bench.normal("b", bench.elements());
        Tensor y = bench.output("y", DType.F32, bench.elements());
        bench.run(Gate.forward(function, a, b, y));
        bench.checkElementwise(CLOSE, y, x -> derivatives(function, x[0])[0] * x[1], a, b);
    }

    private static void backward(Bench bench) {
        Tensor a = bench.normal("a", bench.elements());
        Tensor b = bench.normal("b", bench.elements());
        Tensor dy = bench.normal("dy", bench.elements());
        Tensor da = bench.output("da", DType.F32, bench.elements());
        Tensor db = bench.output("db", DType.F32, bench.elements());
        bench.run(Gate.backward(Function.SILU, a, b, dy, da, db));
        bench.checkElementwise(CLOSE, da, x -> x[2] * silu(x[0])[1] * x[1], a, b, dy);
        bench.checkElementwise(CLOSE, db, x -> x[1] * silu(x[0])[0], a, dy);
    }

    private static void tangent(Bench bench) {
        long n = bench.elements() / PROBES;
        Tensor a = bench.normal("a", n);
        Tensor b = bench.normal("b", n);
        Tensor at = bench.normal("at", PROBES, n);
        Tensor bt = bench.normal("bt", PROBES, n);
        Tensor yt = bench.output("yt", DType.F32, PROBES, n);
        bench.run(Gate.tangent(Function.SILU, a, b, at, bt, yt));
        bench.check(() -> bench.windows(n, (from, count) -> {
            float[] as = bench.floats(a, from, count);
            float[] bs = bench.floats(b, from, count);
            for (int k = 0; k < PROBES; k++) {
                float[] ats = bench.floats(at, k * n + from, count);
                float[] bts = bench.floats(bt, k * n + from, count);
                float[] actual = bench.floats(yt, k * n + from, count);
                for (int i = 0; i < count; i++) {
                    double[] f = silu(as[i]);
                    double magnitude = 1 + Math.abs(bs[i] * ats[i]) + Math.abs(bts[i] * as[i]);
                    Bench.near(yt, i, actual[i], f[1] * bs[i] * ats[i] + f[0] * bts[i], magnitude, CLOSE);
                }
            }
        }));
    }

    private static void tangentBackward(Bench bench) {
        long n = bench.elements() / PROBES;
        Tensor a = bench.normal("a", n);
        Tensor b = bench.normal("b", n);
        Tensor dy = bench.normal("dy", n);
        Tensor at = bench.normal("at", PROBES, n);
        Tensor bt = bench.normal("bt", PROBES, n);
        Tensor dyt = bench.normal("dyt", PROBES, n);
        Tensor dat = bench.output("dat", DType.F32, PROBES, n);
        Tensor dbt = bench.output("dbt", DType.F32, PROBES, n);
        bench.run(new Gate.TangentBackward(Function.SILU, a, b, at, bt, dy, dyt, dat, dbt));
        bench.check(() -> bench.windows(n, (from, count) -> {
            float[] as = bench.floats(a, from, count);
            float[] dys = bench.floats(dy, from, count);
            for (int k = 0; k < PROBES; k++) {
                float[] ats = bench.floats(at, k * n + from, count);
                float[] dyts = bench.floats(dyt, k * n + from, count);
                float[] actual = bench.floats(dbt, k * n + from, count);
                for (int i = 0; i < count; i++) {
                    double[] f = silu(as[i]);
                    double magnitude = 1 + Math.abs(dyts[i] * as[i]) + Math.abs(dys[i] * ats[i]);
                    Bench.near(dbt, i, actual[i], dyts[i] * f[0] + dys[i] * f[1] * ats[i], magnitude, CLOSE);
                }
            }
        }));
    }

    private static void curvature(Bench bench) {
        int n = (int) (bench.elements() / PROBES);
        Tensor a = bench.normal("a", n);
        Tensor b = bench.normal("b", n);
        Tensor dy = bench.normal("dy", n);
        Tensor at = bench.normal("at", PROBES, n);
        Tensor bt = bench.normal("bt", PROBES, n);
        Tensor out = bench.output("out", DType.F32, PROBES);
        Tensor partials = bench.output(
                "partials", DType.F32, Gate.partials(bench.device(), n, PROBES).toArray());
        bench.run(new Gate.Curvature(Function.SILU, a, b, at, bt, dy, out, partials));
        bench.check(() -> {
            float[] as = bench.floats(a);
            float[] bs = bench.floats(b);
            float[] dys = bench.floats(dy);
            // one probe: each takes seconds in plain Java
            int k = PROBES - 1;
            float[] ats = bench.floats(at, (long) k * n, n);
            float[] bts = bench.floats(bt, (long) k * n, n);
            double sum = 0;
            double magnitude = 0;
            for (int i = 0; i < n; i++) {
                double[] f = silu(as[i]);
                double term = dys[i] * ats[i] * (f[2] * bs[i] * ats[i] + 2 * f[1] * bts[i]);
                sum += term;
                magnitude += Math.abs(term);
            }
            Bench.near(out, k, bench.floats(out)[k], sum, magnitude, CLOSE);
        });
    }
}
