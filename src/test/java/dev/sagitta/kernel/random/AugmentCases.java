package dev.sagitta.kernel.random;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.Philox;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** CIFAR's images, flipped and shifted, as many as {@link Bench#elements} has room for. */
final class AugmentCases implements TimedCases {
    private static final int STREAM = 1000;
    private static final int CHANNELS = 3;
    private static final int SIDE = 32;
    private static final int PADDING = 4;

    @Override
    public List<TimedCase> cases() {
        return List.of(TimedCase.of("augment", AugmentCases::augment));
    }

    private static void augment(Bench bench) {
        long images = Math.max(2, bench.elements() / (CHANNELS * SIDE * SIDE));
        Tensor x = bench.normal("x", images, CHANNELS, SIDE, SIDE);
        Tensor y = bench.output("y", DType.F32, images, CHANNELS, SIDE, SIDE);
        bench.run(Augment.of(bench.state(), STREAM, true, PADDING, images, x, y));
        int image = CHANNELS * SIDE * SIDE;
        bench.check(() -> {
            for (long n : new long[] {0, images - 1}) {
                int[] words = Philox.words(Bench.SEED, STREAM, 0, n);
                float[] before = bench.floats(x, n * image, image);
                float[] actual = bench.floats(y, n * image, image);
                for (int i = 0; i < image; i++) {
                    double expected = AugmentKernelTest.moved(before, words, true, PADDING, SIDE, SIDE, i);
                    Bench.near(y, n * image + i, actual[i], expected, 0, Tolerance.EXACT);
                }
            }
        });
    }
}
