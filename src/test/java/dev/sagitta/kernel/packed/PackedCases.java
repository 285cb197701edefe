package dev.sagitta.kernel.packed;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Packed weights of 4096 x 4096 (larger ones where the name says so), groups of 64, symmetric. What reads them takes turns on as many matrices
 * as no cache holds, so that weights come from memory.
 */
final class PackedCases implements TimedCases {
    private static final int N = 4096;
    private static final int GROUP = 64;
    private static final int LARGE = 8192;
    private static final int ROWS_CHECKED = 9;
    private static final int[] WIDTHS = {2, 3, 4, 8};
    private static final List<Integer> ROWS = List.of(4, 16, 64, 512);

    @Override
    public List<TimedCase> cases() {
        List<TimedCase> cases = new ArrayList<>();
        for (int bits : WIDTHS) {
            cases.add(TimedCase.of("qmatvec_w" + bits, bench -> product(bench, bits, 1, N)));
        }
        for (int m : ROWS) {
            cases.add(TimedCase.of("qmatmul_w4_m" + m, bench -> product(bench, 4, m, N)));
        }
        cases.add(TimedCase.of("qmatmul_backward_w4_m16", PackedCases::backward));
        cases.add(TimedCase.of("quantize_fit_w4", bench -> quantize(bench, true)));
        cases.add(TimedCase.of("quantize_pack_w4", bench -> quantize(bench, false)));
        cases.add(TimedCase.of("repack_w4", PackedCases::repack));
        cases.add(TimedCase.of("dequantize_w4", PackedCases::dequantize));
        for (int bits : WIDTHS) {
            cases.add(sweep("qmatvec_w" + bits + "_" + LARGE, bits, 1, LARGE));
        }
        for (int m : new int[] {2, 4, 8, 16, 32, 64, 128, 256, 512}) {
            for (int bits : WIDTHS) {
                if (bits != 4 || !ROWS.contains(m)) {
                    cases.add(sweep("qmatmul_w" + bits + "_m" + m, bits, m, N));
                }
            }
        }
        return cases;
    }

    private static TimedCase sweep(String name, int bits, int m, int n) {
        return TimedCase.of(name, bench -> product(bench, bits, m, n)).where(TimedCase.Where.ON_GPU);
    }

    private static QuantFormat format(int bits) {
        return new QuantFormat(bits, GROUP, true);
    }

    /** Random codes and steps: what they say is of no account for the time, as long as it is not constant. */
    private static PackedWeights random(Bench bench, int bits, PackedWeights.Layout layout, int n) {
        Tensor words = bench.words(
                "W.packed", PackedWeights.wordsShape(format(bits), layout, n, n).toArray());
        Tensor scales = bench.uniform(
                "W.scales",
                PackedWeights.groupsShape(format(bits), layout, n, n).toArray());
        return new PackedWeights(format(bits), layout, n, n, words, scales, null);
    }

    private static PackedWeights empty(Bench bench, PackedWeights.Layout layout, int n) {
        long[] words = PackedWeights.wordsShape(format(4), layout, n, n).toArray();
        long[] groups = PackedWeights.groupsShape(format(4), layout, n, n).toArray();
        return new PackedWeights(
                format(4),
                layout,
                n,
                n,
                bench.output("Q.packed", DType.U32, words),
                bench.output("Q.scales", DType.F32, groups),
                null);
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

    private static void product(Bench bench, int bits, int m, int full) {
        int n = bench.side(full);
        Tensor x = bench.normal("x", m, n);
        Tensor y = bench.output("y", DType.F32, m, n);
        PackedWeights w = random(bench, bits, PackedWeights.Layout.PANELS, n);
        QMatmul.Forward work = QMatmul.forward(x, w, null, y);
        bench.runInTurn(
                w.bytes(), work, i -> QMatmul.forward(x, random(bench, bits, PackedWeights.Layout.PANELS, n), null, y));
        bench.check(() -> {
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
                    Bench.near(y, (long) i * n + row, actual[i * n + row], sum, magnitude, work.tolerance());
                }
            }
        });
    }

    private static void backward(Bench bench) {
        int m = 16;
        int n = bench.side(N);
        Tensor dy = bench.normal("dy", m, n);
        Tensor dx = bench.output("dx", DType.F32, m, n);
        PackedWeights w = random(bench, 4, PackedWeights.Layout.PANELS, n);
        QMatmul.Backward work = QMatmul.backward(dy, w, dx);
        bench.runInTurn(
                w.bytes(), work, i -> QMatmul.backward(dy, random(bench, 4, PackedWeights.Layout.PANELS, n), dx));
        bench.check(() -> {
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
                Bench.near(dx, k, actual[k], sums[k], magnitudes[k], work.tolerance());
            }
        });
    }

    /** Checked by what comes back: no weight is further from its code than half a step, or was clipped to the last code. */
    private static void quantize(Bench bench, boolean fit) {
        int n = bench.side(N);
        Tensor weights = bench.normal("W", n, n);
        PackedWeights packed = empty(bench, PackedWeights.Layout.ROWS, n);
        Tensor errors = bench.output("errors", DType.F32, n);
        Tensor back = bench.output("back", DType.F32, n, n);
        Quantize.Pack pack = Quantize.pack(weights, packed, errors);
        Descriptor work = fit ? Quantize.fit(weights, packed) : pack;
        bench.runAfter(Quantize.of(weights, packed, errors), work);
        bench.check(() -> {
            bench.once(pack);
            bench.once(Quantize.dequantize(packed, back));
            float[] before = bench.floats(weights);
            float[] after = bench.floats(back);
            float[] steps = bench.floats(packed.scales());
            for (int i = 0; i < before.length; i++) {
                double step = Math.abs(steps[i / GROUP]);
                boolean clipped = Math.abs(after[i]) >= 6.9 * step;
                if (!(Math.abs(before[i] - after[i]) <= 0.5001 * step) && !clipped) {
                    Bench.near(back, i, after[i], before[i], step, work.tolerance());
                }
            }
        });
    }

    private static void repack(Bench bench) {
        int n = bench.side(N);
        PackedWeights rows = random(bench, 4, PackedWeights.Layout.ROWS, n);
        PackedWeights panels = empty(bench, PackedWeights.Layout.PANELS, n);
        Quantize.Repack work = new Quantize.Repack(true, rows.words(), panels.words());
        bench.runInTurn(
                work.bytes(),
                work,
                i -> new Quantize.Repack(
                        true,
                        random(bench, 4, PackedWeights.Layout.ROWS, n).words(),
                        empty(bench, PackedWeights.Layout.PANELS, n).words()));
        bench.check(() -> {
            int[] from = bench.ints(rows.words());
            int[] to = bench.ints(panels.words());
            int width = from.length / n;
            for (int i = 0; i < from.length; i++) {
                int row = i / width;
                int at = (row / 16 * width + i % width) * 16 + row % 16;
                Bench.same(panels.words(), at, to[at], from[i]);
            }
        });
    }

    private static void dequantize(Bench bench) {
        int n = bench.side(N);
        PackedWeights packed = random(bench, 4, PackedWeights.Layout.PANELS, n);
        Tensor weights = bench.output("W", DType.F32, n, n);
        Quantize.Dequantize work = Quantize.dequantize(packed, weights);
        bench.run(work);
        bench.check(() -> {
            int[] words = bench.ints(packed.words());
            float[] scales = bench.floats(packed.scales());
            for (int row = 0; row < n; row += Math.max(1, n / ROWS_CHECKED)) {
                double[] expected = row(words, scales, packed.format(), row, n);
                float[] actual = bench.floats(weights, (long) row * n, n);
                for (int k = 0; k < n; k++) {
                    Bench.near(weights, (long) row * n + k, actual[k], (float) expected[k], 0, work.tolerance());
                }
            }
        });
    }
}
