package dev.sagitta.kernel.loss;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.graph.loss.RowwiseLossReference;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

final class RowLossKernelTest extends KernelSuite {
    /** Rows, columns, probes; the last ones of more than one work-group, of rows that fill a block, and of a large vocabulary. */
    private static final int[][] SIZES = {
        {0, 3, 1},
        {1, 1, 1},
        {3, 5, 2},
        {16, 16, 1},
        {1, 257, 3},
        {5, 36, 9},
        {127, 129, 3},
        {3001, 17, 2},
        {5, 5000, 2},
        {2, 33_333, 1},
        {1, 131_072, 1}
    };

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (RowLoss.Kind kind : RowLoss.Kind.values()) {
            for (int[] size : SIZES) {
                int n = size[0];
                int c = size[1];
                int k = size[2];
                String at = kind.symbol() + " n=" + n + " c=" + c;
                boolean small = n * c * k < 2000;
                cases.add(new KernelCase(at + " forward", small, bench -> losses(bench, new Rows(bench, kind, n, c))));
                cases.add(new KernelCase(
                        at + " backward in place", small, bench -> backward(bench, new Rows(bench, kind, n, c))));
                cases.add(new KernelCase(
                        at + " tangents K=" + k, small, bench -> tangents(bench, new Rows(bench, kind, n, c), k)));
            }
        }
        for (float size : new float[] {1e4f, 3e38f}) {
            cases.add(new KernelCase("kl of outputs of " + size, true, bench -> {
                Rows rows = large(bench, size);
                losses(bench, rows);
                backward(bench, rows);
                tangents(bench, rows, 2);
            }));
        }
        float out = Float.NEGATIVE_INFINITY;
        cases.add(new KernelCase("kl without an output that no target has", true, bench -> strange(bench, out, 0)));
        cases.add(new KernelCase("kl without an output that a target has", true, bench -> strange(bench, out, 0.5f)));
        cases.add(new KernelCase("kl shows a NaN", true, bench -> strange(bench, Float.NaN, 0)));
        cases.add(new KernelCase("kl shows a NaN of targets", true, bench -> strange(bench, 1, Float.NaN)));
        cases.add(new KernelCase("kl of a negative target is NaN", true, bench -> strange(bench, 1, -0.25f)));
        return cases;
    }

    /** Outputs and targets, and in fp64 what belongs to a row. */
    private record Rows(RowLoss.Kind kind, int n, int c, float[] y, float[] t) {
        /** Of the cosine the second of three rows is 0, and the third's target; targets of kl are shares that add up to 1.5, some of them 0. */
        Rows(KernelBench bench, RowLoss.Kind kind, int n, int c) {
            this(kind, n, c, bench.normal((long) n * c), bench.normal((long) n * c));
            for (int j = 0; kind == RowLoss.Kind.COSINE && n == 3 && j < c; j++) {
                y[c + j] = 0;
                t[2 * c + j] = 0;
            }
            for (int i = 0; kind == RowLoss.Kind.KL && i < t.length; i++) {
                t[i] = Math.max(0, t[i] + 0.5f) / c;
            }
        }

        int size() {
            return n * c;
        }

        /** The sum of the losses, and times 1 / n the gradient and its product with yt from {@code from} on. */
        double reference(float[] yt, int from, double[] gradient, double[] product) {
            double[] target = wide(t);
            double total = 0;
            for (int r = 0; r < n; r++) {
                Jet.Tape tape = new Jet.Tape();
                Jet[] in = new Jet[size()];
                for (int j = r * c; j < r * c + c; j++) {
                    in[j] = tape.leaf(y[j], yt == null ? 0 : yt[from + j]);
                }
                Jet row = RowwiseLossReference.row(kind, in, r * c, c, target);
                total += row.v();
                row.seed(1, 0);
                tape.pull();
                for (int j = r * c; j < r * c + c; j++) {
                    gradient[j] = in[j].c() / n;
                    product[j] = in[j].ct() / n;
                }
            }
            return total;
        }

        /** The sum of the magnitudes that the losses are summed from. */
        double lossMagnitude() {
            double sum = 0;
            for (int r = 0; r < n; r++) {
                double all = Math.log(sum(r, (p, t, v) -> p));
                double top = top(r);
                for (int i = r * c; i < r * c + c; i++) {
                    double log = t[i] == 0 ? 0 : Math.abs(Math.log(t[i])) + Math.abs(y[i] - top) + all;
                    sum += kind == RowLoss.Kind.COSINE ? 2.0 / c : t[i] * log;
                }
            }
            return sum;
        }

        double top(int r) {
            double top = Double.NEGATIVE_INFINITY;
            for (int i = r * c; i < r * c + c; i++) {
                top = Math.max(top, y[i]);
            }
            return top;
        }

        private interface Term {
            double of(double p, double t, double v);
        }

        private double sum(int r, Term term) {
            double top = top(r);
            double sum = 0;
            for (int i = r * c; i < r * c + c; i++) {
                sum += term.of(Math.exp(y[i] - top), t[i], 0);
            }
            return sum;
        }

        /** By element, what is summed into its gradient. */
        double[] gradientMagnitude() {
            double[] magnitude = new double[size()];
            for (int r = 0; r < n; r++) {
                double a = norm(y, r * c);
                double b = norm(t, r * c);
                double all = sum(r, (p, t, v) -> p);
                double mass = sum(r, (p, t, v) -> t);
                double top = top(r);
                for (int i = r * c; i < r * c + c; i++) {
                    magnitude[i] = kind == RowLoss.Kind.KL
                            ? (mass / all * Math.exp(y[i] - top) + t[i]) / n
                            : a == 0 || b == 0 ? 0 : (Math.abs(y[i]) / a + Math.abs(t[i]) / b) / a / n;
                }
            }
            return magnitude;
        }

        /** The same of the products with yt from {@code from} on, and what is summed into the quadratic form. */
        double productMagnitude(float[] yt, int from, double[] magnitude) {
            double quadratic = 0;
            for (int r = 0; r < n; r++) {
                double a = norm(y, r * c);
                double b = norm(t, r * c);
                double v = norm(yt, from + r * c);
                double all = sum(r, (p, t, x) -> p);
                double mass = sum(r, (p, t, x) -> t);
                double top = top(r);
                double middle = 0;
                for (int i = r * c; i < r * c + c; i++) {
                    middle += Math.exp(y[i] - top) / all * Math.abs(yt[from + i]);
                }
                for (int i = r * c; i < r * c + c; i++) {
                    double x = Math.abs(yt[from + i]);
                    if (kind == RowLoss.Kind.KL) {
                        double p = Math.exp(y[i] - top) / all;
                        magnitude[i] = mass * p * (x + middle) / n;
                        quadratic += mass * p * (x + middle) * (x + middle) / n;
                    } else if (a != 0 && b != 0) {
                        // each product of two vectors is at most that of their norms
                        magnitude[i] = (v * (Math.abs(t[i]) / b + 4 * Math.abs(y[i]) / a) + x) / (a * a) / n;
                        quadratic += 6 * v * v / (a * a) / n / c;
                    }
                }
            }
            return quadratic;
        }

        private double norm(float[] values, int from) {
            double sum = 0;
            for (int j = from; j < from + c; j++) {
                sum += (double) values[j] * values[j];
            }
            return Math.sqrt(sum);
        }
    }

    private static double[] wide(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    /** Outputs of +-size and small ones beside them; where all exponentials but one vanish. */
    private static Rows large(KernelBench bench, float size) {
        Rows rows = new Rows(bench, RowLoss.Kind.KL, 4, 300);
        for (int j = 0; j < rows.c; j++) {
            rows.y[j] = size + 1e-3f * rows.y[j];
            rows.y[rows.c + j] = -size + 1e-3f * rows.y[rows.c + j];
        }
        rows.y[2 * rows.c + 77] = size;
        // a difference of fp32 numbers must be one
        rows.y[3 * rows.c + 177] = size > 1e30f ? 0 : -size;
        return rows;
    }

    /** A row of an output and a target that are no numbers of their kind, between ordinary rows. */
    private static void strange(KernelBench bench, float output, float target) {
        Rows rows = new Rows(bench, RowLoss.Kind.KL, 3, 37);
        rows.y[40] = output;
        rows.t[40] = target;
        losses(bench, rows);
        Tensor gradient = backward(bench, rows);
        if (Float.isNaN(output)) {
            double[] expected = new double[rows.size()];
            rows.reference(null, 0, expected, new double[rows.size()]);
            Arrays.fill(expected, rows.c, 2 * rows.c, Double.NaN);
            bench.compare(
                    gradient,
                    expected,
                    rows.gradientMagnitude(),
                    new RowLoss.Forward(RowLoss.Kind.KL, gradient, gradient, gradient, gradient, true).tolerance());
        }
    }

    private static void losses(KernelBench bench, Rows rows) {
        Tensor output = bench.input("y", rows.y, rows.n, rows.c);
        Tensor target = bench.input("target", rows.t, rows.n, rows.c);
        Tensor workspace = bench.output("workspace", DType.U8, RowLoss.workspaceBytes(rows.n, 1));
        Tensor loss = bench.output("loss", DType.F32, 1);
        Tensor metrics = bench.output("metrics", DType.F32, 3);
        Descriptor mean = new RowLoss.Forward(rows.kind, output, target, workspace, loss, true);
        double total = rows.reference(null, 0, new double[rows.size()], new double[rows.size()]);
        double magnitude = rows.lossMagnitude();
        int n = Math.max(1, rows.n);
        bench.run(mean);
        bench.compare(loss, new double[] {total / n}, new double[] {magnitude / n}, mean.tolerance());
        bench.run(new RowLoss.Forward(rows.kind, output, target, workspace, metrics, false));
        bench.compare(metrics, new double[] {total, rows.n, 0}, new double[] {magnitude, 0, 0}, mean.tolerance());
    }

    private static Tensor backward(KernelBench bench, Rows rows) {
        Tensor output = bench.inOut("y", rows.y, rows.n, rows.c);
        Tensor target = bench.input("target", rows.t, rows.n, rows.c);
        Tensor loss = bench.output("loss", DType.F32, 1);
        Tensor workspace = bench.output("workspace", DType.U8, RowLoss.workspaceBytes(rows.n, 1));
        Descriptor descriptor = new RowLoss.ForwardBackward(rows.kind, output, target, workspace, output, loss);
        bench.run(descriptor);
        double[] expected = new double[rows.size()];
        double total = rows.reference(null, 0, expected, new double[rows.size()]);
        int n = Math.max(1, rows.n);
        bench.compare(loss, new double[] {total / n}, new double[] {rows.lossMagnitude() / n}, descriptor.tolerance());
        if (!Double.isNaN(total)) {
            bench.compare(output, expected, rows.gradientMagnitude(), descriptor.tolerance());
        }
        return output;
    }

    private static void tangents(KernelBench bench, Rows rows, int k) {
        int size = rows.size();
        float[] yt = bench.normal((long) k * size);
        Tensor output = bench.input("y", rows.y, rows.n, rows.c);
        Tensor target = bench.input("target", rows.t, rows.n, rows.c);
        Tensor tangent = bench.input("yt", yt, k, rows.n, rows.c);
        Tensor curvature = bench.output("curvature", DType.F32, k);
        Tensor product = bench.output("dyt", DType.F32, k, rows.n, rows.c);
        Tensor workspace = bench.output("workspace", DType.U8, RowLoss.workspaceBytes(rows.n, k));
        Descriptor descriptor = new RowLoss.TangentBackward(rows.kind, output, target, tangent, product);
        bench.run(descriptor, new RowLoss.Curvature(rows.kind, output, target, tangent, workspace, curvature));
        double[] second = new double[k];
        double[] secondMagnitude = new double[k];
        double[] expected = new double[k * size];
        double[] magnitude = new double[k * size];
        for (int probe = 0; probe < k; probe++) {
            double[] h = new double[size];
            double[] terms = new double[size];
            rows.reference(yt, probe * size, new double[size], h);
            secondMagnitude[probe] = rows.productMagnitude(yt, probe * size, terms);
            System.arraycopy(h, 0, expected, probe * size, size);
            System.arraycopy(terms, 0, magnitude, probe * size, size);
            for (int i = 0; i < size; i++) {
                second[probe] += h[i] * yt[probe * size + i];
            }
        }
        bench.compare(product, expected, magnitude, descriptor.tolerance());
        bench.compare(curvature, second, secondMagnitude, descriptor.tolerance());
    }
}
