package dev.sagitta.kernel.loss;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

final class SquaredErrorKernelTest extends KernelSuite {
    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int[] size : new int[][] {
            {0, 3, 1}, {1, 1, 1}, {3, 5, 2}, {16, 16, 1}, {1, 257, 3}, {64, 256, 2}, {127, 129, 3}, {5, 20_011, 2}
        }) {
            int n = size[0];
            int c = size[1];
            int k = size[2];
            String at = " n=" + n + " c=" + c;
            boolean small = n * c * k < 2000;
            cases.add(new KernelCase("squared error forward" + at, small, bench -> forward(bench, n, c, false)));
            cases.add(new KernelCase("squared error backward" + at, small, bench -> backward(bench, n, c, false)));
            cases.add(new KernelCase(
                    "squared error tangents" + at + " K=" + k, small, bench -> tangents(bench, n, c, k)));
            if (n > 0) {
                cases.add(new KernelCase("squared error metrics" + at, small, bench -> metrics(bench, n, c)));
            }
        }
        cases.add(new KernelCase("squared error shows a NaN", true, bench -> forward(bench, 5, 7, true)));
        cases.add(new KernelCase("squared error backward in place", true, bench -> backward(bench, 5, 7, true)));
        return cases;
    }

    private static double squares(float[] y, float[] t) {
        double sum = 0;
        for (int i = 0; i < y.length; i++) {
            sum += ((double) y[i] - t[i]) * ((double) y[i] - t[i]);
        }
        return sum;
    }

    private static Tensor workspace(KernelBench bench, int n, int k) {
        return bench.output("workspace", DType.U8, SquaredError.workspaceBytes(n, k));
    }

    private static void forward(KernelBench bench, int n, int c, boolean nan) {
        float[] y = bench.normal((long) n * c);
        float[] t = bench.normal((long) n * c);
        if (nan) {
            y[3] = Float.NaN;
        }
        Tensor loss = bench.output("loss", DType.F32, 1);
        Descriptor descriptor = SquaredError.forward(
                bench.input("y", y, n, c), bench.input("target", t, n, c), workspace(bench, n * c, 1), loss);
        bench.run(descriptor);
        bench.compare(loss, new double[] {squares(y, t) / Math.max(1, n * c)}, descriptor.tolerance());
    }

    private static void backward(KernelBench bench, int n, int c, boolean inPlace) {
        float[] y = bench.normal((long) n * c);
        float[] t = bench.normal((long) n * c);
        Tensor output = inPlace ? bench.inOut("y", y, n, c) : bench.input("y", y, n, c);
        Tensor gradient = inPlace ? output : bench.output("dy", DType.F32, n, c);
        Tensor loss = bench.output("loss", DType.F32, 1);
        Descriptor descriptor = SquaredError.forwardBackward(
                output, bench.input("target", t, n, c), workspace(bench, n * c, 1), loss, gradient);
        bench.run(descriptor);
        bench.compare(loss, new double[] {squares(y, t) / Math.max(1, n * c)}, descriptor.tolerance());
        double[] expected = new double[y.length];
        for (int i = 0; i < y.length; i++) {
            expected[i] = 2 * ((double) y[i] - t[i]) / y.length;
        }
        bench.compare(gradient, expected, descriptor.tolerance());
    }

    private static void metrics(KernelBench bench, int n, int c) {
        float[] y = bench.normal((long) n * c);
        float[] t = bench.normal((long) n * c);
        Tensor metrics = bench.output("metrics", DType.F32, 3);
        Descriptor descriptor = SquaredError.metrics(
                bench.input("y", y, n, c), bench.input("target", t, n, c), workspace(bench, n * c, 1), metrics);
        bench.run(descriptor);
        bench.compare(metrics, new double[] {squares(y, t) / c, n, 0}, descriptor.tolerance());
    }

    private static void tangents(KernelBench bench, int n, int c, int k) {
        int size = n * c;
        float[] y = bench.normal(size);
        float[] t = bench.normal(size);
        float[] yt = bench.normal((long) k * size);
        Tensor tangent = bench.input("yt", yt, k, n, c);
        Tensor workspace = workspace(bench, size, k);
        Tensor lossTangent = bench.output("loss_t", DType.F32, k);
        Tensor curvature = bench.output("curvature", DType.F32, k);
        Tensor product = bench.output("dyt", DType.F32, k, n, c);
        Descriptor descriptor = SquaredError.tangent(
                bench.input("y", y, n, c), bench.input("target", t, n, c), tangent, workspace, lossTangent);
        bench.run(
                descriptor,
                SquaredError.curvature(tangent, workspace, curvature),
                SquaredError.tangentBackward(tangent, product));
        double[] first = new double[k];
        double[] firstMagnitude = new double[k];
        double[] second = new double[k];
        double[] expected = new double[k * size];
        for (int i = 0; i < k * size; i++) {
            double term = 2.0 / size * ((double) y[i % size] - t[i % size]) * yt[i];
            first[i / size] += term;
            firstMagnitude[i / size] += Math.abs(term);
            second[i / size] += 2.0 / size * yt[i] * yt[i];
            expected[i] = 2.0 / size * yt[i];
        }
        bench.compare(lossTangent, first, firstMagnitude, descriptor.tolerance());
        bench.compare(curvature, second, descriptor.tolerance());
        bench.compare(product, expected, descriptor.tolerance());
    }
}
