package dev.sagitta.bench;

import dev.sagitta.device.MemoryCategory;
import dev.sagitta.kernel.DequantizeWeights;
import dev.sagitta.kernel.PackedWeights;
import dev.sagitta.kernel.QMatmul;
import dev.sagitta.kernel.QMatmulBackward;
import dev.sagitta.kernel.QuantFormat;
import dev.sagitta.kernel.QuantizeWeights;
import dev.sagitta.kernel.Random;
import dev.sagitta.kernel.RepackWeights;
import dev.sagitta.kernel.Step;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/** Packed weights of 4096 x 4096, groups of 64, symmetric. Products take turns on sixteen matrices, so that weights come from memory. */
final class PackedWeightWorkloads {
    private static final int N = 4096;
    private static final int GROUP = 64;
    private static final int MATRICES = 16;
    private static final int ROWS_CHECKED = 9;

    private PackedWeightWorkloads() {}

    static void add(Map<String, Catalogue.Builder> all) {
        for (int bits : new int[] {2, 3, 4, 8}) {
            all.put("qmatvec_w" + bits, bench -> product(bench, bits, 1));
        }
        for (int m : new int[] {4, 16, 64, 512}) {
            all.put("qmatmul_w4_m" + m, bench -> product(bench, 4, m));
        }
        all.put("qmatmul_backward_w4_m16", PackedWeightWorkloads::backward);
        all.put("quantize_fit_w4", bench -> quantize(bench, true));
        all.put("quantize_pack_w4", bench -> quantize(bench, false));
        all.put("repack_w4", PackedWeightWorkloads::repack);
        all.put("dequantize_w4", PackedWeightWorkloads::dequantize);
    }

    private static PackedWeights allocate(BenchDevice bench, int bits, PackedWeights.Layout layout, String name) {
        QuantFormat format = new QuantFormat(bits, GROUP, true);
        PackedWeights packed = PackedWeights.allocate(bench.device, MemoryCategory.WEIGHTS, name, format, layout, N, N);
        bench.own(packed.words().buffer());
        bench.own(packed.scales().buffer());
        return packed;
    }

    /** Random codes and steps: what they say is of no account for the time, as long as it is not constant. */
    private static PackedWeights random(BenchDevice bench, int bits, PackedWeights.Layout layout, int index) {
        PackedWeights packed = allocate(bench, bits, layout, "W" + index);
        bench.once(Random.bits(bench.state(), 2000 + index, packed.words()));
        bench.once(Random.uniform(bench.state(), 3000 + index, packed.scales()));
        return packed;
    }

    /** Row {@code row} of the weights by docs/packed-weights.md, panels. */
    private static double[] row(int[] words, float[] scales, QuantFormat format, int row) {
        double[] values = new double[N];
        int bits = format.bits();
        int width = (int) format.panelWords(N);
        int groups = (int) format.groups(N);
        for (int k = 0; k < N; k++) {
            int code = 0;
            for (int b = 0; b < bits; b++) {
                int bit = k * bits + b;
                int word = words[(row / 16 * width + bit / 32) * 16 + row % 16];
                code |= (word >>> bit % 32 & 1) << b;
            }
            values[k] = scales[(row / 16 * groups + k / GROUP) * 16 + row % 16] * (double) (code - (1 << bits - 1));
        }
        return values;
    }

    static Workload product(BenchDevice bench, int bits, int m) {
        Tensor x = bench.normal("x", m, N);
        Tensor y = bench.empty("y", DType.F32, m, N);
        Step[] steps = new Step[MATRICES];
        PackedWeights first = null;
        QMatmul work = null;
        for (int i = MATRICES - 1; i >= 0; i--) {
            first = random(bench, bits, PackedWeights.Layout.PANELS, i);
            work = QMatmul.of(x, first, y);
            steps[i] = bench.prepare(work);
        }
        PackedWeights w = first;
        QMatmul checked = work;
        return new Workload(steps, work.bytes(), work.flops(), () -> {
            int[] words = bench.ints(w.words());
            float[] scales = bench.floats(w.scales());
            float[] inputs = bench.floats(x);
            float[] actual = bench.floats(y);
            for (int r = 0; r < ROWS_CHECKED; r++) {
                int row = (N - 1) * r / (ROWS_CHECKED - 1);
                double[] weights = row(words, scales, w.format(), row);
                for (int i = 0; i < m; i++) {
                    double sum = 0;
                    double magnitude = 0;
                    for (int k = 0; k < N; k++) {
                        sum += weights[k] * inputs[i * N + k];
                        magnitude += Math.abs(weights[k] * inputs[i * N + k]);
                    }
                    Samples.near(y, (long) i * N + row, actual[i * N + row], sum, magnitude, checked.tolerance());
                }
            }
        });
    }

    private static Workload backward(BenchDevice bench) {
        int m = 16;
        Tensor dy = bench.normal("dy", m, N);
        Tensor dx = bench.empty("dx", DType.F32, m, N);
        PackedWeights w = random(bench, 4, PackedWeights.Layout.PANELS, 0);
        QMatmulBackward work = new QMatmulBackward(dy, w, dx);
        return Workload.of(bench, work, () -> {
            int[] words = bench.ints(w.words());
            float[] scales = bench.floats(w.scales());
            float[] cotangent = bench.floats(dy, 0, N);
            double[] sums = new double[N];
            double[] magnitudes = new double[N];
            for (int row = 0; row < N; row++) {
                double[] weights = row(words, scales, w.format(), row);
                for (int k = 0; k < N; k++) {
                    sums[k] += cotangent[row] * weights[k];
                    magnitudes[k] += Math.abs(cotangent[row] * weights[k]);
                }
            }
            float[] actual = bench.floats(dx, 0, N);
            for (int k = 0; k < N; k++) {
                Samples.near(dx, k, actual[k], sums[k], magnitudes[k], work.tolerance());
            }
        });
    }

    /** Checked by what comes back: no weight is further from its code than half a step, or was clipped to the last code. */
    private static Workload quantize(BenchDevice bench, boolean fit) {
        Tensor weights = bench.normal("W", N, N);
        PackedWeights packed = allocate(bench, 4, PackedWeights.Layout.ROWS, "Q");
        Tensor errors = bench.empty("errors", DType.F32, N);
        Tensor back = bench.empty("back", DType.F32, N, N);
        bench.once(QuantizeWeights.of(weights, packed, errors));
        QuantizeWeights work =
                fit ? QuantizeWeights.fit(weights, packed) : QuantizeWeights.pack(weights, packed, errors);
        return Workload.of(bench, work, () -> {
            bench.once(QuantizeWeights.pack(weights, packed, errors));
            bench.once(new DequantizeWeights(packed, back));
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
        PackedWeights rows = random(bench, 4, PackedWeights.Layout.ROWS, 0);
        PackedWeights panels = allocate(bench, 4, PackedWeights.Layout.PANELS, "panels");
        RepackWeights work = new RepackWeights(true, rows.words(), panels.words());
        return Workload.of(bench, work, () -> {
            int[] from = bench.ints(rows.words());
            int[] to = bench.ints(panels.words());
            int width = from.length / N;
            for (int i = 0; i < from.length; i++) {
                int row = i / width;
                int at = (row / 16 * width + i % width) * 16 + row % 16;
                Samples.same(panels.words(), at, to[at], from[i]);
            }
        });
    }

    private static Workload dequantize(BenchDevice bench) {
        PackedWeights packed = random(bench, 4, PackedWeights.Layout.PANELS, 0);
        Tensor weights = bench.empty("W", DType.F32, N, N);
        DequantizeWeights work = new DequantizeWeights(packed, weights);
        return Workload.of(bench, work, () -> {
            int[] words = bench.ints(packed.words());
            float[] scales = bench.floats(packed.scales());
            for (int row = 0; row < N; row += N / ROWS_CHECKED) {
                double[] expected = row(words, scales, packed.format(), row);
                float[] actual = bench.floats(weights, (long) row * N, N);
                for (int k = 0; k < N; k++) {
                    Samples.near(weights, (long) row * N + k, actual[k], (float) expected[k], 0, work.tolerance());
                }
            }
        });
    }
}
