package dev.sagitta.kernel.norm;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
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
                TimedCase.of("layer_norm_forward", NormCases::forward),
                TimedCase.of("layer_norm_backward", NormCases::backward));
    }

    private static void forward(Bench bench) {
        int n = (int) (bench.elements() / SHARE / WIDTH);
        Tensor x = bench.normal("x", n, WIDTH);
        Tensor w = bench.normal("w", WIDTH);
        Tensor b = bench.normal("b", WIDTH);
        Tensor y = bench.output("y", DType.F32, n, WIDTH);
        Tensor mean = bench.output("mean", DType.F32, n);
        Tensor r = bench.output("r", DType.F32, n);
        bench.run(new Norm.Forward(x, w, b, y, mean, r, 1e-5f, true));
        bench.check(() -> {
            for (int row = 0; row < n; row += Math.max(1, n / CHECKED)) {
                NormRow at =
                        new NormRow(bench.floats(x, (long) row * WIDTH, WIDTH), bench.floats(w, 0, WIDTH), 1e-5, true);
                float[] shift = bench.floats(b, 0, WIDTH);
                float[] got = bench.floats(y, (long) row * WIDTH, WIDTH);
                for (int j = 0; j < WIDTH; j++) {
                    NormRow.require("y", got[j], at.y(j) + shift[j], CLOSE);
                }
            }
        });
    }

    private static void backward(Bench bench) {
        int n = (int) (bench.elements() / SHARE / WIDTH);
        Tensor x = bench.normal("x", n, WIDTH);
        Tensor w = bench.normal("w", WIDTH);
        Tensor dy = bench.normal("dy", n, WIDTH);
        Tensor y = bench.output("y", DType.F32, n, WIDTH);
        Tensor mean = bench.output("mean", DType.F32, n);
        Tensor r = bench.output("r", DType.F32, n);
        Tensor dx = bench.output("dx", DType.F32, n, WIDTH);
        bench.runAfter(
                new Norm.Forward(x, w, null, y, mean, r, 1e-5f, true), new Norm.Backward(x, mean, r, w, dy, null, dx));
        bench.check(() -> {
            for (int row = 0; row < n; row += Math.max(1, n / CHECKED)) {
                NormRow at =
                        new NormRow(bench.floats(x, (long) row * WIDTH, WIDTH), bench.floats(w, 0, WIDTH), 1e-5, true);
                double[] expected = at.backward(bench.floats(dy, (long) row * WIDTH, WIDTH));
                float[] got = bench.floats(dx, (long) row * WIDTH, WIDTH);
                for (int j = 0; j < WIDTH; j++) {
                    NormRow.require("dx", got[j], expected[j], CLOSE);
                }
            }
        });
    }
}
