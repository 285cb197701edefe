package dev.sagitta.kernel.packed;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.device.DeviceKind;
import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.packed.PackedWeights.Layout;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Products with packed weights against fp64 with the dequantised weights. */
final class QMatmulKernelTest extends KernelSuite {
    /** M, N, K. */
    private static final int[][] SIZES = {
        {1, 1, 1},
        {1, 17, 131},
        {1, 67, 2113},
        {1, 20, 6208},
        {4, 18, 4164},
        {2, 37, 97},
        {3, 16, 32},
        {5, 23, 4099},
        {8, 129, 300},
        {9, 31, 257},
        {16, 64, 128},
        {23, 67, 521},
        {65, 20, 96},
        {70, 131, 263},
        {131, 271, 67},
        {257, 70, 96},
        {300, 131, 67}
    };

    /** Oclgrind 21 finds no entries in the text for CPUs, or has no resources to launch them. */
    @Override
    protected boolean isInterpretedOnCpus() {
        return false;
    }

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int bits : new int[] {2, 3, 4, 8}) {
            int turn = bits;
            for (int[] size : SIZES) {
                for (int group : bits == 4 ? new int[] {1, 3, 32, 64, 128, 1000} : new int[] {bits, 64, 96}) {
                    QuantFormat format = new QuantFormat(bits, group, turn++ % 3 == 0);
                    boolean small =
                            group == 64 && (size[0] == 2 || size[0] == 65 || size[0] == 257 && bits == 4) && bits >= 3;
                    cases.add(forward(format, size[0], size[1], size[2], small));
                    cases.add(backward(format, size[0], size[1], size[2], small));
                }
            }
            for (int m : new int[] {1, 3, 9}) {
                cases.add(shifted(new QuantFormat(bits, 64, false), m, 21, 2116, false));
                // for runs that interpret
                cases.add(shifted(new QuantFormat(bits, 64, false), m, 21, 196, m != 3));
            }
            cases.add(sameBits(new QuantFormat(bits, 64, false), 300, 131));
            cases.add(sameBits(new QuantFormat(bits, 48, true), 2300, 37));
        }
        return cases;
    }

    static PackedWeights panels(KernelBench bench, PackedReference w) {
        long[] words = PackedWeights.wordsShape(w.format(), Layout.PANELS, w.n(), w.k())
                .toArray();
        long[] groups = PackedWeights.groupsShape(w.format(), Layout.PANELS, w.n(), w.k())
                .toArray();
        return new PackedWeights(
                w.format(),
                Layout.PANELS,
                w.n(),
                w.k(),
                bench.input("w.words", DType.U32, w.panelWords(), words),
                bench.input("w.scales", DType.F32, w.panelGroups(w.scales()), groups),
                w.offsets() == null ? null : bench.input("w.offsets", DType.F32, w.panelGroups(w.offsets()), groups));
    }

    private static String name(String what, QuantFormat format, int m, int n, int k) {
        return what + " w" + format.bits() + " g" + format.group() + (format.symmetric() ? " symmetric" : "") + " m="
                + m + " n=" + n + " k=" + k;
    }

    private static KernelCase forward(QuantFormat format, int m, int n, int k, boolean small) {
        return new KernelCase(name("qmatmul", format, m, n, k), small, bench -> {
            PackedReference w = PackedReference.random(bench.random(), format, n, k);
            float[] x = bench.normal((long) m * k);
            float[] bias = n % 2 == 0 ? null : bench.normal(n);
            Tensor y = bench.output("y", DType.F32, m, n);
            QMatmul.Forward product = QMatmul.forward(
                    bench.input("x", x, m, k), panels(bench, w), bias == null ? null : bench.input("bias", bias, n), y);
            bench.run(product);
            double[] expected = new double[m * n];
            double[] magnitude = new double[m * n];
            float[] plain = new float[m * n];
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    float single = 0;
                    for (int e = 0; e < k; e++) {
                        float weight = w.weight(j, e);
                        double term = (double) x[i * k + e] * weight;
                        expected[i * n + j] += term;
                        magnitude[i * n + j] += Math.abs(term);
                        single = Math.fma(x[i * k + e], weight, single);
                    }
                    if (bias != null) {
                        expected[i * n + j] += bias[j];
                        magnitude[i * n + j] += Math.abs(bias[j]);
                        single += bias[j];
                    }
                    plain[i * n + j] = single;
                }
            }
            bench.compare(y, expected, magnitude, product.tolerance());
            compareWithSingle(bench.floats(y), plain, expected, magnitude);
        });
    }

    /** No tensor at a multiple of 16 bytes: foreign memory may lie so. */
    private static KernelCase shifted(QuantFormat format, int m, int n, int k, boolean small) {
        KernelCase forward = forward(format, m, n, k, false);
        KernelCase backward = backward(format, m, n, k, false);
        return new KernelCase(name("qmatmul shifted", format, m, n, k), small, bench -> {
            forward.body().accept(bench.shifted(4));
            backward.body().accept(bench);
        });
    }

    private static KernelCase backward(QuantFormat format, int m, int n, int k, boolean small) {
        return new KernelCase(name("qmatmul backward", format, m, n, k), small, bench -> {
            PackedReference w = PackedReference.random(bench.random(), format, n, k);
            float[] dy = bench.normal((long) m * n);
            Tensor dx = bench.output("dx", DType.F32, m, k);
            QMatmul.Backward product = QMatmul.backward(bench.input("dy", dy, m, n), panels(bench, w), dx);
            bench.run(product);
            double[] expected = new double[m * k];
            double[] magnitude = new double[m * k];
            float[] plain = new float[m * k];
            for (int j = 0; j < n; j++) {
                for (int e = 0; e < k; e++) {
                    float weight = w.weight(j, e);
                    for (int i = 0; i < m; i++) {
                        double term = (double) dy[i * n + j] * weight;
                        expected[i * k + e] += term;
                        magnitude[i * k + e] += Math.abs(term);
                        plain[i * k + e] = Math.fma(dy[i * n + j], weight, plain[i * k + e]);
                    }
                }
            }
            bench.compare(dx, expected, magnitude, product.tolerance());
            compareWithSingle(bench.floats(dx), plain, expected, magnitude);
        });
    }

    /** The promise: root-mean-square error at most twice that of one fp32 chain over the dequantised weights. */
    private static void compareWithSingle(float[] actual, float[] plain, double[] expected, double[] magnitude) {
        double ours = 0;
        double single = 0;
        for (int i = 0; i < actual.length; i++) {
            if (magnitude[i] == 0) {
                assertThat(actual[i]).isZero();
                continue;
            }
            ours += Math.pow((actual[i] - expected[i]) / magnitude[i], 2);
            single += Math.pow((plain[i] - expected[i]) / magnitude[i], 2);
        }
        double floor = 1.2e-7; // a unit in the last place: a sum of one term may be exact in one order
        assertThat(Math.sqrt(ours / actual.length)).isLessThanOrEqualTo(2 * Math.sqrt(single / actual.length) + floor);
    }

    /** Row i of a batch has the bits of row i alone: at any M on a CPU device; on a GPU among M = 2 to what few rows are there, and above. */
    private static KernelCase sameBits(QuantFormat format, int k, int n) {
        return new KernelCase(name("qmatmul batch invariance", format, 0, n, k), false, bench -> {
            boolean cpu = bench.device().info().kind() == DeviceKind.OPENCL_CPU;
            int most = (int) QMatmul.mostFew(bench.device(), n);
            int[][] batches = cpu
                    ? new int[][] {{1, 2, 3, 4, 7, 8, 9, 12, 13, 17, 37}}
                    : new int[][] {{2, 3, 8, 9, 13, 37, most}, {most + 1, most + 2, most + 66}};
            PackedReference reference = PackedReference.random(bench.random(), format, n, k);
            PackedWeights w = panels(bench, reference);
            float[] x = bench.normal((most + 66L) * k);
            for (int[] batch : batches) {
                List<Tensor> results = new ArrayList<>();
                List<Descriptor> products = new ArrayList<>();
                for (int m : batch) {
                    Tensor y = bench.output("y" + m, DType.F32, m, n);
                    results.add(y);
                    products.add(
                            QMatmul.forward(bench.input("x" + m, java.util.Arrays.copyOf(x, m * k), m, k), w, null, y));
                }
                bench.run(products.toArray(Descriptor[]::new));
                float[] longest = bench.floats(results.get(results.size() - 1));
                for (Tensor y : results) {
                    float[] values = bench.floats(y);
                    assertThat(values)
                            .as("%s against the batch of %d", y, batch[batch.length - 1])
                            .isEqualTo(java.util.Arrays.copyOf(longest, values.length));
                }
            }
        });
    }
}
