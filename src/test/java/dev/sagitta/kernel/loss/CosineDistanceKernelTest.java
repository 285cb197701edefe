package dev.sagitta.kernel.loss;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.graph.loss.CosineReference;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

final class CosineDistanceKernelTest extends KernelSuite {
    /** Rows, columns, probes; the last ones of more than one work-group. */
    private static final int[][] SIZES = {
        {0, 3, 1}, {1, 1, 1}, {3, 5, 2}, {16, 16, 1}, {1, 257, 3}, {127, 129, 3}, {3001, 17, 2}, {5, 5000, 2}
    };

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int[] size : SIZES) {
            int n = size[0];
            int c = size[1];
            int k = size[2];
            String at = "cosine n=" + n + " c=" + c;
            boolean small = n * c * k < 2000;
            cases.add(new KernelCase(at + " forward", small, bench -> losses(bench, n, c)));
            cases.add(new KernelCase(at + " backward in place", small, bench -> backward(bench, n, c)));
            cases.add(new KernelCase(at + " tangents K=" + k, small, bench -> tangents(bench, n, c, k)));
        }
        return cases;
    }

    /** The second of three rows is 0, the third's target is. */
    private static float[] values(KernelBench bench, int n, int c, int zero) {
        float[] values = bench.normal((long) n * c);
        for (int j = 0; n == 3 && j < c; j++) {
            values[zero * c + j] = 0;
        }
        return values;
    }

    private static double[] wide(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    private static double norm(float[] values, int from, int c) {
        double sum = 0;
        for (int j = from; j < from + c; j++) {
            sum += (double) values[j] * values[j];
        }
        return Math.sqrt(sum);
    }

    /** The mean, its gradient, and its Hessian times yt from {@code from} on. */
    private static double reference(float[] y, float[] t, int c, float[] yt, int from, double[] gradient, double[] h) {
        double[] target = wide(t);
        double total = 0;
        for (int r = 0; r < y.length / c; r++) {
            Jet.Tape tape = new Jet.Tape();
            Jet[] in = new Jet[y.length];
            for (int j = r * c; j < r * c + c; j++) {
                in[j] = tape.leaf(y[j], yt == null ? 0 : yt[from + j]);
            }
            Jet row = CosineReference.row(in, r * c, c, target);
            total += row.v();
            row.seed(1, 0);
            tape.pull();
            for (int j = r * c; j < r * c + c; j++) {
                gradient[j] = in[j].c() * c / y.length;
                h[j] = in[j].ct() * c / y.length;
            }
        }
        return total;
    }

    private static void losses(KernelBench bench, int n, int c) {
        float[] y = values(bench, n, c, 1);
        float[] t = values(bench, n, c, 2);
        Tensor output = bench.input("y", y, n, c);
        Tensor target = bench.input("target", t, n, c);
        Tensor workspace = bench.output("workspace", DType.U8, CosineDistance.workspaceBytes(n, 1));
        Tensor loss = bench.output("loss", DType.F32, 1);
        Tensor metrics = bench.output("metrics", DType.F32, 3);
        Descriptor mean = new CosineDistance.Forward(output, target, workspace, loss, true);
        double total = reference(y, t, c, null, 0, new double[n * c], new double[n * c]);
        bench.run(mean);
        bench.compare(loss, new double[] {total / Math.max(1, n)}, new double[] {2}, mean.tolerance());
        bench.run(new CosineDistance.Forward(output, target, workspace, metrics, false));
        bench.compare(metrics, new double[] {total, n, 0}, new double[] {2.0 * n, 0, 0}, mean.tolerance());
    }

    private static void backward(KernelBench bench, int n, int c) {
        float[] y = values(bench, n, c, 1);
        float[] t = values(bench, n, c, 2);
        Tensor output = bench.inOut("y", y, n, c);
        Tensor loss = bench.output("loss", DType.F32, 1);
        Tensor workspace = bench.output("workspace", DType.U8, CosineDistance.workspaceBytes(n, 1));
        Descriptor descriptor =
                new CosineDistance.ForwardBackward(output, bench.input("target", t, n, c), workspace, output, loss);
        bench.run(descriptor);
        double[] expected = new double[n * c];
        double total = reference(y, t, c, null, 0, expected, new double[n * c]);
        double[] magnitude = new double[n * c];
        for (int i = 0; i < n * c; i++) {
            double a = norm(y, i / c * c, c);
            double b = norm(t, i / c * c, c);
            magnitude[i] = a == 0 || b == 0 ? 0 : (Math.abs(y[i]) / a + Math.abs(t[i]) / b) / a / n;
        }
        bench.compare(loss, new double[] {total / Math.max(1, n)}, new double[] {2}, descriptor.tolerance());
        bench.compare(output, expected, magnitude, descriptor.tolerance());
    }

    private static void tangents(KernelBench bench, int n, int c, int k) {
        int size = n * c;
        float[] y = values(bench, n, c, 1);
        float[] t = values(bench, n, c, 2);
        float[] yt = bench.normal((long) k * size);
        Tensor output = bench.input("y", y, n, c);
        Tensor target = bench.input("target", t, n, c);
        Tensor tangent = bench.input("yt", yt, k, n, c);
        Tensor curvature = bench.output("curvature", DType.F32, k);
        Tensor product = bench.output("dyt", DType.F32, k, n, c);
        Tensor workspace = bench.output("workspace", DType.U8, CosineDistance.workspaceBytes(n, k));
        Descriptor descriptor = new CosineDistance.TangentBackward(output, target, tangent, product);
        bench.run(descriptor, new CosineDistance.Curvature(output, target, tangent, workspace, curvature));
        double[] second = new double[k];
        double[] secondMagnitude = new double[k];
        double[] expected = new double[k * size];
        double[] magnitude = new double[k * size];
        for (int probe = 0; probe < k; probe++) {
            double[] h = new double[size];
            reference(y, t, c, yt, probe * size, new double[size], h);
            for (int i = 0; i < size; i++) {
                int at = probe * size + i;
                expected[at] = h[i];
                second[probe] += h[i] * yt[at];
                double a = norm(y, i / c * c, c);
                double b = norm(t, i / c * c, c);
                if (a != 0 && b != 0) {
                    // each product of two vectors is at most that of their norms
                    double v = norm(yt, at / c * c, c);
                    double of = v * (Math.abs(t[i]) / b + 4 * Math.abs(y[i]) / a) + Math.abs(yt[at]);
                    magnitude[at] = of / (a * a) / n;
                    secondMagnitude[probe] += i % c == 0 ? 6 * v * v / (a * a) / n : 0;
                }
            }
        }
        bench.compare(product, expected, magnitude, descriptor.tolerance());
        bench.compare(curvature, second, secondMagnitude, descriptor.tolerance());
    }
}
