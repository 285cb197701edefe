package dev.sagitta.kernel.loss;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.graph.loss.ElementwiseLoss;
import dev.sagitta.graph.loss.ElementwiseLossReference;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

final class ElementLossKernelTest extends KernelSuite {
    private static final float DELTA = 0.75f;

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (ElementLoss.Kind kind : ElementLoss.Kind.values()) {
            for (int[] size : new int[][] {
                {0, 3, 1}, {1, 1, 1}, {3, 5, 2}, {16, 16, 1}, {1, 257, 3}, {64, 256, 2}, {127, 129, 3}, {5, 20_011, 2}
            }) {
                int n = size[0];
                int c = size[1];
                int k = size[2];
                String at = kind.symbol() + " n=" + n + " c=" + c;
                boolean small = n * c * k < 2000;
                cases.add(new KernelCase(at + " forward", small, bench -> losses(bench, kind, n, c, false)));
                cases.add(new KernelCase(at + " backward in place", small, bench -> backward(bench, kind, n, c)));
                cases.add(new KernelCase(at + " tangents K=" + k, small, bench -> tangents(bench, kind, n, c, k)));
            }
            cases.add(new KernelCase(kind.symbol() + " shows a NaN", true, bench -> losses(bench, kind, 5, 7, true)));
        }
        return cases;
    }

    /** f, f', f'' of every element. */
    private static double[][] reference(ElementLoss.Kind kind, float[] y, float[] t) {
        ElementwiseLoss loss = new ElementwiseLoss(kind, DELTA);
        double[][] d = new double[y.length][];
        for (int i = 0; i < y.length; i++) {
            double target = t[i];
            d[i] = Jet.derivatives(x -> ElementwiseLossReference.element(loss, x, target), y[i]);
        }
        return d;
    }

    private static double sum(double[][] reference) {
        double sum = 0;
        for (double[] d : reference) {
            sum += d[0];
        }
        return sum;
    }

    private static float[] targets(KernelBench bench, ElementLoss.Kind kind, int n) {
        float[] t = bench.normal(n);
        for (int i = 0; i < n && kind == ElementLoss.Kind.BCE_WITH_LOGITS; i++) {
            t[i] = Math.max(0, Math.min(1, 0.5f + t[i]));
        }
        return t;
    }

    private static Tensor workspace(KernelBench bench, int n, int k) {
        return bench.output("workspace", DType.U8, ElementLoss.workspaceBytes(n, k));
    }

    private static void losses(KernelBench bench, ElementLoss.Kind kind, int n, int c, boolean nan) {
        float[] y = bench.normal((long) n * c);
        float[] t = targets(bench, kind, n * c);
        if (nan) {
            y[3] = Float.NaN;
        }
        Tensor output = bench.input("y", y, n, c);
        Tensor target = bench.input("target", t, n, c);
        Tensor loss = bench.output("loss", DType.F32, 1);
        Tensor workspace = workspace(bench, n * c, 1);
        Descriptor descriptor = new ElementLoss.Forward(kind, DELTA, output, target, workspace, loss);
        double sum = sum(reference(kind, y, t));
        bench.run(descriptor);
        bench.compare(loss, new double[] {sum / Math.max(1, n * c)}, descriptor.tolerance());
        if (n > 0) {
            Tensor metrics = bench.output("metrics", DType.F32, 3);
            bench.run(new ElementLoss.Metrics(kind, DELTA, output, target, workspace, metrics));
            bench.compare(metrics, new double[] {sum / c, n, 0}, descriptor.tolerance());
        }
    }

    private static void backward(KernelBench bench, ElementLoss.Kind kind, int n, int c) {
        float[] y = bench.normal((long) n * c);
        float[] t = targets(bench, kind, n * c);
        Tensor output = bench.inOut("y", y, n, c);
        Tensor loss = bench.output("loss", DType.F32, 1);
        Descriptor descriptor = new ElementLoss.ForwardBackward(
                kind, DELTA, output, bench.input("target", t, n, c), workspace(bench, n * c, 1), loss, output);
        bench.run(descriptor);
        double[][] d = reference(kind, y, t);
        double[] expected = new double[y.length];
        double[] magnitude = new double[y.length];
        for (int i = 0; i < y.length; i++) {
            expected[i] = d[i][1] / y.length;
            magnitude[i] = (Math.abs(y[i]) + 1) / y.length;
        }
        bench.compare(loss, new double[] {sum(d) / Math.max(1, n * c)}, descriptor.tolerance());
        bench.compare(output, expected, magnitude, descriptor.tolerance());
    }

    private static void tangents(KernelBench bench, ElementLoss.Kind kind, int n, int c, int k) {
        int size = n * c;
        float[] y = bench.normal(size);
        float[] t = targets(bench, kind, size);
        float[] yt = bench.normal((long) k * size);
        Tensor output = bench.input("y", y, n, c);
        Tensor target = bench.input("target", t, n, c);
        Tensor tangent = bench.input("yt", yt, k, n, c);
        Tensor curvature = bench.output("curvature", DType.F32, k);
        Tensor product = bench.output("dyt", DType.F32, k, n, c);
        Descriptor descriptor = new ElementLoss.TangentBackward(kind, DELTA, output, target, tangent, product);
        bench.run(
                descriptor,
                new ElementLoss.Curvature(kind, DELTA, output, target, tangent, workspace(bench, size, k), curvature));
        double[][] d = reference(kind, y, t);
        double[] second = new double[k];
        double[] expected = new double[k * size];
        for (int i = 0; i < k * size; i++) {
            expected[i] = d[i % size][2] / size * yt[i];
            second[i / size] += expected[i] * yt[i];
        }
        bench.compare(curvature, second, descriptor.tolerance());
        bench.compare(product, expected, descriptor.tolerance());
    }
}
