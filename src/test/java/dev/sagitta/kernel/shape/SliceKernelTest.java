package dev.sagitta.kernel.shape;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

final class SliceKernelTest extends KernelSuite {
    /** Outer, axis, inner, begin, length. */
    private static final int[][] SIZES = {
        {1, 1, 1, 0, 1},
        {1, 9, 1, 3, 5},
        {3, 5, 7, 0, 5},
        {3, 5, 7, 2, 0},
        {7, 8, 4, 4, 3},
        {5, 12, 16, 8, 4},
        {1, 40_013, 1, 17, 30_001},
        {2, 300, 128, 100, 129},
        {70_001, 2, 1, 1, 1},
        {0, 4, 4, 1, 2}
    };

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int[] size : SIZES) {
            String name = "slice " + java.util.Arrays.toString(size);
            cases.add(new KernelCase(name, size[0] * size[1] * size[2] < 500, bench -> all(bench, size)));
        }
        cases.add(new KernelCase(
                "slice of memory at odd addresses", false, bench -> all(bench.shifted(4), new int[] {3, 8, 8, 4, 4})));
        return cases;
    }

    private static void all(KernelBench bench, int[] size) {
        int outer = size[0];
        int n = size[1];
        int inner = size[2];
        int begin = size[3];
        int m = size[4];
        float[] wholes = bench.normal((long) outer * n * inner);
        float[] parts = bench.normal((long) outer * m * inner);
        Tensor whole = bench.input("whole", wholes, outer, n, inner);
        Tensor part = bench.input("part", parts, outer, m, inner);
        Tensor taken = bench.output("taken", DType.F32, outer, m, inner);
        Tensor put = bench.inOut("put", wholes, outer, n, inner);
        Tensor padded = bench.output("padded", DType.F32, outer, n, inner);
        bench.run(Slice.take(whole, begin, taken), Slice.put(part, begin, put), Slice.pad(part, begin, padded));
        double[] expectedTaken = new double[parts.length];
        double[] expectedPut = new double[wholes.length];
        double[] expectedPadded = new double[wholes.length];
        for (int o = 0; o < outer; o++) {
            for (int a = 0; a < n; a++) {
                for (int i = 0; i < inner; i++) {
                    int at = (o * n + a) * inner + i;
                    boolean inside = a >= begin && a < begin + m;
                    int of = (o * m + a - begin) * inner + i;
                    expectedPut[at] = inside ? parts[of] : wholes[at];
                    expectedPadded[at] = inside ? parts[of] : 0;
                    if (inside) {
                        expectedTaken[of] = wholes[at];
                    }
                }
            }
        }
        bench.compare(taken, expectedTaken, Tolerance.EXACT);
        bench.compare(put, expectedPut, Tolerance.EXACT);
        bench.compare(padded, expectedPadded, Tolerance.EXACT);
    }
}
