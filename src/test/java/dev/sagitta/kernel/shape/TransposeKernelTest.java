package dev.sagitta.kernel.shape;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

final class TransposeKernelTest extends KernelSuite {
    /** Outer, a, b, inner. */
    private static final int[][] SIZES = {
        {1, 1, 1, 1},
        {1, 2, 3, 1},
        {3, 5, 7, 2},
        {2, 16, 16, 1},
        {2, 33, 17, 1},
        {1, 100, 257, 1},
        {3, 64, 32, 1},
        {2, 9, 4, 32},
        {2, 5, 6, 260},
        {2, 3, 2, 1030},
        {70_001, 2, 2, 1},
        {0, 3, 4, 1},
        {2, 3, 0, 5}
    };

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int[] size : SIZES) {
            String name = "transpose " + Arrays.toString(size);
            cases.add(new KernelCase(name, size[0] * size[1] * size[2] < 1200, bench -> exchange(bench, size)));
        }
        cases.add(new KernelCase(
                "transpose of memory at odd addresses",
                false,
                bench -> exchange(bench.shifted(4), new int[] {2, 3, 5, 8})));
        return cases;
    }

    private static void exchange(KernelBench bench, int[] size) {
        int outer = size[0];
        int a = size[1];
        int b = size[2];
        int inner = size[3];
        float[] xs = bench.normal((long) outer * a * b * inner);
        Tensor x = bench.input("x", xs, outer, a, b, inner);
        Tensor y = bench.output("y", DType.F32, outer, b, a, inner);
        Tensor rows = bench.output("rows", DType.F32, outer, b, a, inner);
        bench.run(Transpose.of(x, y), new Transpose.Rows(x, rows));
        double[] expected = new double[xs.length];
        for (int i = 0; i < xs.length; i++) {
            int e = i % inner;
            int q = i / inner % b;
            int p = i / inner / b % a;
            int o = i / inner / b / a;
            expected[((o * b + q) * a + p) * inner + e] = xs[i];
        }
        bench.compare(y, expected, Tolerance.EXACT);
        bench.compare(rows, expected, Tolerance.EXACT);
    }
}
