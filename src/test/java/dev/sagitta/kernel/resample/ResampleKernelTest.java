package dev.sagitta.kernel.resample;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** Maps that no op makes: of some taps anywhere, none at all, and their transposes. */
final class ResampleKernelTest extends KernelSuite {
    private static final Tolerance CLOSE = new Tolerance(6e-7, 1e-30);

    @Override
    protected List<KernelCase> cases() {
        return List.of(
                new KernelCase(
                        "sparse maps", true, bench -> map(bench, 2, 5, sparse(bench, 4, 7), sparse(bench, 6, 3))),
                new KernelCase(
                        "no tap in a row",
                        true,
                        bench -> map(
                                bench,
                                1,
                                17,
                                AxisTaps.padded(2, 1, 1, AxisTaps.Beyond.CONSTANT),
                                AxisTaps.linear(3, 5, false))),
                new KernelCase(
                        "transposed",
                        true,
                        bench -> map(
                                bench,
                                2,
                                3,
                                sparse(bench, 5, 6).transposed(),
                                AxisTaps.adaptive(7, 3).transposed())),
                new KernelCase(
                        "many",
                        false,
                        bench -> map(bench, 9, 64, AxisTaps.linear(16, 32, false), AxisTaps.nearest(16, 33))));
    }

    /** Of each output up to three taps. */
    private static AxisTaps sparse(KernelBench bench, int inputs, int outputs) {
        float[] draws = bench.normal(3L * outputs);
        int[] starts = new int[outputs + 1];
        int[] positions = new int[3 * outputs];
        float[] weights = new float[3 * outputs];
        int count = 0;
        for (int o = 0; o < outputs; o++) {
            for (int t = 0; t < o % 4; t++) {
                positions[count] = (o + t) % inputs;
                weights[count++] = draws[3 * o + t];
            }
            starts[o + 1] = count;
        }
        return new AxisTaps(
                inputs, starts, java.util.Arrays.copyOf(positions, count), java.util.Arrays.copyOf(weights, count));
    }

    private static void map(KernelBench bench, int images, int channels, AxisTaps rows, AxisTaps columns) {
        int height = rows.inputs();
        int width = columns.inputs();
        float[] x = bench.normal((long) images * height * width * channels);
        long[] map = AxisTaps.map(rows, columns);
        float[] weights = AxisTaps.weights(rows, columns);
        Tensor y = bench.output("y", DType.F32, images, rows.outputs(), columns.outputs(), channels);
        bench.run(new Resample(
                bench.input("x", x, images, height, width, channels),
                bench.input("map", map, map.length),
                bench.input("weights", weights, weights.length),
                y,
                0.5f));
        double[] expected = new double[(int) y.elements()];
        double[] sizes = new double[expected.length];
        for (int i = 0; i < expected.length; i++) {
            int c = i % channels;
            int q = i / channels % columns.outputs();
            int p = i / channels / columns.outputs() % rows.outputs();
            int image = i / channels / columns.outputs() / rows.outputs();
            boolean none = true;
            for (int h = rows.starts()[p]; h < rows.starts()[p + 1]; h++) {
                for (int w = columns.starts()[q]; w < columns.starts()[q + 1]; w++) {
                    int at = ((image * height + rows.positions()[h]) * width + columns.positions()[w]) * channels + c;
                    double term = (double) rows.weights()[h] * columns.weights()[w] * x[at];
                    expected[i] += term;
                    sizes[i] += Math.abs(term);
                    none = false;
                }
            }
            if (none) {
                expected[i] = 0.5;
                sizes[i] = 0.5;
            }
        }
        bench.compare(y, expected, sizes, CLOSE);
    }
}
