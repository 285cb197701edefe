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

final class MeanKernelTest extends KernelSuite {
    /** Outer, n, inner, sequences; of 0 sequences there are no lengths. */
    private static final int[][] SIZES = {
        {1, 1, 1, 0},
        {3, 7, 1, 3},
        {4, 5, 7, 2},
        {2, 9, 260, 0},
        {6, 33, 16, 3},
        {300, 2, 3, 100},
        {1, 40_009, 1, 1},
        {2, 513, 5, 0},
        {70_001, 3, 1, 0}
    };

    private static final Tolerance CLOSE = new Tolerance(4e-7, 1e-30);

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int[] size : SIZES) {
            String name = "mean " + Arrays.toString(size);
            cases.add(new KernelCase(name, size[0] * size[1] * size[2] < 500, bench -> both(bench, size, false)));
        }
        cases.add(new KernelCase(
                "mean of lengths out of range", true, bench -> both(bench, new int[] {4, 5, 3, 4}, true)));
        return cases;
    }

    private static void both(KernelBench bench, int[] size, boolean wild) {
        int outer = size[0];
        int n = size[1];
        int inner = size[2];
        int[] counts = bench.random().ints(size[3], 0, n + 1).toArray();
        if (wild) {
            counts[0] = -3;
            counts[1] = n + 7;
            counts[2] = 0;
        }
        float[] xs = bench.normal((long) outer * n * inner);
        float[] dys = bench.normal((long) outer * inner);
        Tensor x = bench.input("x", xs, outer, n, inner);
        Tensor dy = bench.input("dy", dys, outer, inner);
        Tensor lengths = size[3] == 0 ? null : bench.input("lengths", counts, size[3]);
        Tensor y = bench.output("y", DType.F32, outer, inner);
        Tensor dx = bench.output("dx", DType.F32, outer, n, inner);
        bench.run(Mean.of(x, lengths, y), Mean.spread(dy, lengths, dx));
        double[] mean = new double[dys.length];
        double[] magnitude = new double[dys.length];
        double[] spread = new double[xs.length];
        for (int o = 0; o < outer; o++) {
            int count = size[3] == 0 ? n : Math.max(0, Math.min(n, counts[o % size[3]]));
            for (int a = 0; a < count; a++) {
                for (int i = 0; i < inner; i++) {
                    int from = (o * n + a) * inner + i;
                    mean[o * inner + i] += (double) xs[from] / count;
                    magnitude[o * inner + i] += Math.abs((double) xs[from]) / count;
                    spread[from] = (double) dys[o * inner + i] / count;
                }
            }
        }
        bench.compare(y, mean, magnitude, CLOSE);
        bench.compare(dx, spread, CLOSE);
    }
}
