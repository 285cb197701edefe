package dev.sagitta.kernel.pool;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Window;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

final class MaxPoolKernelTest extends KernelSuite {
    private static final Tolerance CLOSE = new Tolerance(3e-7, 1e-30);

    /** Oclgrind 21 chooses other lanes by a vector of comparisons than devices do. */
    @Override
    protected boolean isInterpretedOnCpus() {
        return false;
    }

    @Override
    protected List<KernelCase> cases() {
        return List.of(
                new KernelCase(
                        "2 x 2", true, bench -> pool(bench, 2, 5, 6, 7, new Window(2, 2, 2, 2, 0, 0, 1, 1), false)),
                new KernelCase(
                        "3 x 3", true, bench -> pool(bench, 2, 5, 7, 19, new Window(3, 3, 2, 2, 1, 1, 1, 1), false)),
                new KernelCase(
                        "5 x 4, dilated",
                        true,
                        bench -> pool(bench, 1, 9, 12, 33, new Window(5, 4, 1, 3, 2, 1, 2, 1), false)),
                new KernelCase(
                        "ties", true, bench -> pool(bench, 1, 4, 4, 3, new Window(3, 3, 1, 1, 1, 1, 1, 1), true)),
                new KernelCase(
                        "many", false, bench -> pool(bench, 3, 33, 35, 64, new Window(2, 2, 2, 2, 0, 0, 1, 1), false)));
    }

    private static void pool(
            KernelBench bench, int copies, int height, int width, int channels, Window w, boolean ties) {
        int batch = 2;
        int outHeight = (int) w.outputHeight(height);
        int outWidth = (int) w.outputWidth(width);
        int n = batch * height * width * channels;
        int outs = batch * outHeight * outWidth * channels;
        float[] x = bench.normal(n);
        for (int i = 0; ties && i < n; i++) {
            x[i] = Math.signum(x[i]);
        }
        if (ties) {
            x[5] = Float.NaN;
        }
        float[] xt = bench.normal((long) copies * n);
        float[] dy = bench.normal((long) copies * outs);
        Tensor y = bench.output("y", DType.F32, 1, batch, outHeight, outWidth, channels);
        Tensor offsets =
                bench.output("offsets", DType.U32, (long) batch * outHeight * outWidth * MaxPool.words(w, channels));
        Tensor yt = bench.output("yt", DType.F32, copies, batch, outHeight, outWidth, channels);
        Tensor dx = bench.output("dx", DType.F32, copies, batch, height, width, channels);
        bench.run(
                new MaxPool.Forward(bench.input("x", x, 1, batch, height, width, channels), y, offsets, w),
                new MaxPool.Gather(bench.input("xt", xt, copies, batch, height, width, channels), offsets, yt, w),
                new MaxPool.Scatter(
                        bench.input("dy", dy, copies, batch, outHeight, outWidth, channels), offsets, dx, w));
        double[] best = new double[outs];
        double[] moved = new double[copies * outs];
        double[] back = new double[copies * n];
        double[] size = new double[copies * n];
        for (int i = 0; i < outs; i++) {
            int c = i % channels;
            int q = i / channels % outWidth;
            int p = i / channels / outWidth % outHeight;
            int image = i / channels / outWidth / outHeight;
            int at = -1;
            for (int k = 0; k < w.height() * w.width(); k++) {
                int h = p * w.strideHeight() - w.paddingHeight() + k / w.width() * w.dilationHeight();
                int v = q * w.strideWidth() - w.paddingWidth() + k % w.width() * w.dilationWidth();
                if (h < 0 || h >= height || v < 0 || v >= width) {
                    continue;
                }
                int from = ((image * height + h) * width + v) * channels + c;
                if (at < 0 || x[from] > x[at] || Float.isNaN(x[from])) {
                    at = from;
                }
            }
            best[i] = x[at];
            for (int k = 0; k < copies; k++) {
                moved[k * outs + i] = xt[k * n + at];
                back[k * n + at] += dy[k * outs + i];
                size[k * n + at] += Math.abs(dy[k * outs + i]);
            }
        }
        bench.compare(y, best, Tolerance.EXACT);
        bench.compare(yt, moved, Tolerance.EXACT);
        bench.compare(dx, back, size, CLOSE);
    }
}
