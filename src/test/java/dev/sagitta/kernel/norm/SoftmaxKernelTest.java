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

/** All modes of softmax and its logarithm against jets. */
final class SoftmaxKernelTest extends KernelSuite {
    private static final Tolerance CLOSE = new Tolerance(2e-5, 1e-9);

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        int[][] shapes = {{1, 3, 1}, {3, 7, 2}, {37, 16, 3}, {5, 33, 1}, {2, 1500, 1}};
        for (int[] s : shapes) {
            for (boolean logarithm : new boolean[] {true, false}) {
                String name = (logarithm ? "log softmax [" : "softmax [") + s[0] + ", " + s[1] + "], K = " + s[2];
                cases.add(new KernelCase(name, s[0] * s[1] <= 600, bench -> run(bench, s[0], s[1], s[2], logarithm)));
            }
        }
        cases.add(new KernelCase("log softmax of logits near 10000", true, SoftmaxKernelTest::farFromZero));
        return cases;
    }

    /** x - max is exact here and log of the sum small: where they are added up in another order, 1e-3 of the result is rounding. */
    private static void farFromZero(KernelBench bench) {
        float[] xs = new float[16];
        for (int j = 0; j < xs.length; j++) {
            xs[j] = 10000 + j / 8f;
        }
        Tensor x = bench.input("x", xs, 1, xs.length);
        Tensor y = bench.output("y", DType.F32, 1, xs.length);
        bench.run(new Softmax.Forward(x, y, true));
        Jet[] expected = new Jet[xs.length];
        Rows.softmax(new Jet.Tape().leaves(doubles(xs), new double[xs.length]), 0, xs.length, true, expected);
        close(bench.floats(y), expected, "y", 0);
    }

    private static void run(KernelBench bench, int n, int c, int k, boolean logarithm) {
        int all = n * c;
        float[] xs = bench.normal(all);
        float[] dys = bench.normal(all);
        float[] xts = bench.normal((long) k * all);
        float[] dyts = bench.normal((long) k * all);
        Tensor x = bench.input("x", xs, n, c);
        Tensor dy = bench.input("dy", dys, n, c);
        Tensor xt = bench.input("xt", xts, k, n, c);
        Tensor dyt = bench.input("dyt", dyts, k, n, c);
        Tensor y = bench.output("y", DType.F32, n, c);
        Tensor dx = bench.output("dx", DType.F32, n, c);
        Tensor yt = bench.output("yt", DType.F32, k, n, c);
        Tensor dxt = bench.output("dxt", DType.F32, k, n, c);
        Tensor curvature = bench.output("curvature", DType.F32, k);
        Tensor partials = bench.output(
                "partials", DType.F32, Softmax.partials(bench.device(), n, c, k).toArray());
        bench.run(
                new Softmax.Forward(x, y, logarithm),
                new Softmax.Backward(y, dy, dx, logarithm),
                new Softmax.Tangent(y, xt, yt, logarithm),
                new Softmax.TangentBackward(y, yt, dy, dyt, dxt, logarithm),
                new Softmax.Curvature(y, xt, dy, curvature, partials, logarithm));
        double[] quadratic = new double[k];
        double[] size = new double[k];
        for (int p = 0; p < k; p++) {
            for (boolean still : new boolean[] {false, true}) {
                Jet.Tape tape = new Jet.Tape();
                Jet[] jx = tape.leaves(doubles(xs), doubles(part(xts, p, all)));
                Jet[] jy = new Jet[all];
                for (int row = 0; row < n; row++) {
                    Rows.softmax(jx, row * c, c, logarithm, jy);
                }
                for (int i = 0; i < all; i++) {
                    jy[i].seed(dys[i], still ? 0 : dyts[p * all + i]);
                }
                tape.pull();
                if (still) {
                    for (int i = 0; i < all; i++) {
                        quadratic[p] += jx[i].ct() * xts[p * all + i];
                        size[p] += Math.abs(jx[i].ct() * xts[p * all + i]);
                    }
                    continue;
                }
                if (p == 0) {
                    close(bench.floats(y), jy, "y", 0);
                    close(bench.floats(dx), jx, "dx", 2);
                }
                close(part(bench.floats(yt), p, all), jy, "yt", 1);
                close(part(bench.floats(dxt), p, all), jx, "dxt", 3);
            }
        }
        bench.compare(curvature, quadratic, size, CLOSE);
    }

    private static double[] doubles(float[] values) {
        double[] all = new double[values.length];
        Arrays.setAll(all, i -> values[i]);
        return all;
    }

    private static float[] part(float[] values, int p, int length) {
        return Arrays.copyOfRange(values, p * length, (p + 1) * length);
    }

    /** @param of a jet: 0 its value, 1 its tangent, 2 its cotangent, 3 the tangent of that */
    private static void close(float[] actual, Jet[] jets, String what, int of) {
        double[] expected = Arrays.stream(jets)
                .mapToDouble(j -> of == 0 ? j.v() : of == 1 ? j.t() : of == 2 ? j.c() : j.ct())
                .toArray();
        double largest = Arrays.stream(expected).map(Math::abs).max().orElse(0);
        for (int i = 0; i < expected.length; i++) {
            if (!(Math.abs(actual[i] - expected[i]) <= CLOSE.relative() * largest)) {
                throw new AssertionError(what + "[" + i + "] is " + actual[i] + ", reference " + expected[i]);
            }
        }
    }
}
