package dev.sagitta.kernel.norm;

import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.graph.op.norm.Rows;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** All modes of both norms against jets, at widths round those of a vector, a warp and a group. */
final class NormKernelTest extends KernelSuite {
    private static final double EPSILON = 1e-3;
    /** Of the largest element: means of up to 1,500 terms and a reciprocal root. */
    private static final Tolerance CLOSE = new Tolerance(2e-5, 1e-9);

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        int[][] shapes = {{1, 5, 1}, {3, 7, 2}, {37, 16, 3}, {5, 33, 1}, {70, 64, 2}, {2, 257, 3}, {9, 1500, 1}};
        for (int[] s : shapes) {
            for (boolean centred : new boolean[] {true, false}) {
                String name = (centred ? "layer norm [" : "rms norm [") + s[0] + ", " + s[1] + "], K = " + s[2];
                cases.add(new KernelCase(name, s[0] * s[1] <= 600, bench -> run(bench, s[0], s[1], s[2], centred)));
                cases.add(new KernelCase(
                        name + ", of a sum", s[0] * s[1] <= 600, bench -> sum(bench, s[0], s[1], s[2], centred)));
            }
        }
        return cases;
    }

    private static void run(KernelBench bench, int n, int c, int k, boolean centred) {
        float[] xs = bench.normal((long) n * c);
        float[] ws = bench.normal(c);
        float[] bs = bench.normal(c);
        float[] dys = bench.normal((long) n * c);
        float[] xts = bench.normal((long) k * n * c);
        float[] wts = bench.normal((long) k * c);
        float[] bts = bench.normal((long) k * c);
        float[] dyts = bench.normal((long) k * n * c);
        Tensor x = bench.input("x", xs, n, c);
        Tensor w = bench.input("w", ws, c);
        Tensor dy = bench.input("dy", dys, n, c);
        Tensor xt = bench.input("xt", xts, k, n, c);
        Tensor wt = bench.input("wt", wts, k, c);
        Tensor dyt = bench.input("dyt", dyts, k, n, c);
        Tensor y = bench.output("y", DType.F32, n, c);
        Tensor mean = centred ? bench.output("mean", DType.F32, n) : null;
        Tensor r = bench.output("r", DType.F32, n);
        Tensor dx = bench.output("dx", DType.F32, n, c);
        Tensor yt = bench.output("yt", DType.F32, k, n, c);
        Tensor dxt = bench.output("dxt", DType.F32, k, n, c);
        Tensor stats = bench.output("stats", DType.F32, k, n, 2);
        Tensor dwt = bench.output("dwt", DType.F32, Norm.splits(n, c, k).toArray());
        Tensor dbt = bench.output("dbt", DType.F32, Norm.splits(n, c, k).toArray());
        Tensor curvature = bench.output("curvature", DType.F32, k);
        Tensor partials = bench.output(
                "partials", DType.F32, Norm.partials(bench.device(), n, c, k).toArray());
        bench.run(
                new Norm.Forward(x, w, bench.input("b", bs, c), y, mean, r, (float) EPSILON, centred),
                new Norm.Backward(x, mean, r, w, dy, null, dx),
                new Norm.Tangent(x, mean, r, w, xt, null, wt, bench.input("bt", bts, k, c), null, yt),
                new Norm.TangentBackward(x, mean, r, w, dy, xt, wt, dyt, null, dxt, stats, k),
                new Norm.Gradient(x, mean, r, dyt, dy, xt, stats, dwt, dbt, k),
                new Norm.Curvature(x, mean, r, w, dy, xt, wt, curvature, partials, (float) EPSILON));
        double[] quadratic = new double[k];
        double[] size = new double[k];
        for (int p = 0; p < k; p++) {
            Jet.Tape tape = new Jet.Tape();
            Jet[] jx = tape.leaves(doubles(xs), doubles(part(xts, p, n * c)));
            Jet[] jw = tape.leaves(doubles(ws), doubles(part(wts, p, c)));
            Jet[] jb = tape.leaves(doubles(bs), doubles(part(bts, p, c)));
            Jet[] jy = forward(jx, jw, jb, n, c, centred);
            for (int i = 0; i < n * c; i++) {
                jy[i].seed(dys[i], dyts[p * n * c + i]);
            }
            tape.pull();
            if (p == 0) {
                close(bench.floats(y), Arrays.stream(jy).mapToDouble(Jet::v).toArray(), "y");
                close(bench.floats(dx), Arrays.stream(jx).mapToDouble(Jet::c).toArray(), "dx");
            }
            close(
                    part(bench.floats(yt), p, n * c),
                    Arrays.stream(jy).mapToDouble(Jet::t).toArray(),
                    "yt");
            close(
                    part(bench.floats(dxt), p, n * c),
                    Arrays.stream(jx).mapToDouble(Jet::ct).toArray(),
                    "dxt");
            close(
                    sums(part(bench.floats(dwt), p, (int) dwt.elements() / k), c),
                    Arrays.stream(jw).mapToDouble(Jet::ct).toArray(),
                    "dwt");
            close(
                    sums(part(bench.floats(dbt), p, (int) dbt.elements() / k), c),
                    Arrays.stream(jb).mapToDouble(Jet::ct).toArray(),
                    "dbt");
            // the tangent of the gradient at a constant cotangent, along t
            Jet.Tape still = new Jet.Tape();
            Jet[] sx = still.leaves(doubles(xs), doubles(part(xts, p, n * c)));
            Jet[] sw = still.leaves(doubles(ws), doubles(part(wts, p, c)));
            Jet[] sy = forward(sx, sw, still.leaves(doubles(bs), null), n, c, centred);
            for (int i = 0; i < n * c; i++) {
                sy[i].seed(dys[i], 0);
            }
            still.pull();
            for (int i = 0; i < n * c; i++) {
                quadratic[p] += sx[i].ct() * xts[p * n * c + i];
                size[p] += Math.abs(sx[i].ct() * xts[p * n * c + i]);
            }
            for (int j = 0; j < c; j++) {
                quadratic[p] += sw[j].ct() * wts[p * c + j];
                size[p] += Math.abs(sw[j].ct() * wts[p * c + j]);
            }
        }
        bench.compare(curvature, quadratic, size, CLOSE);
    }

    /** Of a + b, in one pass: bit for bit what the same kernels make of a sum that is there, with the cotangents from elsewhere added behind them. */
    private static void sum(KernelBench bench, int n, int c, int k, boolean centred) {
        float[] as = bench.normal((long) n * c);
        float[] bs = bench.normal((long) n * c);
        float[] ats = bench.normal((long) k * n * c);
        float[] bts = bench.normal((long) k * n * c);
        float[] dss = bench.normal((long) n * c);
        float[] dsts = bench.normal((long) k * n * c);
        Tensor a = bench.input("a", as, n, c);
        Tensor b = bench.input("b", bs, n, c);
        Tensor w = bench.input("w", bench.normal(c), c);
        Tensor shift = bench.input("shift", bench.normal(c), c);
        Tensor dy = bench.input("dy", bench.normal((long) n * c), n, c);
        Tensor at = bench.input("at", ats, k, n, c);
        Tensor bt = bench.input("bt", bts, k, n, c);
        Tensor wt = bench.input("wt", bench.normal((long) k * c), k, c);
        Tensor dyt = bench.input("dyt", bench.normal((long) k * n * c), k, n, c);
        Tensor ds = bench.input("ds", dss, n, c);
        Tensor dst = bench.input("dst", dsts, k, n, c);
        Tensor s = bench.input("s", added(as, bs), n, c);
        Tensor st = bench.input("st", added(ats, bts), k, n, c);
        Tensor mean = centred ? bench.output("mean", DType.F32, n) : null;
        Tensor r = bench.output("r", DType.F32, n);
        Tensor y = bench.output("y", DType.F32, n, c);
        Tensor dx = bench.output("dx", DType.F32, n, c);
        Tensor yt = bench.output("yt", DType.F32, k, n, c);
        Tensor dxt = bench.output("dxt", DType.F32, k, n, c);
        Tensor fusedS = bench.output("fused s", DType.F32, n, c);
        Tensor fusedY = bench.output("fused y", DType.F32, n, c);
        Tensor aloneY = bench.output("y alone", DType.F32, n, c);
        Tensor fusedDx = bench.output("fused dx", DType.F32, n, c);
        Tensor fusedSt = bench.output("fused st", DType.F32, k, n, c);
        Tensor fusedYt = bench.output("fused yt", DType.F32, k, n, c);
        Tensor fusedDxt = bench.output("fused dxt", DType.F32, k, n, c);
        bench.run(
                new Norm.Forward(s, w, shift, y, mean, r, (float) EPSILON, centred),
                new Norm.Backward(s, mean, r, w, dy, null, dx),
                new Norm.Tangent(s, mean, r, w, st, null, wt, null, null, yt),
                new Norm.TangentBackward(s, mean, r, w, dy, st, wt, dyt, null, dxt, null, k),
                new Norm.Forward(a, b, w, shift, fusedS, fusedY, mean, r, (float) EPSILON, centred),
                new Norm.Forward(a, b, w, shift, null, aloneY, null, null, (float) EPSILON, centred),
                new Norm.Backward(s, mean, r, w, dy, ds, fusedDx),
                new Norm.Tangent(s, mean, r, w, at, bt, wt, null, fusedSt, fusedYt),
                new Norm.TangentBackward(s, mean, r, w, dy, st, wt, dyt, dst, fusedDxt, null, k));
        same("s", bench.floats(fusedS), bench.floats(s));
        same("y", bench.floats(fusedY), bench.floats(y));
        same("y alone", bench.floats(aloneY), bench.floats(y));
        same("dx", bench.floats(fusedDx), added(bench.floats(dx), dss));
        same("st", bench.floats(fusedSt), bench.floats(st));
        same("yt", bench.floats(fusedYt), bench.floats(yt));
        same("dxt", bench.floats(fusedDxt), added(bench.floats(dxt), dsts));
    }

    private static float[] added(float[] a, float[] b) {
        float[] sum = new float[a.length];
        for (int i = 0; i < a.length; i++) {
            sum[i] = a[i] + b[i];
        }
        return sum;
    }

    private static void same(String what, float[] actual, float[] expected) {
        if (!Arrays.equals(actual, expected)) {
            int i = Arrays.mismatch(actual, expected);
            throw new AssertionError(what + "[" + i + "] is " + actual[i] + ", in two passes " + expected[i]);
        }
    }

    private static Jet[] forward(Jet[] x, Jet[] w, Jet[] b, int n, int c, boolean centred) {
        Jet[] y = new Jet[n * c];
        for (int row = 0; row < n; row++) {
            Rows.normalise(x, row * c, c, centred, EPSILON, w, b, y);
        }
        return y;
    }

    private static double[] doubles(float[] values) {
        double[] all = new double[values.length];
        for (int i = 0; i < all.length; i++) {
            all[i] = values[i];
        }
        return all;
    }

    private static float[] part(float[] values, int p, int length) {
        return Arrays.copyOfRange(values, p * length, (p + 1) * length);
    }

    private static float[] sums(float[] splits, int c) {
        double[] sums = new double[c];
        for (int i = 0; i < splits.length; i++) {
            sums[i % c] += splits[i];
        }
        float[] all = new float[c];
        for (int j = 0; j < c; j++) {
            all[j] = (float) sums[j];
        }
        return all;
    }

    private static void close(float[] actual, double[] expected, String what) {
        double largest = 1e-6;
        for (double e : expected) {
            largest = Math.max(largest, Math.abs(e));
        }
        for (int i = 0; i < expected.length; i++) {
            if (!(Math.abs(actual[i] - expected[i]) <= CLOSE.relative() * largest)) {
                throw new AssertionError(what + "[" + i + "] is " + actual[i] + ", reference " + expected[i]
                        + ", the largest " + largest);
            }
        }
    }
}
