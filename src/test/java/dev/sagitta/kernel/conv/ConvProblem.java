package dev.sagitta.kernel.conv;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Window;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.function.Supplier;

/** One convolution with random tensors, and its three products in fp64 from their definition. */
final class ConvProblem {
    private static final float SCALE = 0.75f;

    private final KernelBench bench;
    private final Conv.Problem p;
    private final int inner;

    ConvProblem(
            KernelBench bench,
            int copies,
            int batch,
            int height,
            int width,
            int channels,
            int outputs,
            int groups,
            Window window) {
        this.bench = bench;
        this.inner = channels / groups;
        this.p = new Conv.Problem(
                copies,
                batch,
                height,
                width,
                channels,
                window.outputHeight(height),
                window.outputWidth(width),
                outputs,
                groups,
                window);
    }

    /** A tensor and its contents. */
    private record Filled(Tensor tensor, float[] values) {}

    private Filled filled(String name, long... shape) {
        long n = 1;
        for (long extent : shape) {
            n *= extent;
        }
        float[] values = bench.normal(n);
        return new Filled(bench.input(name, values, shape), values);
    }

    private Filled result(String name, boolean add, long... shape) {
        if (!add) {
            return new Filled(bench.output(name, DType.F32, shape), null);
        }
        long n = 1;
        for (long extent : shape) {
            n *= extent;
        }
        float[] values = bench.normal(n);
        return new Filled(bench.inOut(name, values, shape), values);
    }

    private Tensor scratch(long bytes) {
        return bytes == 0 ? null : bench.output("scratch", DType.U8, bytes);
    }

    private long[] images(long copies) {
        return new long[] {copies, p.batch(), p.height(), p.width(), p.channels()};
    }

    private long[] outputs(long copies) {
        return new long[] {copies, p.batch(), p.outputHeight(), p.outputWidth(), p.outputs()};
    }

    private long[] weights(long copies) {
        return new long[] {
            copies, p.outputs(), inner, p.window().height(), p.window().width()
        };
    }

    /** What is done with each multiply-add: indices into x, w and y of one copy. */
    private interface Term {
        void at(int x, int w, int y);
    }

    private void each(Term term) {
        Window v = p.window();
        int each = (int) p.outputs() / p.groups();
        for (int n = 0; n < p.batch(); n++) {
            for (int i = 0; i < p.outputHeight(); i++) {
                for (int j = 0; j < p.outputWidth(); j++) {
                    for (int kh = 0; kh < v.height(); kh++) {
                        for (int kw = 0; kw < v.width(); kw++) {
                            int h = i * v.strideHeight() - v.paddingHeight() + kh * v.dilationHeight();
                            int w = j * v.strideWidth() - v.paddingWidth() + kw * v.dilationWidth();
                            if (h < 0 || h >= p.height() || w < 0 || w >= p.width()) {
                                continue;
                            }
                            int pixel = (int) (((n * p.height() + h) * p.width() + w) * p.channels());
                            int out = (int) (((n * p.outputHeight() + i) * p.outputWidth() + j) * p.outputs());
                            for (int o = 0; o < p.outputs(); o++) {
                                for (int c = 0; c < inner; c++) {
                                    term.at(
                                            pixel + o / each * inner + c,
                                            ((o * inner + c) * v.height() + kh) * v.width() + kw,
                                            out + o);
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    private static int copy(Filled of, int k) {
        int copies = (int) of.tensor.shape().extent(0);
        return copies == 1 ? 0 : k * (of.values.length / copies);
    }

    private void compare(Filled result, double[] sums, double[] magnitudes, Descriptor product) {
        if (result.values != null) {
            for (int i = 0; i < sums.length; i++) {
                sums[i] += result.values[i];
                magnitudes[i] += Math.abs(result.values[i]);
            }
        }
        bench.compare(result.tensor, sums, magnitudes, product.tolerance());
    }

    /** In the place of the definition's terms, those that Winograd's way adds up, where it is taken. */
    private void winograd(double[] magnitudes, int from, double scale, Supplier<double[]> terms) {
        if (Winograd.serves(bench.device(), p)) {
            double[] own = terms.get();
            for (int i = 0; i < own.length; i++) {
                magnitudes[from + i] = scale * own[i];
            }
        }
    }

    void forward(int xs, int ws, boolean add) {
        Filled x = filled("x", images(xs));
        Filled w = filled("w", weights(ws));
        Filled b = filled("bias", ws, p.outputs());
        Filled y = result("y", add, outputs(p.copies()));
        Tensor scratch = scratch(Conv.scratchBytes(bench.device(), p, ws, false));
        Conv.Forward product = new Conv.Forward(
                x.tensor, w.tensor, add ? null : b.tensor, y.tensor, p.groups(), p.window(), SCALE, add, scratch);
        bench.run(product);
        int n = (int) y.tensor.elements() / (int) p.copies();
        double[] sums = new double[n * (int) p.copies()];
        double[] magnitudes = new double[sums.length];
        for (int k = 0; k < p.copies(); k++) {
            int from = k * n;
            int atX = copy(x, k);
            int atW = copy(w, k);
            each((i, j, o) -> {
                double term = SCALE * (double) x.values[atX + i] * w.values[atW + j];
                sums[from + o] += term;
                magnitudes[from + o] += Math.abs(term);
            });
            winograd(magnitudes, from, SCALE, () -> WinogradMagnitudes.of(p, x.values, atX, w.values, atW, false));
            for (int i = 0; !add && i < n; i++) {
                float bias = b.values[copy(b, k) + i % (int) p.outputs()];
                sums[from + i] += bias;
                magnitudes[from + i] += Math.abs(bias);
            }
        }
        compare(y, sums, magnitudes, product);
    }

    void input(int dys, int ws, boolean add) {
        Filled dy = filled("dy", outputs(dys));
        Filled w = filled("w", weights(ws));
        Filled dx = result("dx", add, images(p.copies()));
        Tensor scratch = scratch(Conv.scratchBytes(bench.device(), p, ws, true));
        Conv.Input product =
                new Conv.Input(dy.tensor, w.tensor, dx.tensor, p.groups(), p.window(), SCALE, add, scratch);
        bench.run(product);
        int n = (int) dx.tensor.elements() / (int) p.copies();
        double[] sums = new double[n * (int) p.copies()];
        double[] magnitudes = new double[sums.length];
        for (int k = 0; k < p.copies(); k++) {
            int from = k * n;
            int atY = copy(dy, k);
            int atW = copy(w, k);
            each((i, j, o) -> {
                double term = SCALE * (double) dy.values[atY + o] * w.values[atW + j];
                sums[from + i] += term;
                magnitudes[from + i] += Math.abs(term);
            });
            winograd(magnitudes, from, SCALE, () -> WinogradMagnitudes.of(p, dy.values, atY, w.values, atW, true));
        }
        compare(dx, sums, magnitudes, product);
    }

    void weight(int xs, int dys, boolean add) {
        Filled x = filled("x", images(xs));
        Filled dy = filled("dy", outputs(dys));
        Filled dw = result("dw", add, weights(p.copies()));
        Tensor scratch = scratch(Conv.weightScratchBytes(bench.device(), p));
        Conv.Weight product = new Conv.Weight(dy.tensor, x.tensor, dw.tensor, p.groups(), p.window(), add, scratch);
        bench.run(product);
        int n = (int) dw.tensor.elements() / (int) p.copies();
        double[] sums = new double[n * (int) p.copies()];
        double[] magnitudes = new double[sums.length];
        for (int k = 0; k < p.copies(); k++) {
            int from = k * n;
            int atX = copy(x, k);
            int atY = copy(dy, k);
            each((i, j, o) -> {
                double term = (double) dy.values[atY + o] * x.values[atX + i];
                sums[from + j] += term;
                magnitudes[from + j] += Math.abs(term);
            });
            winograd(magnitudes, from, 1, () -> WinogradMagnitudes.ofWeight(p, x.values, atX, dy.values, atY));
        }
        compare(dw, sums, magnitudes, product);
    }
}
