package dev.sagitta.kernel.norm;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Arrays;
import java.util.List;

/** Layer norm of rows of 1024, as a language model has them: a quarter of {@link Bench#elements}. */
final class NormCases implements TimedCases {
    private static final int WIDTH = 1024;
    private static final int SHARE = 4;
    private static final int CHECKED = 16;
    private static final Tolerance CLOSE = new Tolerance(3e-6, 3e-6);

    @Override
    public List<TimedCase> cases() {
        return List.of(
                TimedCase.of("layer_norm_forward", bench -> forward(bench, false)),
                TimedCase.of("layer_norm_backward", bench -> backward(bench, false)),
                TimedCase.of("add_layer_norm_forward", bench -> forward(bench, true)),
                TimedCase.of("add_layer_norm_backward", bench -> backward(bench, true)));
    }

    /** @param adds whether x + z is normalised, and written */
    private static void forward(Bench bench, boolean adds) {
        int n = (int) (bench.elements() / SHARE / WIDTH);
        Tensor x = bench.normal("x", n, WIDTH);
        Tensor w = bench.normal("w", WIDTH);
        Tensor b = bench.normal("b", WIDTH);
        Tensor z = adds ? bench.normal("z", n, WIDTH) : null;
        Tensor s = adds ? bench.output("s", DType.F32, n, WIDTH) : null;
        Tensor y = bench.output("y", DType.F32, n, WIDTH);
        Tensor mean = bench.output("mean", DType.F32, n);
        Tensor r = bench.output("r", DType.F32, n);
        bench.run(new Norm.Forward(x, z, w, b, s, y, mean, r, 1e-5f, true));
        bench.check(() -> {
            for (int row = 0; row < n; row += Math.max(1, n / CHECKED)) {
                float[] in = bench.floats(x, (long) row * WIDTH, WIDTH);
                if (adds) {
                    in = sum(in, bench.floats(z, (long) row * WIDTH, WIDTH));
                    if (!Arrays.equals(bench.floats(s, (long) row * WIDTH, WIDTH), in)) {
                        throw new AssertionError("s, row " + row + ", is not x + z");
                    }
                }
                NormRow at = new NormRow(in, bench.floats(w, 0, WIDTH), 1e-5, true);
                float[] shift = bench.floats(b, 0, WIDTH);
                float[] got = bench.floats(y, (long) row * WIDTH, WIDTH);
                for (int j = 0; j < WIDTH; j++) {
                    NormRow.require("y", got[j], at.y(j) + shift[j], CLOSE);
                }
            }
        });
    }

    private static float[] sum(float[] a, float[] b) {
        float[] sum = new float[a.length];
        for (int i = 0; i < a.length; i++) {
            sum[i] = a[i] + b[i];
        }
        return sum;
    }

    /** @param adds whether cotangents from elsewhere are added */
    private static void backward(Bench bench, boolean adds) {
        int n = (int) (bench.elements() / SHARE / WIDTH);
        Tensor x = bench.normal("x", n, WIDTH);
        Tensor w = bench.normal("w", WIDTH);
        Tensor dy = bench.normal("dy", n, WIDTH);
        Tensor ds = adds ? bench.normal("ds", n, WIDTH) : null;
        Tensor y = bench.output("y", DType.F32, n, WIDTH);
        Tensor mean = bench.output("mean", DType.F32, n);
        Tensor r = bench.output("r", DType.F32, n);
        Tensor dx = bench.output("dx", DType.F32, n, WIDTH);
        bench.runAfter(
                new Norm.Forward(x, w, null, y, mean, r, 1e-5f, true), new Norm.Backward(x, mean, r, w, dy, ds, dx));
        bench.check(() -> {
            for (int row = 0; row < n; row += Math.max(1, n / CHECKED)) {
                NormRow at =
                        new NormRow(bench.floats(x, (long) row * WIDTH, WIDTH), bench.floats(w, 0, WIDTH), 1e-5, true);
                double[] expected = at.backward(bench.floats(dy, (long) row * WIDTH, WIDTH));
                float[] elsewhere = adds ? bench.floats(ds, (long) row * WIDTH, WIDTH) : new float[WIDTH];
                float[] got = bench.floats(dx, (long) row * WIDTH, WIDTH);
                for (int j = 0; j < WIDTH; j++) {
                    NormRow.require("dx", got[j], expected[j] + elsewhere[j], CLOSE);
                }
            }
        });
    }
}
