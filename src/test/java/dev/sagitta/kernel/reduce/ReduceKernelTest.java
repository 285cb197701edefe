package dev.sagitta.kernel.reduce;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Work.Chunks;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

final class ReduceKernelTest extends KernelSuite {
    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        int[][] shapes = {
            {1, 1},
            {3, 5},
            {1, 4099},
            {1, 0},
            {2, 16},
            {1, 127},
            {5, 128},
            {1, 129},
            {70_001, 3},
            {33, 1000},
            {1, 100_003},
            {4, 50_257},
            {3, 40_961},
            {1, 4_194_304},
        };
        for (int[] shape : shapes) {
            int rows = shape[0];
            int n = shape[1];
            String name = "[" + rows + ", " + n + "]";
            cases.add(new KernelCase("sums " + name, rows * n == 15 || n == 127, bench -> sums(bench, rows, n)));
            if (n > 0) {
                cases.add(new KernelCase(
                        "largest " + name, rows * n == 15 || n == 129, bench -> largest(bench, rows, n)));
            }
            if (rows == 1) {
                cases.add(new KernelCase("any nonfinite n=" + n, n == 127, bench -> nonfinite(bench, n)));
            }
        }
        for (int n : new int[] {1, 129, 512, 50_257}) {
            cases.add(new KernelCase("likeliest of " + n, n == 129, bench -> likeliest(bench, n)));
        }
        cases.add(new KernelCase("sums in two chunks, small", true, bench -> sums(bench, 1, chunkedLength(bench))));
        cases.add(new KernelCase("largest: ties, NaN, infinities", true, ReduceKernelTest::ties));
        cases.add(new KernelCase("sums of infinities and NaN", true, ReduceKernelTest::infinities));
        cases.add(new KernelCase("a sum stays as good as a pairwise one", false, ReduceKernelTest::longSum));
        return cases;
    }

    /** Just long enough for more than one chunk. */
    private static int chunkedLength(KernelBench bench) {
        return Math.toIntExact(Chunks.of(bench.device(), 1, 1).length() + 5);
    }

    static Tensor partials(KernelBench bench, int rows, int n) {
        return bench.output(
                "partials", DType.F32, Reduce.partials(bench.device(), rows, n).toArray());
    }

    private static void sums(KernelBench bench, int rows, int n) {
        float[] xs = bench.normal((long) rows * n);
        float[] ys = bench.normal((long) rows * n);
        Tensor x = bench.input("x", xs, rows, n);
        Tensor y = bench.input("y", ys, rows, n);
        Tensor sum = bench.output("sum", DType.F32, rows);
        Tensor squares = bench.output("squares", DType.F32, rows);
        Tensor norm = bench.output("norm", DType.F32, rows);
        Tensor dot = bench.output("dot", DType.F32, rows);
        Tensor partials = partials(bench, rows, n);
        Reduce.Single reduce = Reduce.sum(x, sum, partials);
        bench.run(
                reduce,
                Reduce.sumOfSquares(x, squares, partials),
                Reduce.norm(x, norm, partials),
                Reduce.dot(x, y, dot, partials));
        double[][] expected = new double[4][rows];
        double[][] size = new double[4][rows];
        for (int i = 0; i < xs.length; i++) {
            int row = i / n;
            expected[0][row] += xs[i];
            expected[1][row] += (double) xs[i] * xs[i];
            expected[3][row] += (double) xs[i] * ys[i];
            size[0][row] += Math.abs(xs[i]);
            size[3][row] += Math.abs((double) xs[i] * ys[i]);
        }
        for (int row = 0; row < rows; row++) {
            expected[2][row] = Math.sqrt(expected[1][row]);
        }
        bench.compare(sum, expected[0], size[0], reduce.tolerance());
        bench.compare(squares, expected[1], reduce.tolerance());
        bench.compare(norm, expected[2], reduce.tolerance());
        bench.compare(dot, expected[3], size[3], reduce.tolerance());
    }

    private static void largest(KernelBench bench, int rows, int n) {
        float[] xs = bench.normal((long) rows * n);
        for (int i = 0; i < xs.length; i++) {
            xs[i] = Math.round(xs[i] * 64) / 64f; // many equals
        }
        largest(bench, rows, n, xs);
    }

    private static void largest(KernelBench bench, int rows, int n, float[] xs) {
        Tensor x = bench.input("x", xs, rows, n);
        Tensor max = bench.output("max", DType.F32, rows);
        Tensor argmax = bench.output("argmax", DType.I32, rows);
        Tensor partials = partials(bench, rows, n);
        bench.run(Reduce.max(x, max, partials), Reduce.argmax(x, argmax, partials));
        double[] value = new double[rows];
        int[] index = new int[rows];
        for (int row = 0; row < rows; row++) {
            int best = 0;
            for (int i = 1; i < n; i++) {
                float here = xs[row * n + i];
                float there = xs[row * n + best];
                if (here > there || (Float.isNaN(here) && !Float.isNaN(there))) {
                    best = i;
                }
            }
            index[row] = best;
            value[row] = xs[row * n + best];
        }
        bench.compare(max, value, Tolerance.EXACT);
        assertThat(bench.ints(argmax)).isEqualTo(index);
    }

    private static void ties(KernelBench bench) {
        int n = 70;
        float[][] rows = new float[6][n];
        Arrays.fill(rows[0], 2);
        Arrays.fill(rows[1], Float.NEGATIVE_INFINITY);
        Arrays.fill(rows[2], Float.NaN);
        rows[3][69] = Float.NaN;
        rows[3][20] = Float.POSITIVE_INFINITY;
        rows[4][40] = Float.NaN;
        rows[4][8] = Float.NaN;
        rows[5][33] = 1;
        rows[5][17] = 1;
        rows[5][18] = 1;
        float[] xs = new float[6 * n];
        for (int row = 0; row < 6; row++) {
            System.arraycopy(rows[row], 0, xs, row * n, n);
        }
        largest(bench, 6, n, xs);
    }

    private static void infinities(KernelBench bench) {
        int n = 150;
        float[] xs = new float[4 * n];
        Arrays.fill(xs, 1);
        xs[3] = Float.POSITIVE_INFINITY;
        xs[n + 149] = Float.NEGATIVE_INFINITY;
        xs[2 * n] = Float.POSITIVE_INFINITY;
        xs[2 * n + 1] = Float.NEGATIVE_INFINITY;
        xs[3 * n + 77] = Float.NaN;
        Tensor x = bench.input("x", xs, 4, n);
        Tensor sum = bench.output("sum", DType.F32, 4);
        bench.run(Reduce.sum(x, sum, partials(bench, 4, n)));
        double[] expected = {Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.NaN, Double.NaN};
        bench.compare(sum, expected, Tolerance.EXACT);
    }

    /** Terms of one sign and a length at which a plain running sum has lost three digits. */
    private static void longSum(KernelBench bench) {
        int n = 8_000_000;
        float[] xs = new float[n];
        double exact = 0;
        for (int i = 0; i < n; i++) {
            xs[i] = bench.random().nextFloat();
            exact += xs[i];
        }
        Tensor x = bench.input("x", xs, n);
        Tensor sum = bench.output("sum", DType.F32, 1);
        bench.run(Reduce.sum(x, sum, partials(bench, 1, n)));
        double pairwise = Math.abs(pairwise(xs, 0, n) - exact);
        double ulp = Math.ulp((float) exact);
        assertThat(Math.abs(bench.floats(sum)[0] - exact)).isLessThanOrEqualTo(Math.max(2 * pairwise, ulp / 2));
    }

    private static float pairwise(float[] values, int from, int to) {
        return to - from == 1
                ? values[from]
                : pairwise(values, from, (from + to) / 2) + pairwise(values, (from + to) / 2, to);
    }

    private static void nonfinite(KernelBench bench, int n) {
        List<Integer> positions = new ArrayList<>(List.of(-1));
        for (int at : new int[] {0, n / 3, n / 2 + 1, n - 1}) {
            if (at >= 0 && at < n) {
                positions.add(at);
            }
        }
        float[] values = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY};
        for (int at : positions) {
            float[] xs = bench.normal(n);
            if (n > 0) {
                xs[0] = Float.MAX_VALUE;
            }
            if (at >= 0) {
                xs[at] = values[at % 3];
                xs[n - 1] = Float.NaN;
            }
            Tensor x = bench.input("x", xs, n);
            Tensor flag = bench.output("flag", DType.I32, 1);
            Tensor index = bench.output("index", DType.I64, 1);
            Tensor partials = bench.output(
                    "partials",
                    DType.F32,
                    AnyNonfinite.partials(bench.device(), n).toArray());
            bench.run(new AnyNonfinite(x, flag, index, partials));
            assertThat(bench.ints(flag)).containsExactly(at < 0 ? 0 : 1);
            long found = ByteBuffer.wrap(bench.bytes(index))
                    .order(ByteOrder.nativeOrder())
                    .getLong();
            assertThat(found).isEqualTo(at);
        }
    }

    /** In the middle, at the last position and at a NaN; ties go to the first. */
    private static void likeliest(KernelBench bench, int n) {
        int longest = 5;
        for (int p : new int[] {0, 3, 4}) {
            float[] xs = bench.normal(n);
            int best = (n - 1) / 2;
            xs[best] = p == 3 ? Float.NaN : 99;
            xs[n - 1] = 99;
            Tensor id = bench.output("id", DType.I32, 1);
            Tensor position = bench.inOut("position", DType.I32, bytes(p), 1);
            Tensor ids = bench.inOut("ids", DType.I32, bytes(-9, -9, -9, -9, -9, -9), longest + 1);
            // of one logit, the last one counts
            boolean nan = p == 3 && n > 1;
            bench.run(new Likeliest(bench.input("logits", xs, n), id, position, ids, partials(bench, 1, n)));
            assertThat(bench.ints(id)).containsExactly(best);
            assertThat(bench.ints(position)).containsExactly(Math.min(p + 1, longest - 1));
            int[] expected = {-9, -9, -9, -9, -9, -9};
            expected[p + 1] = nan ? -1 - best : best;
            assertThat(bench.ints(ids)).containsExactly(expected);
        }
    }

    private static byte[] bytes(int... values) {
        ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES * values.length).order(ByteOrder.nativeOrder());
        bytes.asIntBuffer().put(values);
        return bytes.array();
    }
}
