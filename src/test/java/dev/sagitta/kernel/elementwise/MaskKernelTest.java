package dev.sagitta.kernel.elementwise;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.random.RandomKernelTest;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

final class MaskKernelTest extends KernelSuite {
    private static final float[] SPECIAL = {
        Float.NaN, -0.0f, 0.0f, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.MIN_VALUE
    };

    /** Oclgrind 21 narrows vectors of words (lib/cpu/pieces.h, sg_bits16) to other bits than devices do. */
    @Override
    protected boolean isInterpretedOnCpus() {
        return false;
    }

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int n : new int[] {0, 1, 7, 8, 31, 32, 33, 64, 390, 1009, 100_003}) {
            cases.add(new KernelCase("relu mask n=" + n, n < 2000, bench -> relu(bench, n, true)));
            cases.add(new KernelCase("sign mask n=" + n, n < 50 || n == 390, bench -> relu(bench, n, false)));
            cases.add(new KernelCase("mask apply n=" + n, n < 2000, bench -> apply(bench, n, 3)));
        }
        cases.add(new KernelCase("mask apply in place", true, MaskKernelTest::inPlace));
        return cases;
    }

    private static float[] values(KernelBench bench, int n) {
        float[] values = bench.normal(n);
        for (int i = 0; i < n; i += 3) {
            values[i] = SPECIAL[i / 3 % SPECIAL.length];
        }
        return values;
    }

    private static int[] mask(float[] values) {
        int[] mask = new int[(values.length + 31) / 32];
        for (int i = 0; i < values.length; i++) {
            mask[i / 32] |= (values[i] > 0 ? 1 : 0) << i % 32;
        }
        return mask;
    }

    private static void relu(KernelBench bench, int n, boolean forward) {
        float[] values = values(bench, n);
        Tensor x = bench.input("x", values, n);
        Tensor mask = bench.output("mask", DType.U32, Mask.words(n));
        if (!forward) {
            bench.run(Mask.sign(x, mask));
        } else {
            Tensor y = bench.output("y", DType.F32, n);
            Mask.Relu relu = Mask.relu(x, y, mask);
            bench.run(relu);
            double[] expected = new double[n];
            for (int i = 0; i < n; i++) {
                expected[i] = Math.max(0.0, values[i]);
            }
            bench.compare(y, expected, relu.tolerance());
        }
        assertThat(bench.ints(mask)).isEqualTo(mask(values));
    }

    private static void apply(KernelBench bench, int n, int probes) {
        float[] values = values(bench, n);
        float[] tangents = values(bench, probes * n);
        Tensor mask = RandomKernelTest.words(bench, "mask", mask(values));
        Tensor in = bench.input("in", tangents, probes, n);
        Tensor out = bench.output("out", DType.F32, probes, n);
        Mask.Apply apply = Mask.apply(mask, n, in, out);
        bench.run(apply);
        double[] expected = new double[probes * n];
        for (int i = 0; i < expected.length; i++) {
            expected[i] = values[i % n] > 0 ? tangents[i] : 0;
        }
        bench.compare(out, expected, apply.tolerance());
    }

    private static void inPlace(KernelBench bench) {
        float[] values = bench.normal(100);
        Tensor x = bench.inOut("x", values, 100);
        Tensor mask = bench.output("mask", DType.U32, 4);
        bench.run(Mask.relu(x, x, mask), Mask.apply(mask, 100, x, x));
        double[] expected = new double[100];
        for (int i = 0; i < 100; i++) {
            expected[i] = Math.max(0, values[i]);
        }
        bench.compare(x, expected, Tolerance.EXACT);
    }
}
