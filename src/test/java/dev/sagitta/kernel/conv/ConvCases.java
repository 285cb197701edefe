package dev.sagitta.kernel.conv;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Window;
import dev.sagitta.kernel.conv.Conv.Problem;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** Convolutions of residual and mobile networks, 16 images at a time; some outputs are compared with sums in fp64. */
final class ConvCases implements TimedCases {
    private static final int IMAGES = 16;
    private static final int SAMPLES = 64;
    /** A side that the suite shortens, and that of images there: tiles that are not full. */
    private static final int FULL = 4096;

    private static final int SMALL = 20;
    /** Of the terms of an output: Winograd's way, which CPUs take, adds up larger ones than the definition's. */
    private static final Tolerance CLOSE = new Tolerance(1e-5, 1e-9);

    @Override
    public List<TimedCase> cases() {
        Window same = new Window(3, 3, 1, 1, 1, 1, 1, 1);
        Window pixel = new Window(1, 1, 1, 1, 0, 0, 1, 1);
        return List.of(
                TimedCase.of("conv_3x3_64", bench -> forward(bench, 56, 64, 64, 1, same)),
                TimedCase.of("conv_3x3_64_input", bench -> input(bench, 56, 64, same)),
                TimedCase.of("conv_3x3_64_weight", bench -> weight(bench, 56, 64, same)),
                TimedCase.of("conv_1x1_256_64", bench -> forward(bench, 56, 256, 64, 1, pixel)),
                TimedCase.of("conv_depthwise_3x3_96", bench -> forward(bench, 56, 96, 96, 96, same)),
                TimedCase.of(
                        "conv_stem_7x7", bench -> forward(bench, 224, 3, 64, 1, new Window(7, 7, 2, 2, 3, 3, 1, 1))));
    }

    private static Problem problem(Bench bench, int full, int channels, int outputs, int groups, Window w) {
        boolean small = bench.side(FULL) < FULL;
        long images = small ? 2 : IMAGES;
        long side = small ? SMALL : full;
        return new Problem(
                1, images, side, side, channels, w.outputHeight(side), w.outputWidth(side), outputs, groups, w);
    }

    private static Tensor inputs(Bench bench, String name, Problem p) {
        return bench.normal(name, 1, p.batch(), p.height(), p.width(), p.channels());
    }

    private static Tensor outputs(Bench bench, String name, Problem p) {
        return bench.normal(name, 1, p.batch(), p.outputHeight(), p.outputWidth(), p.outputs());
    }

    private static Tensor weights(Bench bench, Problem p) {
        Window w = p.window();
        return bench.normal("w", 1, p.outputs(), p.channels() / p.groups(), w.height(), w.width());
    }

    private static Tensor scratch(Bench bench, long bytes) {
        return bytes == 0 ? null : bench.output("scratch", DType.U8, bytes);
    }

    private static void forward(Bench bench, int full, int channels, int outputs, int groups, Window window) {
        Problem p = problem(bench, full, channels, outputs, groups, window);
        Tensor x = inputs(bench, "x", p);
        Tensor w = weights(bench, p);
        Tensor y = bench.output("y", DType.F32, 1, p.batch(), p.outputHeight(), p.outputWidth(), p.outputs());
        Tensor scratch = scratch(bench, Conv.scratchBytes(bench.device(), p, 1, false));
        bench.run(new Conv.Forward(x, w, null, y, groups, window, 1, false, scratch));
        bench.check(() -> sampled(bench, y, x, w, (i, sums) -> sums.ofOutput(p, i)));
    }

    private static void input(Bench bench, int full, int channels, Window window) {
        Problem p = problem(bench, full, channels, channels, 1, window);
        Tensor dy = outputs(bench, "dy", p);
        Tensor w = weights(bench, p);
        Tensor dx = bench.output("dx", DType.F32, 1, p.batch(), p.height(), p.width(), p.channels());
        Tensor scratch = scratch(bench, Conv.scratchBytes(bench.device(), p, 1, true));
        bench.run(new Conv.Input(dy, w, dx, 1, window, 1, false, scratch));
        bench.check(() -> sampled(bench, dx, dy, w, (i, sums) -> sums.ofInput(p, i)));
    }

    private static void weight(Bench bench, int full, int channels, Window window) {
        Problem p = problem(bench, full, channels, channels, 1, window);
        Tensor dy = outputs(bench, "dy", p);
        Tensor x = inputs(bench, "x", p);
        Tensor dw = bench.output(
                "dw",
                DType.F32,
                1,
                p.outputs(),
                p.channels(),
                p.window().height(),
                p.window().width());
        Tensor scratch = scratch(bench, Conv.weightScratchBytes(bench.device(), p));
        bench.run(new Conv.Weight(dy, x, dw, 1, window, false, scratch));
        bench.check(() -> sampled(bench, dw, dy, x, (i, sums) -> sums.ofWeight(p, i)));
    }

    private interface Sample {
        void of(long i, Sums sums);
    }

    /** Elements from all over a result, each against its sum. */
    private static void sampled(Bench bench, Tensor result, Tensor a, Tensor b, Sample sample) {
        float[] left = bench.floats(a);
        float[] right = bench.floats(b);
        for (int s = 0; s < SAMPLES; s++) {
            long i = s * (result.elements() - 1) / (SAMPLES - 1);
            Sums sums = new Sums(left, right);
            sample.of(i, sums);
            double actual = bench.floats(result, i, 1)[0];
            Bench.near(result, i, actual, sums.sum, sums.magnitude, CLOSE);
        }
    }

    /** A sum of products and its size, from the definition. */
    private static final class Sums {
        private final float[] a;
        private final float[] b;
        private double sum;
        private double magnitude;

        Sums(float[] a, float[] b) {
            this.a = a;
            this.b = b;
        }

        private void add(long i, long j) {
            double term = (double) a[(int) i] * b[(int) j];
            sum += term;
            magnitude += Math.abs(term);
        }

        /** Of x and w. */
        void ofOutput(Problem p, long i) {
            long o = i % p.outputs();
            long inner = p.channels() / p.groups();
            Window v = p.window();
            for (int k = 0; k < p.taps(); k++) {
                long h = i / p.outputs() / p.outputWidth() % p.outputHeight() * v.strideHeight()
                        - v.paddingHeight()
                        + k / v.width();
                long w = i / p.outputs() % p.outputWidth() * v.strideWidth() - v.paddingWidth() + k % v.width();
                long image = i / p.outputs() / p.outputWidth() / p.outputHeight();
                for (long c = 0; c < inner && h >= 0 && h < p.height() && w >= 0 && w < p.width(); c++) {
                    long channel = o / (p.outputs() / p.groups()) * inner + c;
                    add(
                            ((image * p.height() + h) * p.width() + w) * p.channels() + channel,
                            (o * inner + c) * p.taps() + k);
                }
            }
        }

        /** Of dy and w, of one group and stride 1. */
        void ofInput(Problem p, long i) {
            long c = i % p.channels();
            Window v = p.window();
            for (int k = 0; k < p.taps(); k++) {
                long h = i / p.channels() / p.width() % p.height() + v.paddingHeight() - k / v.width();
                long w = i / p.channels() % p.width() + v.paddingWidth() - k % v.width();
                long image = i / p.channels() / p.width() / p.height();
                for (long o = 0;
                        o < p.outputs() && h >= 0 && h < p.outputHeight() && w >= 0 && w < p.outputWidth();
                        o++) {
                    add(
                            ((image * p.outputHeight() + h) * p.outputWidth() + w) * p.outputs() + o,
                            (o * p.channels() + c) * p.taps() + k);
                }
            }
        }

        /** Of dy and x, of one group and stride 1. */
        void ofWeight(Problem p, long i) {
            int k = (int) (i % p.taps());
            long c = i / p.taps() % p.channels();
            long o = i / p.taps() / p.channels();
            Window v = p.window();
            for (long at = 0; at < p.batch() * p.outputHeight() * p.outputWidth(); at++) {
                long h = at / p.outputWidth() % p.outputHeight() - v.paddingHeight() + k / v.width();
                long w = at % p.outputWidth() - v.paddingWidth() + k % v.width();
                long image = at / p.outputWidth() / p.outputHeight();
                if (h >= 0 && h < p.height() && w >= 0 && w < p.width()) {
                    add(at * p.outputs() + o, ((image * p.height() + h) * p.width() + w) * p.channels() + c);
                }
            }
        }
    }
}
