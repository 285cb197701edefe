package dev.sagitta.kernel.random;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.fixture.Philox;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

final class AugmentKernelTest extends KernelSuite {
    private static final long SEED = 0x1234_5678_9ABC_DEF0L;
    private static final long STEP = 0x0003_FFFF_FFFEL;
    private static final int STREAM = -7;

    /** Copies, batch, channels, height, width, padding, flip. */
    private static final int[][] SIZES = {
        {1, 1, 1, 1, 1, 0, 1},
        {1, 5, 1, 1, 1, 1, 1},
        {2, 3, 3, 4, 5, 2, 1},
        {1, 4, 2, 7, 3, 0, 1},
        {3, 2, 1, 5, 16, 4, 0},
        {1, 3, 1, 2, 9, 40, 1},
        {1, 2, 4, 33, 300, 17, 1},
        {2, 70, 3, 32, 32, 4, 1},
        {1, 1, 700, 5, 3, 1, 1},
        {0, 3, 2, 4, 4, 1, 1}
    };

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int[] size : SIZES) {
            String name = "augment " + Arrays.toString(size);
            boolean small = size[1] * size[2] * size[3] * size[4] < 500;
            cases.add(new KernelCase(name, small, bench -> move(bench, size)));
            cases.add(new KernelCase(name + " transposed", small, bench -> transposed(bench, size)));
        }
        cases.add(
                new KernelCase("augment of memory at odd addresses", false, bench -> move(bench.shifted(4), SIZES[2])));
        cases.add(new KernelCase("augment draws evenly", false, AugmentKernelTest::draws));
        return cases;
    }

    /** Element {@code i} of an image that was flipped and shifted by these random words. */
    static float moved(float[] image, int[] words, boolean flip, int padding, int height, int width, int i) {
        int row = i / width % height + shift(words[1], padding);
        int column = i % width;
        column = (flip && words[0] < 0 ? width - 1 - column : column) + shift(words[2], padding);
        boolean inside = row >= 0 && row < height && column >= 0 && column < width;
        return inside ? image[(i / (height * width) * height + row) * width + column] : 0;
    }

    private static int shift(int word, int padding) {
        return (int) ((word & 0xFFFFFFFFL) * (2L * padding + 1) >>> 32) - padding;
    }

    private static double[] moved(float[] x, int[] size) {
        int image = size[2] * size[3] * size[4];
        double[] y = new double[x.length];
        for (int n = 0; n < size[0] * size[1]; n++) {
            int[] words = Philox.words(SEED, STREAM, STEP, n % size[1]);
            float[] before = Arrays.copyOfRange(x, n * image, (n + 1) * image);
            for (int i = 0; i < image; i++) {
                y[n * image + i] = moved(before, words, size[6] == 1, size[5], size[3], size[4], i);
            }
        }
        return y;
    }

    private static void move(KernelBench bench, int[] size) {
        float[] values = bench.normal((long) size[0] * size[1] * size[2] * size[3] * size[4]);
        Tensor x = bench.input("x", values, size[0] * size[1], size[2], size[3], size[4]);
        Tensor y = bench.output("y", DType.F32, size[0] * size[1], size[2], size[3], size[4]);
        Tensor state = RandomKernelTest.state(bench, SEED, STEP);
        bench.run(Augment.of(state, STREAM, size[6] == 1, size[5], size[1], x, y));
        bench.compare(y, moved(values, size), Tolerance.EXACT);
    }

    /** Each element goes back to where it came from: x holds its own place, and what A'(A x) keeps of it is itself. */
    private static void transposed(KernelBench bench, int[] size) {
        int n = size[0] * size[1] * size[2] * size[3] * size[4];
        float[] places = new float[n];
        for (int i = 0; i < n; i++) {
            places[i] = i + 1;
        }
        float[] values = bench.normal(n);
        Tensor dy = bench.input("dy", values, size[0] * size[1], size[2], size[3], size[4]);
        Tensor dx = bench.output("dx", DType.F32, size[0] * size[1], size[2], size[3], size[4]);
        Tensor state = RandomKernelTest.state(bench, SEED, STEP);
        bench.run(Augment.transposed(state, STREAM, size[6] == 1, size[5], size[1], dy, dx));
        double[] from = moved(places, size);
        double[] expected = new double[n];
        for (int i = 0; i < n; i++) {
            if (from[i] > 0) {
                expected[(int) from[i] - 1] += values[i];
            }
        }
        bench.compare(dx, expected, Tolerance.EXACT);
    }

    /** Of 3,000 images with one lit pixel: each of 25 places within five standard errors of its share, half of them turned. */
    private static void draws(KernelBench bench) {
        int images = 3000;
        int side = 9;
        float[] values = new float[images * side * side];
        for (int n = 0; n < images; n++) {
            values[n * side * side + 4 * side + 4] = 1;
            values[n * side * side + 4 * side + 5] = 2;
        }
        Tensor x = bench.input("x", values, images, 1, side, side);
        Tensor y = bench.output("y", DType.F32, images, 1, side, side);
        bench.run(Augment.of(RandomKernelTest.state(bench, SEED, STEP), STREAM, true, 2, images, x, y));
        float[] after = bench.floats(y);
        int[] places = new int[side * side];
        int turned = 0;
        for (int i = 0; i < after.length; i++) {
            if (after[i] == 1) {
                places[i % (side * side)]++;
                turned += after[i - 1] == 2 ? 1 : 0;
            }
        }
        double share = images / 25.0;
        for (int r = 2; r <= 6; r++) {
            for (int c = 2; c <= 6; c++) {
                assertThat((double) places[r * side + c])
                        .isBetween(share - 5 * Math.sqrt(share), share + 5 * Math.sqrt(share));
            }
        }
        assertThat(turned).isBetween(images / 2 - 140, images / 2 + 140);
    }
}
