package dev.sagitta.kernel.shape;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** Parts of rows and exchanged axes of {@link Bench#elements}. */
final class ShapeCases implements TimedCases {
    private static final int WIDTH = 384;
    private static final int PART = 128;
    private static final int HEADS = 4;
    private static final int HEAD = 32;
    private static final int POSITIONS = 128;

    @Override
    public List<TimedCase> cases() {
        return List.of(
                TimedCase.of("slice_take", ShapeCases::take),
                TimedCase.of("slice_put", ShapeCases::put),
                TimedCase.of("slice_pad", ShapeCases::pad),
                TimedCase.of("transpose_tiles", bench -> transpose(bench, POSITIONS, POSITIONS, 1)),
                TimedCase.of("transpose_heads", bench -> transpose(bench, POSITIONS, HEADS, HEAD)));
    }

    /** The middle third of rows, as a slice of packed queries, keys and values. */
    private static void take(Bench bench) {
        long rows = bench.elements() / WIDTH;
        Tensor x = bench.normal("x", rows, WIDTH, 1);
        Tensor y = bench.output("y", DType.F32, rows, PART, 1);
        bench.run(Slice.take(x, PART, y));
        bench.check(() -> bench.windows(rows, (at, count) -> {
            float[] from = bench.floats(x, at * WIDTH, count * WIDTH);
            float[] to = bench.floats(y, at * PART, count * PART);
            for (int i = 0; i < to.length; i++) {
                Bench.near(y, i, to[i], from[i / PART * WIDTH + PART + i % PART], 0, Tolerance.EXACT);
            }
        }));
    }

    private static void put(Bench bench) {
        long rows = bench.elements() / WIDTH;
        Tensor x = bench.normal("x", rows, PART, 1);
        Tensor y = bench.zeros("y", DType.F32, rows, WIDTH, 1);
        bench.run(Slice.put(x, PART, y));
        padded(bench, rows, x, y);
    }

    private static void pad(Bench bench) {
        long rows = bench.elements() / WIDTH;
        Tensor x = bench.normal("x", rows, PART, 1);
        Tensor y = bench.output("y", DType.F32, rows, WIDTH, 1);
        bench.run(Slice.pad(x, PART, y));
        padded(bench, rows, x, y);
    }

    private static void padded(Bench bench, long rows, Tensor x, Tensor y) {
        bench.check(() -> bench.windows(rows, (at, count) -> {
            float[] from = bench.floats(x, at * PART, count * PART);
            float[] to = bench.floats(y, at * WIDTH, count * WIDTH);
            for (int i = 0; i < to.length; i++) {
                int j = i % WIDTH - PART;
                float expected = j >= 0 && j < PART ? from[i / WIDTH * PART + j] : 0;
                Bench.near(y, i, to[i], expected, 0, Tolerance.EXACT);
            }
        }));
    }

    private static void transpose(Bench bench, int a, int b, int inner) {
        int each = a * b * inner;
        long outer = bench.elements() / each;
        Tensor x = bench.normal("x", outer, a, b, inner);
        Tensor y = bench.output("y", DType.F32, outer, b, a, inner);
        bench.run(Transpose.of(x, y));
        bench.check(() -> {
            float[] from = bench.floats(x, 0, each);
            float[] to = bench.floats(y, 0, each);
            for (int i = 0; i < each; i++) {
                int p = i / inner / b;
                int q = i / inner % b;
                Bench.near(y, i, to[(q * a + p) * inner + i % inner], from[i], 0, Tolerance.EXACT);
            }
        });
    }
}
