package dev.sagitta.kernel.pool;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Window;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

final class AvgPoolKernelTest extends KernelSuite {
    private static final Tolerance CLOSE = new Tolerance(6e-7, 1e-30);

    @Override
    protected List<KernelCase> cases() {
        return List.of(
                new KernelCase(
                        "2 x 2", true, bench -> pool(bench, 2, 5, 6, 7, new Window(2, 2, 2, 2, 0, 0, 1, 1), true)),
                new KernelCase(
                        "3 x 2", true, bench -> pool(bench, 2, 5, 7, 19, new Window(3, 2, 2, 1, 1, 1, 1, 1), true)),
                new KernelCase(
                        "of the image",
                        true,
                        bench -> pool(bench, 1, 6, 5, 3, new Window(3, 3, 1, 2, 1, 1, 1, 1), false)),
                new KernelCase(
                        "many", false, bench -> pool(bench, 2, 33, 35, 64, new Window(3, 3, 2, 2, 1, 1, 1, 1), false)));
    }

    private static void pool(
            KernelBench bench, int copies, int height, int width, int channels, Window w, boolean includePadding) {
        int outHeight = (int) w.outputHeight(height);
        int outWidth = (int) w.outputWidth(width);
        int n = height * width * channels;
        int outs = outHeight * outWidth * channels;
        float[] x = bench.normal((long) copies * n);
        float[] dy = bench.normal((long) copies * outs);
        Tensor y = bench.output("y", DType.F32, copies, 1, outHeight, outWidth, channels);
        Tensor dx = bench.output("dx", DType.F32, copies, 1, height, width, channels);
        bench.run(
                new AvgPool.Forward(bench.input("x", x, copies, 1, height, width, channels), y, w, includePadding),
                new AvgPool.Backward(
                        bench.input("dy", dy, copies, 1, outHeight, outWidth, channels), dx, w, includePadding));
        double[] means = new double[copies * outs];
        double[] sizes = new double[copies * outs];
        double[] back = new double[copies * n];
        double[] backSizes = new double[copies * n];
        for (int i = 0; i < copies * outs; i++) {
            int c = i % channels;
            int q = i / channels % outWidth;
            int p = i / channels / outWidth % outHeight;
            int copy = i / outs;
            for (int pass = 0, count = 0; pass < 2; pass++) {
                for (int k = 0; k < w.height() * w.width(); k++) {
                    int h = p * w.strideHeight() - w.paddingHeight() + k / w.width();
                    int v = q * w.strideWidth() - w.paddingWidth() + k % w.width();
                    boolean inside = h >= 0 && h < height && v >= 0 && v < width;
                    if (pass == 0) {
                        count += inside || includePadding ? 1 : 0;
                    } else if (inside) {
                        int at = copy * n + (h * width + v) * channels + c;
                        means[i] += x[at] / (double) count;
                        sizes[i] += Math.abs(x[at]) / (double) count;
                        back[at] += dy[i] / (double) count;
                        backSizes[at] += Math.abs(dy[i]) / (double) count;
                    }
                }
            }
        }
        bench.compare(y, means, sizes, CLOSE);
        bench.compare(dx, back, backSizes, CLOSE);
    }
}
