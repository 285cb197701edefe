package dev.sagitta.kernel.conv;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

final class FoldKernelTest extends KernelSuite {
    private static final double EPSILON = 1e-3f;

    @Override
    protected List<KernelCase> cases() {
        return List.of(
                new KernelCase("fold 1 x 1", true, bench -> fold(bench, 1, 1, true, true)),
                new KernelCase("fold 7 x 33", true, bench -> fold(bench, 7, 33, false, true)),
                new KernelCase("fold 5 x 20 of no scale", true, bench -> fold(bench, 5, 20, true, false)),
                new KernelCase("fold 300 x 513", false, bench -> fold(bench, 300, 513, false, false)));
    }

    private static void fold(KernelBench bench, int outputs, int inner, boolean biased, boolean affine) {
        float[] w = bench.normal((long) outputs * inner);
        float[] bias = bench.normal(outputs);
        float[] gamma = bench.normal(outputs);
        float[] beta = bench.normal(outputs);
        float[] mean = bench.normal(outputs);
        float[] variance = bench.normal(outputs);
        for (int o = 0; o < outputs; o++) {
            variance[o] *= variance[o];
        }
        Tensor folded = bench.output("folded", DType.F32, outputs, inner);
        Tensor foldedBias = bench.output("folded_bias", DType.F32, outputs);
        bench.run(new Fold(
                bench.input("w", w, outputs, inner),
                biased ? bench.input("bias", bias, outputs) : null,
                affine ? bench.input("gamma", gamma, outputs) : null,
                affine ? bench.input("beta", beta, outputs) : null,
                bench.input("mean", mean, outputs),
                bench.input("variance", variance, outputs),
                (float) EPSILON,
                folded,
                foldedBias));
        double[] expected = new double[w.length];
        double[] shift = new double[outputs];
        double[] magnitude = new double[outputs];
        for (int o = 0; o < outputs; o++) {
            double s = (affine ? gamma[o] : 1) / Math.sqrt(variance[o] + EPSILON);
            for (int j = 0; j < inner; j++) {
                expected[o * inner + j] = w[o * inner + j] * s;
            }
            double b = biased ? bias[o] : 0;
            double to = affine ? beta[o] : 0;
            shift[o] = to + (b - mean[o]) * s;
            magnitude[o] = Math.abs(to) + (Math.abs(b) + Math.abs(mean[o])) * Math.abs(s);
        }
        bench.compare(folded, expected, Tolerance.FLOAT);
        bench.compare(foldedBias, shift, magnitude, Tolerance.FLOAT);
    }
}
