package dev.sagitta.kernel.elementwise;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.graph.op.elementwise.ActivationReference;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

final class GateKernelTest extends KernelSuite {
    /** Which of at and bt are given, and which of the cotangents of a and b are wanted. */
    private record Given(boolean a, boolean b) {}

    private static final List<Given> ALL =
            List.of(new Given(true, true), new Given(true, false), new Given(false, true));

    private static final List<Function> FUNCTIONS =
            Arrays.asList(null, Function.SILU, Function.GELU, Function.GELU_TANH);

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (Function function : FUNCTIONS) {
            for (Given given : ALL) {
                cases.add(new KernelCase(
                        "gate " + function + " " + given, true, bench -> modes(bench, function, 77, 3, given)));
            }
            cases.add(new KernelCase(
                    "gate " + function + " long", false, bench -> modes(bench, function, 100_003, 2, ALL.get(0))));
        }
        for (int n : new int[] {1, 15, 16, 17, 1023, 4096}) {
            cases.add(new KernelCase("gate n=" + n, false, bench -> modes(bench, Function.SILU, n, 2, ALL.get(0))));
        }
        for (int probes : new int[] {1, 4, 5, 70}) {
            cases.add(new KernelCase(
                    "gate probes=" + probes, false, bench -> modes(bench, Function.SILU, 3001, probes, ALL.get(0))));
        }
        cases.add(new KernelCase(
                "gate more probes than elements", false, bench -> modes(bench, null, 3, 70_001, ALL.get(0))));
        cases.add(new KernelCase(
                "gate at odd addresses", false, bench -> modes(bench.shifted(4), Function.SILU, 1024, 3, ALL.get(0))));
        return cases;
    }

    private static double[] derivatives(Function function, double x) {
        return function == null ? new double[] {x, 1, 0} : ActivationReference.derivatives(function, x);
    }

    private static void modes(KernelBench bench, Function function, int n, int probes, Given given) {
        boolean plain = function == null;
        float[] as = bench.normal(n);
        float[] bs = bench.normal(n);
        float[] dys = bench.normal(n);
        float[] ats = given.a() ? bench.normal((long) probes * n) : new float[probes * n];
        float[] bts = given.b() ? bench.normal((long) probes * n) : new float[probes * n];
        float[] dyts = bench.normal((long) probes * n);
        Tensor a = bench.input("a", as, n);
        Tensor b = bench.input("b", bs, n);
        Tensor dy = bench.input("dy", dys, n);
        Tensor at = given.a() ? bench.input("at", ats, probes, n) : null;
        Tensor bt = given.b() ? bench.input("bt", bts, probes, n) : null;
        Tensor dyt = bench.input("dyt", dyts, probes, n);
        Tensor y = bench.output("y", DType.F32, n);
        Tensor da = given.a() ? bench.output("da", DType.F32, n) : null;
        Tensor db = given.b() ? bench.output("db", DType.F32, n) : null;
        Tensor yt = bench.output("yt", DType.F32, probes, n);
        Tensor dat = given.a() ? bench.output("dat", DType.F32, probes, n) : null;
        Tensor dbt = given.b() ? bench.output("dbt", DType.F32, probes, n) : null;
        Tensor out = bench.output("curvature", DType.F32, probes);
        Tensor partials = bench.output(
                "partials", DType.F32, Gate.partials(bench.device(), n, probes).toArray());
        // what an identity does not need is not given
        Tensor keptA = plain && !given.b() ? null : a;
        Tensor keptB = given.a() ? b : null;
        Gate.Forward forward = Gate.forward(function, a, b, y);
        bench.run(
                forward,
                Gate.backward(function, keptA, keptB, dy, da, db),
                Gate.tangent(function, keptA, keptB, at, bt, yt),
                new Gate.TangentBackward(function, keptA, keptB, at, bt, dy, dyt, dat, dbt),
                new Gate.Curvature(function, plain ? null : keptA, plain ? null : keptB, at, bt, dy, out, partials));
        int all = probes * n;
        double[][] expected = {
            new double[n], new double[n], new double[n], new double[all], new double[all], new double[all]
        };
        double[][] size = {
            new double[n], new double[n], new double[n], new double[all], new double[all], new double[all]
        };
        double[] bend = new double[probes];
        double[] bendSize = new double[probes];
        for (int i = 0; i < n; i++) {
            double[] f = derivatives(function, as[i]);
            put(expected[0], size[0], i, f[0] * bs[i], bs[i]);
            put(expected[1], size[1], i, dys[i] * f[1] * bs[i], dys[i] * bs[i]);
            put(expected[2], size[2], i, dys[i] * f[0], dys[i]);
            for (int j = i; j < all; j += n) {
                put(
                        expected[3],
                        size[3],
                        j,
                        f[1] * bs[i] * ats[j] + f[0] * bts[j],
                        sum(bs[i] * ats[j], bts[j] * as[i]));
                put(
                        expected[4],
                        size[4],
                        j,
                        dyts[j] * f[1] * bs[i] + dys[i] * (f[2] * bs[i] * ats[j] + f[1] * bts[j]),
                        sum(dyts[j] * bs[i], dys[i] * bs[i] * ats[j], dys[i] * bts[j]));
                put(
                        expected[5],
                        size[5],
                        j,
                        dyts[j] * f[0] + dys[i] * f[1] * ats[j],
                        sum(dyts[j] * as[i], dyts[j], dys[i] * ats[j]));
                bend[j / n] += dys[i] * (f[2] * bs[i] * ats[j] * ats[j] + 2 * f[1] * ats[j] * bts[j]);
                bendSize[j / n] += sum(dys[i] * bs[i] * ats[j] * ats[j], 2 * dys[i] * ats[j] * bts[j]);
            }
        }
        Tensor[] actual = {y, da, db, yt, dat, dbt};
        Tolerance tolerance = forward.tolerance();
        for (int o = 0; o < actual.length; o++) {
            if (actual[o] != null) {
                bench.compare(actual[o], expected[o], size[o], tolerance);
            }
        }
        bench.compare(out, bend, bendSize, tolerance);
    }

    private static void put(double[] values, double[] sizes, int i, double value, double size) {
        values[i] = value;
        sizes[i] = Math.abs(size) + Math.abs(value);
    }

    private static double sum(double... terms) {
        return Arrays.stream(terms).map(Math::abs).sum();
    }
}
