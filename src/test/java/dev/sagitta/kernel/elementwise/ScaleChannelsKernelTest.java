package dev.sagitta.kernel.elementwise;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Which operands have copies, in all mixtures, and a factor. */
final class ScaleChannelsKernelTest extends KernelSuite {
    private static final Tolerance CLOSE = new Tolerance(6e-7, 1e-30);

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int copied = 0; copied < 16; copied++) {
            int bits = copied;
            String who = "copies " + Integer.toBinaryString(16 + copied).substring(1);
            boolean small = copied % 5 == 1;
            cases.add(new KernelCase("scale, " + who, small, bench -> scale(bench, 3, 2, 5, 19, bits, true)));
            cases.add(new KernelCase("dots, " + who, small, bench -> dots(bench, 3, 2, 11, 35, bits, true)));
        }
        cases.add(new KernelCase("scale of one term", true, bench -> scale(bench, 2, 3, 4, 7, 1, false)));
        cases.add(new KernelCase("dots of one term", true, bench -> dots(bench, 2, 3, 4, 7, 2, false)));
        cases.add(new KernelCase("scale, many", false, bench -> scale(bench, 2, 9, 49, 96, 15, true)));
        cases.add(new KernelCase("dots, many", false, bench -> dots(bench, 2, 9, 49, 96, 15, true)));
        return cases;
    }

    private static Tensor operand(KernelBench bench, String name, float[] values, int copies, int n, long... shape) {
        long[] all = new long[shape.length + 1];
        all[0] = values.length / n;
        System.arraycopy(shape, 0, all, 1, shape.length);
        return bench.input(name, values, all);
    }

    private static float[] values(KernelBench bench, int bits, int operand, int copies, int n) {
        return bench.normal((long) n * ((bits >> operand & 1) == 1 ? copies : 1));
    }

    private static void scale(
            KernelBench bench, int copies, int batch, int pixels, int channels, int bits, boolean two) {
        int n = batch * pixels * channels;
        int rows = batch * channels;
        float[] x = values(bench, bits, 0, copies, n);
        float[] g = values(bench, bits, 1, copies, rows);
        float[] z = values(bench, bits, 2, copies, n);
        float[] h = values(bench, bits, 3, copies, rows);
        Tensor y = bench.output("y", DType.F32, copies, batch, pixels, channels);
        bench.run(new ScaleChannels.Scale(
                operand(bench, "x", x, copies, n, batch, pixels, channels),
                operand(bench, "g", g, copies, rows, batch, channels),
                two ? operand(bench, "z", z, copies, n, batch, pixels, channels) : null,
                two ? operand(bench, "h", h, copies, rows, batch, channels) : null,
                y,
                -2));
        double[] expected = new double[copies * n];
        double[] sizes = new double[copies * n];
        for (int i = 0; i < copies * n; i++) {
            int row = i / channels / pixels * channels + i % channels;
            double one = (double) x[i % x.length] * g[row % g.length];
            double other = two ? (double) z[i % z.length] * h[row % h.length] : 0;
            expected[i] = -2 * (one + other);
            sizes[i] = 2 * (Math.abs(one) + Math.abs(other));
        }
        bench.compare(y, expected, sizes, CLOSE);
    }

    private static void dots(
            KernelBench bench, int copies, int batch, int pixels, int channels, int bits, boolean two) {
        int n = batch * pixels * channels;
        float[][] v = new float[4][];
        Tensor[] t = new Tensor[4];
        for (int i = 0; i < 4; i++) {
            v[i] = values(bench, bits, i, copies, n);
            t[i] = i > 1 && !two
                    ? null
                    : operand(bench, "xuzv".substring(i, i + 1), v[i], copies, n, batch, pixels, channels);
        }
        Tensor out = bench.output("out", DType.F32, copies, batch, channels);
        bench.run(new ScaleChannels.Dots(t[0], t[1], t[2], t[3], out));
        double[] expected = new double[copies * batch * channels];
        double[] sizes = new double[expected.length];
        for (int i = 0; i < copies * n; i++) {
            int row = i / channels / pixels * channels + i % channels;
            for (int term = 0; term < (two ? 4 : 2); term += 2) {
                double product = (double) v[term][i % v[term].length] * v[term + 1][i % v[term + 1].length];
                expected[row] += product;
                sizes[row] += Math.abs(product);
            }
        }
        bench.compare(out, expected, sizes, CLOSE);
    }
}
