package dev.sagitta.kernel;

import dev.sagitta.fixture.KernelCase;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

final class PointwiseCases {
    private PointwiseCases() {}

    static List<KernelCase> all() {
        List<KernelCase> cases = new ArrayList<>();
        for (int n : new int[] {1, 255, 256, 257, 1009, 100_003}) {
            cases.add(new KernelCase("relu forward n=" + n, n < 2000, bench -> {
                float[] values = bench.normal(n);
                Tensor x = bench.input("x", values, n);
                Tensor y = bench.output("y", DType.F32, n);
                Pointwise relu = Pointwise.forward(Function.RELU, x, y);
                bench.run(relu);
                double[] expected = new double[n];
                for (int i = 0; i < n; i++) {
                    expected[i] = Math.max(0, values[i]);
                }
                bench.compare(y, expected, relu.tolerance());
            }));
        }
        return cases;
    }
}
