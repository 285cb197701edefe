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

final class PointwiseKernelTest extends KernelSuite {
    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (Function function : Function.values()) {
            for (int n : new int[] {77, 100_003}) {
                cases.add(new KernelCase(function + " modes n=" + n, n < 2000, bench -> modes(bench, function, n, 3)));
            }
            cases.add(new KernelCase(function + " values of every size", false, bench -> everySize(bench, function)));
            cases.add(new KernelCase(function + " in place", false, bench -> inPlace(bench, function, 1009)));
        }
        for (int n : new int[] {0, 1, 15, 16, 17, 1023, 1024, 1025, 4096, 65_537}) {
            cases.add(new KernelCase("GELU modes n=" + n, n == 1, bench -> modes(bench, Function.GELU, n, 2)));
        }
        for (int probes : new int[] {1, 4, 5, 16, 70}) {
            cases.add(new KernelCase(
                    "SILU modes probes=" + probes, false, bench -> modes(bench, Function.SILU, 3001, probes)));
        }
        cases.add(new KernelCase(
                "TANH modes more probes than elements", false, bench -> modes(bench, Function.TANH, 3, 70_001)));
        for (int n : new int[] {4_200_000, 4_300_032}) {
            cases.add(new KernelCase("RELU forward beyond the caches n=" + n, false, bench -> forward(bench, n)));
        }
        return cases;
    }

    /** All modes against the formulas, K probes. */
    private static void modes(KernelBench bench, Function function, int n, int probes) {
        float[] xs = scaled(bench.normal(n), 3);
        float[] dys = bench.normal(n);
        float[] xts = bench.normal((long) probes * n);
        float[] dyts = bench.normal((long) probes * n);
        Tensor x = bench.input("x", xs, n);
        Tensor dy = bench.input("dy", dys, n);
        Tensor xt = bench.input("xt", xts, probes, n);
        Tensor dyt = bench.input("dyt", dyts, probes, n);
        Tensor y = bench.output("y", DType.F32, n);
        Tensor dx = bench.output("dx", DType.F32, n);
        Tensor yt = bench.output("yt", DType.F32, probes, n);
        Tensor dxt = bench.output("dxt", DType.F32, probes, n);
        Tensor out = bench.output("curvature", DType.F32, probes);
        Tensor partials = bench.output(
                "partials",
                DType.F32,
                Pointwise.partials(bench.device(), n, probes).toArray());
        Pointwise.Forward forward = Pointwise.forward(function, x, y);
        Pointwise.Curvature curvature = Pointwise.curvature(function, x, xt, dy, out, partials);
        bench.run(
                forward,
                Pointwise.backward(function, x, dy, dx),
                Pointwise.tangent(function, x, xt, yt),
                Pointwise.tangentBackward(function, x, xt, dy, dyt, dxt),
                curvature);

        double[] value = new double[n];
        double[] cotangent = new double[n];
        double[] size = new double[n];
        double[] tangent = new double[probes * n];
        double[] second = new double[probes * n];
        double[] tangentSize = new double[probes * n];
        double[] secondSize = new double[probes * n];
        double[] bend = new double[probes];
        double[] bendSize = new double[probes];
        for (int i = 0; i < n; i++) {
            double[] f = ActivationReference.derivatives(function, xs[i]);
            double d1 = f[1];
            double d2 = f[2];
            value[i] = f[0];
            cotangent[i] = dys[i] * d1;
            size[i] = Math.abs(dys[i]);
            for (int k = 0; k < probes; k++) {
                int j = k * n + i;
                tangent[j] = d1 * xts[j];
                tangentSize[j] = Math.abs(xts[j]);
                second[j] = dyts[j] * d1 + dys[i] * d2 * xts[j];
                secondSize[j] = Math.abs(dyts[j]) + Math.abs(dys[i] * xts[j]);
                bend[k] += dys[i] * d2 * xts[j] * xts[j];
                bendSize[k] += Math.abs(dys[i] * xts[j] * xts[j]);
            }
        }
        Tolerance tolerance = forward.tolerance();
        bench.compare(y, value, tolerance);
        bench.compare(dx, cotangent, size, tolerance);
        bench.compare(yt, tangent, tangentSize, tolerance);
        bench.compare(dxt, second, secondSize, tolerance);
        bench.compare(out, bend, bendSize, tolerance);
    }

    /** Value, slope and second derivative from the smallest to the largest numbers of both signs, infinities and NaN. */
    private static void everySize(KernelBench bench, Function function) {
        List<Float> points =
                new ArrayList<>(List.of(0f, -0f, Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY));
        for (float magnitude = 1e-37f; magnitude < 3e38f; magnitude *= 1.9f) {
            points.add(magnitude);
            points.add(-magnitude);
        }
        for (double at = -120; at <= 120; at += 0.0137) {
            points.add((float) at);
            points.add((float) (at / 12));
        }
        int n = points.size();
        float[] xs = new float[n];
        double[] value = new double[n];
        double[] first = new double[n];
        double[] second = new double[n];
        double[] sizes = new double[n];
        for (int i = 0; i < n; i++) {
            xs[i] = points.get(i);
            double[] f = ActivationReference.derivatives(function, xs[i]);
            value[i] = f[0];
            first[i] = f[1];
            second[i] = f[2];
            sizes[i] = Math.abs(value[i]);
        }
        float[] ones = new float[n];
        Arrays.fill(ones, 1);
        Tensor x = bench.input("x", xs, n);
        Tensor one = bench.input("one", ones, n);
        Tensor zero = bench.input("zero", new float[n], n);
        Tensor y = bench.output("y", DType.F32, n);
        Tensor d1 = bench.output("d1", DType.F32, n);
        Tensor d2 = bench.output("d2", DType.F32, n);
        Pointwise.Forward forward = Pointwise.forward(function, x, y);
        bench.run(
                forward,
                Pointwise.backward(function, x, one, d1),
                Pointwise.tangentBackward(function, x, one, one, zero, d2));
        bench.compare(y, value, sizes, forward.tolerance());
        bench.compare(d1, first, new Tolerance(5e-7, 4e-7));
        bench.compare(d2, second, new Tolerance(1e-6, 6e-7));
    }

    /** Outputs over their inputs. */
    private static void inPlace(KernelBench bench, Function function, int n) {
        float[] xs = bench.normal(n);
        float[] dys = bench.normal(n);
        float[] xts = bench.normal(2L * n);
        float[] dyts = bench.normal(2L * n);
        Tensor x = bench.input("x", xs, n);
        Tensor y = bench.inOut("y", xs, n);
        Tensor dy = bench.input("dy", dys, n);
        Tensor dx = bench.inOut("dx", dys, n);
        Tensor yt = bench.inOut("yt", xts, 2, n);
        Tensor xt = bench.input("xt", xts, 2, n);
        Tensor dxt = bench.inOut("dxt", dyts, 2, n);
        Tensor dxtOverXt = bench.inOut("dxt over xt", xts, 2, n);
        Tensor dyt = bench.input("dyt", dyts, 2, n);
        Pointwise.Forward forward = Pointwise.forward(function, y, y);
        bench.run(
                forward,
                Pointwise.backward(function, x, dx, dx),
                Pointwise.tangent(function, x, yt, yt),
                Pointwise.tangentBackward(function, x, xt, dy, dxt, dxt),
                Pointwise.tangentBackward(function, x, dxtOverXt, dy, dyt, dxtOverXt));
        double[] value = new double[n];
        double[] cotangent = new double[n];
        double[] tangent = new double[2 * n];
        double[] second = new double[2 * n];
        for (int i = 0; i < n; i++) {
            double[] f = ActivationReference.derivatives(function, xs[i]);
            double d1 = f[1];
            value[i] = f[0];
            cotangent[i] = dys[i] * d1;
            for (int j = i; j < 2 * n; j += n) {
                tangent[j] = xts[j] * d1;
                second[j] = dyts[j] * d1 + dys[i] * f[2] * xts[j];
            }
        }
        Tolerance loose = new Tolerance(1e-6, 4e-6);
        bench.compare(y, value, forward.tolerance());
        bench.compare(dx, cotangent, loose);
        bench.compare(yt, tangent, loose);
        bench.compare(dxt, second, loose);
        bench.compare(dxtOverXt, second, loose);
    }

    private static void forward(KernelBench bench, int n) {
        float[] values = bench.normal(n);
        Tensor x = bench.input("x", values, n);
        Tensor y = bench.output("y", DType.F32, n);
        bench.run(Pointwise.forward(Function.RELU, x, y));
        double[] expected = new double[n];
        for (int i = 0; i < n; i++) {
            expected[i] = Math.max(0, values[i]);
        }
        bench.compare(y, expected, Tolerance.EXACT);
    }

    private static float[] scaled(float[] values, float factor) {
        for (int i = 0; i < values.length; i++) {
            values[i] *= factor;
        }
        return values;
    }
}
