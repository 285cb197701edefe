package dev.sagitta.kernel.embedding;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

final class EmbeddingKernelTest extends KernelSuite {
    /** Ids, rows of the table, width, tables. */
    private static final int[][] SIZES = {
        {0, 3, 4, 1},
        {1, 1, 1, 1},
        {5, 2, 3, 2},
        {100, 7, 16, 1},
        {257, 255, 17, 2},
        {300, 1, 8, 1},
        {1024, 128, 64, 2},
        {1009, 3000, 31, 1},
        {600, 300, 300, 1},
        {700, 530_000, 1, 1},
        // half of the ids are one that a block adds up by itself on CUDA: a column and a slice short of and past whole
        // ones
        {1400, 9, 4, 1},
        {1300, 33, 132, 2},
        {900, 17, 516, 1},
        {1400, 5, 3, 1},
    };

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int[] size : SIZES) {
            int n = size[0];
            int v = size[1];
            int d = size[2];
            int k = size[3];
            String at = " n=" + n + " V=" + v + " D=" + d + " K=" + k;
            boolean small = (long) (n + v) * d * k < 3000;
            cases.add(new KernelCase("embedding gather" + at, small, bench -> gather(bench, n, v, d, k)));
            cases.add(new KernelCase("embedding sort" + at, small, bench -> sort(bench, n, v)));
            cases.add(new KernelCase("embedding scatter" + at, small, bench -> scatter(bench, n, v, d, k, false)));
            cases.add(
                    new KernelCase("embedding scatter, adding" + at, small, bench -> scatter(bench, n, v, d, k, true)));
        }
        // whole runs of loads, one id short of and past them; more ids than a warp has lanes in flight
        for (int n : new int[] {31, 32, 33, 1023, 1025, 4095, 4097, 20_000}) {
            cases.add(new KernelCase("embedding sort n=" + n + " V=2100", false, bench -> sort(bench, n, 2100)));
        }
        // for runs that interpret
        cases.add(new KernelCase("embedding sort n=1025 V=300", true, bench -> sort(bench, 1025, 300)));
        // three neighbours share all positions: more than a block of CUDA keeps, and none of them has half
        cases.add(new KernelCase("embedding sort, crowded", false, bench -> {
            int[] ids = new int[20_000];
            Arrays.setAll(ids, i -> i % 7 % 3);
            sort(bench, ids, 512);
        }));
        return cases;
    }

    /** Half of them the same id, as padding is, and a few out of range. */
    private static int[] ids(KernelBench bench, int n, int v) {
        int[] ids = new int[n];
        for (int i = 0; i < n; i++) {
            ids[i] = i % 17 == 11
                    ? v
                    : i % 23 == 12
                            ? -1
                            : bench.random().nextBoolean()
                                    ? v / 2
                                    : bench.random().nextInt(v);
        }
        return ids;
    }

    private static void gather(KernelBench bench, int n, int v, int d, int k) {
        float[] table = bench.normal((long) k * v * d);
        int[] ids = ids(bench, n, v);
        Tensor y = bench.output("y", DType.F32, k, n, d);
        bench.run(Embedding.gather(bench.input("table", table, k, v, d), bench.input("ids", ids, n), y));
        double[] expected = new double[k * n * d];
        for (int i = 0; i < expected.length; i++) {
            int id = ids[i / d % n];
            expected[i] = id < 0 || id >= v ? Double.NaN : table[(i / (n * d) * v + id) * d + i % d];
        }
        bench.compare(y, expected, Tolerance.EXACT);
    }

    private static void sort(KernelBench bench, int n, int v) {
        sort(bench, ids(bench, n, v), v);
    }

    private static void sort(KernelBench bench, int[] ids, int v) {
        int n = ids.length;
        Tensor workspace = bench.output("workspace", DType.I32, Embedding.workspaceBytes(n, v) / 4);
        bench.run(Embedding.sort(bench.input("ids", ids, n), workspace, v));
        int[] sorted = bench.ints(workspace);
        int[] expected = new int[v + 1];
        for (int id : ids) {
            if (id >= 0 && id < v) {
                expected[id + 1]++;
            }
        }
        Arrays.parallelPrefix(expected, Integer::sum);
        assertThat(Arrays.copyOf(sorted, v + 1)).isEqualTo(expected);
        int[] cursor = expected.clone();
        for (int i = 0; i < n; i++) {
            if (ids[i] >= 0 && ids[i] < v) {
                assertThat(sorted[v + 1 + cursor[ids[i]]++])
                        .as("place of position %d", i)
                        .isEqualTo(i);
            }
        }
    }

    /** Bit for bit: the sum is taken in order of position. */
    private static void scatter(KernelBench bench, int n, int v, int d, int k, boolean accumulate) {
        float[] dy = bench.normal((long) k * n * d);
        int[] ids = ids(bench, n, v);
        float[] before = bench.normal((long) k * v * d);
        Tensor ids32 = bench.input("ids", ids, n);
        Tensor cotangent = bench.input("dy", dy, k, n, d);
        Tensor workspace = bench.output("workspace", DType.U8, Embedding.workspaceBytes(n, v));
        Tensor gradient =
                accumulate ? bench.inOut("dtable", before, k, v, d) : bench.output("dtable", DType.F32, k, v, d);
        double[] expected = new double[before.length];
        boolean[] touched = new boolean[v];
        float[] sum = new float[before.length];
        for (int i = 0; i < dy.length; i++) {
            int id = ids[i / d % n];
            if (id >= 0 && id < v) {
                touched[id] = true;
                sum[(i / (n * d) * v + id) * d + i % d] += dy[i];
            }
        }
        for (int i = 0; i < expected.length; i++) {
            expected[i] = !accumulate ? sum[i] : touched[i / d % v] ? before[i] + sum[i] : before[i];
        }
        bench.run(Embedding.scatter(ids32, cotangent, gradient, workspace, accumulate));
        bench.compare(gradient, expected, Tolerance.EXACT);
        if (!accumulate) {
            bench.run(Embedding.sort(ids32, workspace, v), Embedding.sorted(cotangent, gradient, workspace, false));
            bench.compare(gradient, expected, Tolerance.EXACT);
        }
    }
}
