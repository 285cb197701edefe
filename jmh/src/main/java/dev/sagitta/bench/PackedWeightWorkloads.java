package dev.sagitta.bench;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.packed.PackedWeights;
import dev.sagitta.kernel.packed.QMatmul;
import dev.sagitta.kernel.packed.QuantFormat;
import dev.sagitta.kernel.packed.Quantize;
import dev.sagitta.kernel.random.Random;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/**
 * Packed weights of 4096 x 4096 (larger ones where the name says so), groups of 64, symmetric. What reads them takes turns on as many matrices
 * as no cache holds, so that weights come from memory.
 */
final class PackedWeightWorkloads {
    private static final int N = 4096;
    private static final int GROUP = 64;
    private static final int LARGE = 8192;
    private static final int ROWS_CHECKED = 9;

    private PackedWeightWorkloads() {}

    static void add(Map<String, Catalogue.Builder> all) {
        for (int bits : new int[] {2, 3, 4, 8}) {
            all.put("qmatvec_w" + bits, bench -> product(bench, bits, 1, N));
        }
        for (int m : new int[] {4, 16, 64, 512}) {
            all.put("qmatmul_w4_m" + m, bench -> product(bench, 4, m, N));
        }
        all.put("qmatmul_backward_w4_m16", PackedWeightWorkloads::backward);
        all.put("quantize_fit_w4", bench -> quantize(bench, true));
        all.put("quantize_pack_w4", bench -> quantize(bench, false));
        all.put("repack_w4", PackedWeightWorkloads::repack);
        all.put("dequantize_w4", PackedWeightWorkloads::dequantize);
    }

    /** For a GPU: every width by rows of x, and matrices of 8192 x 8192. */
    static void addSweep(Map<String, Catalogue.Builder> all) {
        for (int bits : new int[] {2, 3, 4, 8}) {
            all.put("qmatvec_w" + bits + "_" + LARGE, bench -> product(bench, bits, 1, LARGE));
        }
        for (int m : new int[] {2, 4, 8, 16, 32, 64, 128, 256, 512}) {
            for (int bits : new int[] {2, 3, 4, 8}) {
                all.put("qmatmul_w" + bits + "_m" + m, bench -> product(bench, bits, m, N));
            }
        }
    }

    static PackedWeights allocate(
            BenchDevice bench, int bits, PackedWeights.Layout layout, String name, long n, long k) {
        QuantFormat format = new QuantFormat(bits, GROUP, true);
        PackedWeights packed = PackedWeights.allocate(bench.device, MemoryCategory.WEIGHTS, name, format, layout, n, k);
        bench.own(packed.words().buffer());
        bench.own(packed.scales().buffer());
        return packed;
    }

    /** Random codes and steps: what they say is of no account for the time, as long as it is not constant. */
    private static PackedWeights random(BenchDevice bench, int bits, PackedWeights.Layout layout, int index, int n) {
        PackedWeights packed = allocate(bench, bits, layout, "W" + index, n, n);
        bench.once(Random.bits(bench.state(), 2000 + index, packed.words()));
        bench.once(Random.uniform(bench.state(), 3000 + index, packed.scales()));
        return packed;
    }

    /** Row {@code row} of the weights by docs/packed-weights.md, panels. */
    private static double[] row(int[] words, float[] scales, QuantFormat format, int row, int n) {
        double[] values = new double[n];
        int bits = format.bits();
        int width = (int) format.panelWords(n);
        int groups = (int) format.groups(n);
        for (int k = 0; k < n; k++) {
            int bit = k * bits;
            int at = (row / 16 * width + bit / 32) * 16 + row % 16;
            long pair = words[at] & 0xFFFFFFFFL;
            if (bit % 32 + bits > 32) {
                pair |= (long) words[at + 16] << 32;
            }
            int code = (int) (pair >>> bit % 32) & (1 << bits) - 1;
            values[k] = scales[(row / 16 * groups + k / GROUP) * 16 + row % 16] * (double) (code - (1 << bits - 1));
        }
        return values;
    }

    static Workload product(BenchDevice bench, int bits, int m, int full) {
        int n = bench.side(full);
        Tensor x = bench.normal("x", m, n);
        Tensor y = bench.empty("y", DType.F32, m, n);
        PackedWeights w = random(bench, bits, PackedWeights.Layout.PANELS, 0, n);
        QMatmul.Forward checked = QMatmul.forward(x, w, null, y);
        Step[] steps = new Step[bench.rotation(w.bytes())];
        steps[0] = bench.prepare(checked);
        for (int i = 1; i < steps.length; i++) {
            steps[i] =
                    bench.prepare(QMatmul.forward(x, random(bench, bits, PackedWeights.Layout.PANELS, i, n), null, y));
        }
        return Workload.of(steps, checked, () -> {
            int[] words = bench.ints(w.words());
            float[] scales = bench.floats(w.scales());
            float[] inputs = bench.floats(x);
            float[] actual = bench.floats(y);
            for (int r = 0; r < ROWS_CHECKED; r++) {
                int row = (n - 1) * r / (ROWS_CHECKED - 1);
                double[] weights = row(words, scales, w.format(), row, n);
                for (int i = 0; i < m; i++) {
                    double sum = 0;
                    double magnitude = 0;
                    for (int k = 0; k < n; k++) {
                        sum += weights[k] * inputs[i * n + k];
                        magnitude += Math.abs(weights[k] * inputs[i * n + k]);
                    }
                    Samples.near(y, (long) i * n + row, actual[i * n + row], sum, magnitude, checked.tolerance());
                }
            }
        });
    }

    private static Workload backward(BenchDevice bench) {
        int m = 16;
        int n = bench.side(N);
        Tensor dy = bench.normal("dy", m, n);
        Tensor dx = bench.empty("dx", DType.F32, m, n);
        PackedWeights w = random(bench, 4, PackedWeights.Layout.PANELS, 0, n);
        QMatmul.Backward work = QMatmul.backward(dy, w, dx);
        Step[] steps = new Step[bench.rotation(w.bytes())];
        steps[0] = bench.prepare(work);
        for (int i = 1; i < steps.length; i++) {
            PackedWeights other = random(bench, 4, PackedWeights.Layout.PANELS, i, n);
            steps[i] = bench.prepare(QMatmul.backward(dy, other, dx));
        }
        return Workload.of(steps, work, () -> {
            int[] words = bench.ints(w.words());
            float[] scales = bench.floats(w.scales());
            float[] cotangent = bench.floats(dy, 0, n);
            double[] sums = new double[n];
            double[] magnitudes = new double[n];
            for (int row = 0; row < n; row++) {
                double[] weights = row(words, scales, w.format(), row, n);
                for (int k = 0; k < n; k++) {
                    sums[k] += cotangent[row] * weights[k];
                    magnitudes[k] += Math.abs(cotangent[row] * weights[k]);
                }
            }
            float[] actual = bench.floats(dx, 0, n);
            for (int k = 0; k < n; k++) {
                Samples.near(dx, k, actual[k], sums[k], magnitudes[k], work.tolerance());
            }
        });
    }

    /** Checked by what comes back: no weight is further from its code than half a step, or was clipped to the last code. */
    private static Workload quantize(BenchDevice bench, boolean fit) {
        int n = bench.side(N);
        Tensor weights = bench.normal("W", n, n);
        PackedWeights packed = allocate(bench, 4, PackedWeights.Layout.ROWS, "Q", n, n);
        Tensor errors = bench.empty("errors", DType.F32, n);
        Tensor back = bench.empty("back", DType.F32, n, n);
        bench.once(Quantize.of(weights, packed, errors));
        Descriptor work = fit ? Quantize.fit(weights, packed) : Quantize.pack(weights, packed, errors);
        return Workload.of(bench, work, () -> {
            bench.once(Quantize.pack(weights, packed, errors));
            bench.once(Quantize.dequantize(packed, back));
            float[] before = bench.floats(weights);
            float[] after = bench.floats(back);
            float[] steps = bench.floats(packed.scales());
            for (int i = 0; i < before.length; i++) {
                double step = Math.abs(steps[i / GROUP]);
                boolean clipped = Math.abs(after[i]) >= 6.9 * step;
                if (!(Math.abs(before[i] - after[i]) <= 0.5001 * step) && !clipped) {
                    Samples.near(back, i, after[i], before[i], step, work.tolerance());
                }
            }
        });
    }

    private static Workload repack(BenchDevice bench) {
        int n = bench.side(N);
        PackedWeights rows = random(bench, 4, PackedWeights.Layout.ROWS, 0, n);
        PackedWeights panels = allocate(bench, 4, PackedWeights.Layout.PANELS, "panels", n, n);
        Quantize.Repack work = new Quantize.Repack(true, rows.words(), panels.words());
        Step[] steps = new Step[bench.rotation(work.bytes())];
        steps[0] = bench.prepare(work);
        for (int i = 1; i < steps.length; i++) {
            PackedWeights from = random(bench, 4, PackedWeights.Layout.ROWS, i, n);
            PackedWeights to = allocate(bench, 4, PackedWeights.Layout.PANELS, "panels", n, n);
            steps[i] = bench.prepare(new Quantize.Repack(true, from.words(), to.words()));
        }
        return Workload.of(steps, work, () -> {
            int[] from = bench.ints(rows.words());
            int[] to = bench.ints(panels.words());
            int width = from.length / n;
            for (int i = 0; i < from.length; i++) {
                int row = i / width;
                int at = (row / 16 * width + i % width) * 16 + row % 16;
                Samples.same(panels.words(), at, to[at], from[i]);
            }
        });
    }

    private static Workload dequantize(BenchDevice bench) {
        int n = bench.side(N);
        PackedWeights packed = random(bench, 4, PackedWeights.Layout.PANELS, 0, n);
        Tensor weights = bench.empty("W", DType.F32, n, n);
        Quantize.Dequantize work = Quantize.dequantize(packed, weights);
        return Workload.of(bench, work, () -> {
            int[] words = bench.ints(packed.words());
            float[] scales = bench.floats(packed.scales());
            for (int row = 0; row < n; row += n / ROWS_CHECKED) {
                double[] expected = row(words, scales, packed.format(), row, n);
                float[] actual = bench.floats(weights, (long) row * n, n);
                for (int k = 0; k < n; k++) {
                    Samples.near(weights, (long) row * n + k, actual[k], (float) expected[k], 0, work.tolerance());
                }
            }
        });
    }
}
