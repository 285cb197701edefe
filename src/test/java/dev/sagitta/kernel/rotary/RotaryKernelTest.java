package dev.sagitta.kernel.rotary;

import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.KernelCase;
import dev.sagitta.kernel.KernelSuite;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.rotary.Rotary.Place;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

final class RotaryKernelTest extends KernelSuite {
    /** Sequences, rows, heads, d, dims, first place. */
    private static final int[][] SIZES = {
        {1, 1, 1, 2, 2, 0}, {2, 5, 3, 9, 6, 4}, {3, 7, 2, 8, 8, 0}, {2, 67, 4, 64, 64, 1}, {1, 300, 3, 80, 32, 0},
    };

    @Override
    protected List<KernelCase> cases() {
        List<KernelCase> cases = new ArrayList<>();
        for (int[] size : SIZES) {
            for (boolean interleaved : new boolean[] {false, true}) {
                for (boolean inverse : new boolean[] {false, true}) {
                    cases.add(new KernelCase(
                            "rotary " + java.util.Arrays.toString(size) + (interleaved ? " interleaved" : " half")
                                    + (inverse ? " back" : ""),
                            size[1] < 10,
                            bench -> turn(bench, size, interleaved, inverse)));
                }
            }
        }
        return cases;
    }

    private static void turn(KernelBench bench, int[] size, boolean interleaved, boolean inverse) {
        int rows = size[0] * size[1];
        int t = size[1];
        int heads = size[2];
        int d = size[3];
        int dims = size[4];
        int first = size[5];
        Place at = new Place(3, (long) heads * d + 5);
        float[] x = bench.normal(rows * at.stride());
        float[] table = new float[(first + t) * dims];
        for (int e = 0; e < table.length / 2; e++) {
            double angle = (e / (dims / 2)) * Math.pow(100, -2.0 * (e % (dims / 2)) / dims);
            table[2 * e] = (float) Math.cos(angle);
            table[2 * e + 1] = (float) Math.sin(angle);
        }
        double[] expected = new double[rows * heads * d];
        for (int e = 0; e < expected.length; e++) {
            int c = e % d;
            int row = e / d / heads;
            int from = (int) (at.from() + row * at.stride()) + e % (heads * d);
            expected[e] = x[from];
            if (c < dims) {
                boolean second = interleaved ? c % 2 == 1 : c >= dims / 2;
                int pair = interleaved ? c / 2 : c % (dims / 2);
                int away = interleaved ? 1 : dims / 2;
                int place = 2 * ((first + row % t) * (dims / 2) + pair);
                double sine = (inverse ? -1 : 1) * table[place + 1];
                expected[e] = second
                        ? (double) x[from] * table[place] + x[from - away] * sine
                        : (double) x[from] * table[place] - x[from + away] * sine;
            }
        }
        Tensor y = bench.output("y", DType.F32, rows, (long) heads * d);
        Place to = new Place(0, (long) heads * d);
        bench.run(new Rotary.Turn(
                bench.input("x", x, rows, at.stride()),
                at,
                bench.input("table", table, first + t, dims / 2, 2),
                y,
                to,
                t,
                heads,
                d,
                dims,
                interleaved,
                first,
                inverse));
        double[] magnitude = new double[expected.length];
        java.util.Arrays.fill(magnitude, 3);
        bench.compare(y, expected, magnitude, new Tolerance(3e-7, 1e-7));
    }
}
