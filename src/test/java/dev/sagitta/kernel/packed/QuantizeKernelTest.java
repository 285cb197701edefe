package dev.sagitta.kernel.packed;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Preparable;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.packed.PackedWeights.Layout;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.BiFunction;

/** Fitting, packing, unpacking and repacking against integer and fp64 arithmetic on the documented layout. */
final class QuantizeKernelTest extends KernelSuite {
    private static final int CLIPS = 25;

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int bits : new int[] {2, 3, 4, 8}) {
            for (int group : new int[] {1, 3, 32, 64, 128}) {
                for (boolean symmetric : new boolean[] {true, false}) {
                    QuantFormat format = new QuantFormat(bits, group, symmetric);
                    for (int[] size : new int[][] {{1, 1}, {17, 131}, {16, 256}}) {
                        boolean small = size[0] == 17 && (group == 3 || group == 64) && symmetric == (bits % 2 == 0);
                        cases.add(
                                roundTrip("normal", format, size[0], size[1], small, (random, k) -> normal(random, k)));
                    }
                }
            }
            for (int group : new int[] {1, 20, 64, 4096}) {
                QuantFormat format = new QuantFormat(bits, group, group == 64);
                cases.add(roundTrip("normal", format, 35, 132, false, QuantizeKernelTest::normal));
                cases.add(roundTrip("normal", format, 5, 1100, false, QuantizeKernelTest::normal));
                KernelCase shifted = roundTrip("shifted", format, 3, 260, group == 64, QuantizeKernelTest::normal);
                cases.add(new KernelCase(
                        shifted.name(), shifted.small(), bench -> shifted.body().accept(bench.shifted(4))));
            }
            QuantFormat wide = new QuantFormat(bits, 64, false);
            cases.add(roundTrip("zeros", wide, 5, 130, false, (random, k) -> new float[k]));
            cases.add(roundTrip("zeros", new QuantFormat(bits, 64, true), 5, 130, false, (random, k) -> new float[k]));
            cases.add(roundTrip(
                    "constant", wide, 5, 130, false, (random, k) -> filled(k, (float) random.nextGaussian())));
            cases.add(roundTrip("one outlier", wide, 5, 130, false, QuantizeKernelTest::outlier));
            cases.add(roundTrip(
                    "one outlier", new QuantFormat(bits, 64, true), 5, 130, false, QuantizeKernelTest::outlier));
            cases.add(roundTrip("tiny", wide, 3, 70, false, (random, k) -> filled(k, Float.MIN_VALUE)));
            cases.add(notFinite(wide));
            cases.add(notFinite(new QuantFormat(bits, 32, true)));
        }
        return cases;
    }

    private static float[] normal(Random random, int k) {
        float[] values = new float[k];
        for (int i = 0; i < k; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static float[] filled(int k, float value) {
        float[] values = new float[k];
        Arrays.fill(values, value);
        return values;
    }

    private static float[] outlier(Random random, int k) {
        float[] values = normal(random, k);
        values[k / 3] = 1e4f;
        return values;
    }

    private record Packed(PackedWeights rows, PackedWeights panels, PackedWeights again) {
        static Packed outputs(KernelBench bench, QuantFormat format, int n, int k) {
            return new Packed(
                    one(bench, "rows", format, Layout.ROWS, n, k),
                    one(bench, "panels", format, Layout.PANELS, n, k),
                    one(bench, "again", format, Layout.ROWS, n, k));
        }

        private static PackedWeights one(
                KernelBench bench, String name, QuantFormat format, Layout layout, int n, int k) {
            long[] words = PackedWeights.wordsShape(format, layout, n, k).toArray();
            long[] groups = PackedWeights.groupsShape(format, layout, n, k).toArray();
            return new PackedWeights(
                    format,
                    layout,
                    n,
                    k,
                    bench.output(name + ".words", DType.U32, words),
                    bench.output(name + ".scales", DType.F32, groups),
                    format.symmetric() ? null : bench.output(name + ".offsets", DType.F32, groups));
        }
    }

    private static KernelCase roundTrip(
            String what, QuantFormat format, int n, int k, boolean small, BiFunction<Random, Integer, float[]> row) {
        String name = "quantize " + what + " " + format + " n=" + n + " k=" + k;
        return new KernelCase(name, small, bench -> {
            float[] values = new float[n * k];
            for (int i = 0; i < n; i++) {
                System.arraycopy(row.apply(bench.random(), k), 0, values, i * k, k);
            }
            Tensor w = bench.input("w", values, n, k);
            Tensor errors = bench.output("errors", DType.F32, n);
            Tensor fromRows = bench.output("from rows", DType.F32, n, k);
            Tensor fromPanels = bench.output("from panels", DType.F32, n, k);
            Packed packed = Packed.outputs(bench, format, n, k);
            bench.run(Preparable.sequence(
                            Quantize.of(w, packed.rows(), errors),
                            Quantize.repack(packed.rows(), packed.panels()),
                            Quantize.repack(packed.panels(), packed.again()),
                            Quantize.dequantize(packed.rows(), fromRows),
                            Quantize.dequantize(packed.panels(), fromPanels))
                    .prepare(bench.device()));

            PackedReference read = read(bench, packed.rows());
            assertThat(bench.bytes(packed.rows().words()))
                    .as("words hold the codes and nothing else")
                    .isEqualTo(read.rowWords());
            assertThat(bench.bytes(packed.panels().words())).as("panels").isEqualTo(read.panelWords());
            assertThat(bench.bytes(packed.panels().scales()))
                    .as("steps in panels")
                    .isEqualTo(read.panelGroups(read.scales()));
            assertThat(bench.bytes(packed.again().words())).as("back in rows").isEqualTo(read.rowWords());
            if (!format.symmetric()) {
                assertThat(bench.bytes(packed.panels().offsets())).isEqualTo(read.panelGroups(read.offsets()));
                assertThat(bench.bytes(packed.again().offsets()))
                        .isEqualTo(bench.bytes(packed.rows().offsets()));
            }
            float[] dequantised = bench.floats(fromRows);
            assertThat(bench.floats(fromPanels)).isEqualTo(dequantised);
            double[] squared = new double[n];
            for (int i = 0; i < n; i++) {
                for (int e = 0; e < k; e++) {
                    assertThat(dequantised[i * k + e])
                            .as("weight [%d, %d]", i, e)
                            .isEqualTo(read.weight(i, e));
                    double d = (double) values[i * k + e] - dequantised[i * k + e];
                    squared[i] += d * d;
                }
                for (int from = 0; from < k; from += format.group()) {
                    checkGroup(
                            read,
                            Arrays.copyOfRange(values, i * k + from, i * k + Math.min(k, from + format.group())),
                            i,
                            from);
                }
            }
            bench.compare(errors, squared, new Tolerance(2e-5, 1e-12));
        });
    }

    private static PackedReference read(KernelBench bench, PackedWeights rows) {
        return PackedReference.read(
                rows.format(),
                (int) rows.n(),
                (int) rows.k(),
                bench.bytes(rows.words()),
                bench.floats(rows.scales()),
                rows.offsets() == null ? null : bench.floats(rows.offsets()));
    }

    /** Codes are the nearest ones, and no clip of the grid has a smaller error. */
    private static void checkGroup(PackedReference read, float[] w, int row, int from) {
        int bits = read.format().bits();
        int half = 1 << bits - 1;
        boolean symmetric = read.format().symmetric();
        float step = read.scales()[row][from / read.format().group()];
        float centre = symmetric ? 0 : read.offsets()[row][from / read.format().group()];
        double chosen = 0;
        for (int e = 0; e < w.length; e++) {
            double d = Math.abs((double) w[e] - read.weight(row, from + e));
            chosen += d * d;
            double nearest = Math.abs(w[e] - nearest(w[e], step, centre, half));
            assertThat(d)
                    .as("error of weight [%d, %d]", row, from + e)
                    .isLessThanOrEqualTo(nearest + 1e-6 * (Math.abs(w[e]) + Math.abs(centre)));
        }
        double low = w[0];
        double high = w[0];
        for (float v : w) {
            low = Math.min(low, v);
            high = Math.max(high, v);
        }
        double best = Double.POSITIVE_INFINITY;
        for (int sign : symmetric ? new int[] {1, -1} : new int[] {1}) {
            double base = !symmetric
                    ? (high - low) / (2 * half - 1)
                    : sign > 0 ? Math.max(high / (half - 1), -low / half) : Math.max(-low / (half - 1), high / half);
            for (int i = 0; i < CLIPS; i++) {
                double s = sign * base * (1 - i / 32.0);
                double c = symmetric ? 0 : (low + high) / 2 + s / 2;
                double sum = 0;
                for (float v : w) {
                    double d = v - nearest(v, s, c, half);
                    sum += d * d;
                }
                best = Math.min(best, sum);
            }
        }
        double largest = Math.max(Math.abs(high), Math.abs(low));
        double rounding = 4e-7 * largest; // of each fp32 difference
        double bound =
                best * (1 + 1e-4) + 2 * rounding * Math.sqrt(best * w.length) + rounding * rounding * w.length + 1e-58;
        assertThat(chosen)
                .as("squared error of the group at [%d, %d]", row, from)
                .isLessThanOrEqualTo(bound);
    }

    private static double nearest(double w, double step, double centre, int half) {
        double q = step == 0 ? 0 : Math.rint((w - centre) / step);
        return step * Math.max(-half, Math.min(half - 1, q)) + centre;
    }

    private static KernelCase notFinite(QuantFormat format) {
        return new KernelCase("quantize NaN and infinity " + format, false, bench -> {
            int n = 4;
            int k = 150;
            float[] values = bench.normal(n * k);
            values[k + 70] = Float.NaN;
            values[2 * k] = Float.POSITIVE_INFINITY;
            values[3 * k + 149] = Float.NEGATIVE_INFINITY;
            Tensor errors = bench.output("errors", DType.F32, n);
            PackedWeights rows = Packed.outputs(bench, format, n, k).rows();
            bench.run(
                    Quantize.fit(bench.input("w", values, n, k), rows),
                    Quantize.pack(bench.input("v", values, n, k), rows, errors));
            float[] found = bench.floats(errors);
            assertThat(found[0]).isFinite();
            for (int i = 1; i < n; i++) {
                assertThat(found[i])
                        .as("error of row %d, which is not finite", i)
                        .isNaN();
            }
            PackedReference read = read(bench, rows);
            assertThat(read.scales()[1][70 / format.group()]).isZero();
            assertThat(read.weight(1, 70)).isZero();
            assertThat(read.scales()[2][0]).isZero();
            assertThat(read.scales()[3][149 / format.group()]).isZero();
        });
    }
}
