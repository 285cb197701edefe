package dev.sagitta.kernel.pool;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.Window;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** The largest of 2 x 2 values of 16 images of 64 channels, 112 x 112. */
final class MaxPoolCases implements TimedCases {
    private static final Window WINDOW = new Window(2, 2, 2, 2, 0, 0, 1, 1);
    private static final int BATCH = 16;

    /** A side that the suite shortens, and what images and channels have there. */
    private static final int FULL = 4096;

    private static final int SMALL = 20;

    @Override
    public List<TimedCase> cases() {
        return List.of(TimedCase.of("max_pool_2x2", MaxPoolCases::forward));
    }

    private static void forward(Bench bench) {
        boolean small = bench.side(FULL) < FULL;
        int batch = small ? 2 : BATCH;
        int side = small ? SMALL : 112;
        int channels = small ? SMALL : 64;
        int out = (int) WINDOW.outputHeight(side);
        Tensor x = bench.normal("x", 1, batch, side, side, channels);
        Tensor y = bench.output("y", DType.F32, 1, batch, out, out, channels);
        Tensor offsets = bench.output("offsets", DType.U32, (long) batch * out * out * MaxPool.words(WINDOW, channels));
        bench.run(new MaxPool.Forward(x, y, offsets, WINDOW));
        bench.check(() -> {
            float[] in = bench.floats(x);
            float[] got = bench.floats(y);
            for (int at = 0; at < got.length; at++) {
                int c = at % channels;
                int j = at / channels % out;
                int i = at / channels / out % out;
                int from = ((at / channels / out / out * side + 2 * i) * side + 2 * j) * channels + c;
                int below = from + side * channels;
                double expected =
                        Math.max(Math.max(in[from], in[from + channels]), Math.max(in[below], in[below + channels]));
                Bench.near(y, at, got[at], expected, 0, Tolerance.EXACT);
            }
        });
    }
}
