package dev.sagitta.kernel.elementwise;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

final class ArithmeticKernelTest extends KernelSuite {
    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int n : new int[] {0, 1, 15, 16, 17, 63, 255, 1009, 4096, 100_003, 4_200_005}) {
            cases.add(new KernelCase("arithmetic n=" + n, n == 1 || n == 255, bench -> everything(bench, n)));
        }
        cases.add(new KernelCase("arithmetic in place", false, ArithmeticKernelTest::inPlace));
        cases.add(new KernelCase("axpby with beta 0 does not read y", true, ArithmeticKernelTest::betaZero));
        return cases;
    }

    private static void everything(KernelBench bench, int n) {
        float[] as = bench.normal(n);
        float[] bs = bench.normal(n);
        float[] cs = bench.normal(n);
        Tensor a = bench.input("a", as, n);
        Tensor b = bench.input("b", bs, n);
        Tensor c = bench.input("c", cs, n);
        Tensor factor = bench.input("factor", new float[] {-0.75f}, 1);
        Tensor sum = bench.output("sum", DType.F32, n);
        Tensor product = bench.output("product", DType.F32, n);
        Tensor fused = bench.output("fused", DType.F32, n);
        Tensor scaled = bench.output("scaled", DType.F32, n);
        Tensor scaledAt = bench.output("scaled by device memory", DType.F32, n);
        Tensor axpy = bench.inOut("axpy", cs, n);
        Tensor axpyAt = bench.inOut("axpy by device memory", cs, n);
        Tensor axpby = bench.inOut("axpby", cs, n);
        bench.run(
                Arithmetic.add(a, b, sum),
                Arithmetic.multiply(a, b, product),
                Arithmetic.fma(a, b, c, fused),
                Arithmetic.scale(1.25f, a, scaled),
                Arithmetic.scale(2, a, scaledAt).times(factor),
                Arithmetic.axpy(0.3f, a, axpy),
                Arithmetic.axpy(-2, a, axpyAt).times(factor),
                Arithmetic.axpby(0.5f, a, -0.25f, axpby));
        double[][] expected = new double[8][n];
        double[] size = new double[n];
        for (int i = 0; i < n; i++) {
            expected[0][i] = (double) as[i] + bs[i];
            expected[1][i] = (double) as[i] * bs[i];
            expected[2][i] = (double) as[i] * bs[i] + cs[i];
            expected[3][i] = 1.25 * as[i];
            expected[4][i] = -1.5 * as[i];
            expected[5][i] = 0.3f * (double) as[i] + cs[i];
            expected[6][i] = 1.5 * as[i] + cs[i];
            expected[7][i] = 0.5 * as[i] - 0.25 * cs[i];
            size[i] = Math.abs(as[i] * bs[i]) + Math.abs(as[i]) + Math.abs(bs[i]) + Math.abs(cs[i]);
        }
        Tensor[] outputs = {sum, product, fused, scaled, scaledAt, axpy, axpyAt, axpby};
        for (int o = 0; o < outputs.length; o++) {
            bench.compare(outputs[o], expected[o], size, new Tolerance(1.3e-7, 1e-37));
        }
    }

    private static void inPlace(KernelBench bench) {
        int n = 1009;
        float[] as = bench.normal(n);
        float[] bs = bench.normal(n);
        Tensor b = bench.input("b", bs, n);
        Tensor square = bench.inOut("square", as, n);
        Tensor sum = bench.inOut("sum", as, n);
        Tensor fused = bench.inOut("fused", as, n);
        Tensor scaled = bench.inOut("scaled", as, n);
        bench.run(
                Arithmetic.multiply(square, square, square),
                Arithmetic.add(b, sum, sum),
                Arithmetic.fma(b, b, fused, fused),
                Arithmetic.scale(-1, scaled, scaled));
        double[][] expected = new double[4][n];
        double[] size = new double[n];
        for (int i = 0; i < n; i++) {
            expected[0][i] = (double) as[i] * as[i];
            expected[1][i] = (double) as[i] + bs[i];
            expected[2][i] = (double) bs[i] * bs[i] + as[i];
            expected[3][i] = -as[i];
            size[i] = as[i] * as[i] + bs[i] * bs[i] + Math.abs(as[i]) + Math.abs(bs[i]);
        }
        Tensor[] outputs = {square, sum, fused, scaled};
        for (int o = 0; o < outputs.length; o++) {
            bench.compare(outputs[o], expected[o], size, new Tolerance(1.3e-7, 0));
        }
    }

    private static void betaZero(KernelBench bench) {
        int n = 37;
        float[] nan = new float[n];
        Arrays.fill(nan, Float.NaN);
        float[] xs = bench.normal(n);
        Tensor x = bench.input("x", xs, n);
        Tensor y = bench.inOut("y", nan, n);
        bench.run(Arithmetic.axpby(2, x, 0, y));
        double[] expected = new double[n];
        for (int i = 0; i < n; i++) {
            expected[i] = 2 * xs[i];
        }
        bench.compare(y, expected, Tolerance.EXACT);
    }
}
