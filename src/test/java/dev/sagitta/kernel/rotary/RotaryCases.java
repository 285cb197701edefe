package dev.sagitta.kernel.rotary;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** Queries turned on their way out of packed queries, keys and values of {@link Bench#elements}. */
final class RotaryCases implements TimedCases {
    private static final int HEADS = 16;
    private static final int D = 64;
    private static final int LONGEST = 256;
    private static final int PARTS = 3;

    @Override
    public List<TimedCase> cases() {
        return List.of(
                TimedCase.of("rotary_half", bench -> turn(bench, D, false)),
                TimedCase.of("rotary_interleaved", bench -> turn(bench, D, true)),
                TimedCase.of("rotary_partial", bench -> turn(bench, D / 2, false)));
    }

    private static void turn(Bench bench, int dims, boolean interleaved) {
        int width = HEADS * D;
        long room = bench.elements() / (PARTS * width);
        int t = (int) Math.min(LONGEST, room);
        long rows = room / t * t;
        float[] angles = new float[t * dims];
        for (int i = 0; i < angles.length / 2; i++) {
            double angle = i / (dims / 2) * Math.pow(10_000, -2.0 * (i % (dims / 2)) / dims);
            angles[2 * i] = (float) Math.cos(angle);
            angles[2 * i + 1] = (float) Math.sin(angle);
        }
        Tensor x = bench.normal("x", rows, PARTS * width);
        Tensor y = bench.output("y", DType.F32, rows, width);
        Rotary.Turn turn = new Rotary.Turn(
                x,
                new Rotary.Place(0, PARTS * width),
                bench.input("angles", angles, t, dims / 2, 2),
                y,
                new Rotary.Place(0, width),
                t,
                HEADS,
                D,
                dims,
                interleaved,
                0,
                false);
        bench.run(turn);
        bench.check(() -> bench.windows(rows, (first, count) -> {
            int step = Math.max(1, count / 16);
            for (int r = 0; r < count; r += step) {
                long row = first + r;
                float[] from = bench.floats(x, row * PARTS * width, width);
                float[] to = bench.floats(y, row * width, width);
                for (int e = 0; e < width; e++) {
                    double expected = turned(from, e, angles, (int) (row % t), dims, interleaved);
                    Bench.near(y, row * width + e, to[e], expected, 4, turn.tolerance());
                }
            }
        }));
    }

    private static double turned(float[] x, int e, float[] angles, int place, int dims, boolean interleaved) {
        int c = e % D;
        if (c >= dims) {
            return x[e];
        }
        boolean second = interleaved ? c % 2 == 1 : c >= dims / 2;
        int pair = interleaved ? c / 2 : c % (dims / 2);
        int away = interleaved ? 1 : dims / 2;
        double cosine = angles[(place * (dims / 2) + pair) * 2];
        double sine = angles[(place * (dims / 2) + pair) * 2 + 1];
        return second ? x[e] * cosine + x[e - away] * sine : x[e] * cosine - x[e + away] * sine;
    }
}
