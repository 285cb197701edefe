package dev.sagitta.kernel.loss;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.graph.loss.RowwiseLossReference;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Losses of rows over half of {@link Bench#elements}, of tangents a part of that for each probe. */
final class RowLossCases implements TimedCases {
    private static final int COLUMNS = 1024;
    private static final int PROBES = 8;
    /** Rows that are downloaded at a time. */
    private static final int SLAB = 4096;

    private static final Tolerance CLOSE = new Tolerance(2e-6, 1e-12);

    @Override
    public List<TimedCase> cases() {
        List<TimedCase> cases = new ArrayList<>();
        for (RowLoss.Kind kind : RowLoss.Kind.values()) {
            cases.add(TimedCase.of(kind.symbol() + "_forward_backward", bench -> forwardBackward(bench, kind)));
            cases.add(TimedCase.of(kind.symbol() + "_tangent_backward", bench -> tangentBackward(bench, kind)));
        }
        return cases;
    }

    private static Tensor targets(Bench bench, RowLoss.Kind kind, int rows) {
        return kind == RowLoss.Kind.KL ? bench.uniform("target", rows, COLUMNS) : bench.normal("target", rows, COLUMNS);
    }

    private static double[] wide(float[] values, int from) {
        return IntStream.range(from, from + COLUMNS).mapToDouble(i -> values[i]).toArray();
    }

    /** The mean loss of all rows: slabs are downloaded, all cores of the host work on one. */
    private static double loss(Bench bench, RowLoss.Kind kind, Tensor y, Tensor target, int rows) {
        double total = 0;
        for (int first = 0; first < rows; first += SLAB) {
            int count = Math.min(SLAB, rows - first);
            float[] outputs = bench.floats(y, (long) first * COLUMNS, count * COLUMNS);
            float[] targets = bench.floats(target, (long) first * COLUMNS, count * COLUMNS);
            total += IntStream.range(0, count)
                    .parallel()
                    .mapToDouble(r -> RowwiseLossReference.row(
                                    kind, Jet.of(wide(outputs, r * COLUMNS)), 0, COLUMNS, wide(targets, r * COLUMNS))
                            .v())
                    .sum();
        }
        return total / rows;
    }

    /** Of one row the gradient of its loss, or where there is a tangent the Hessian times that. */
    private static double[] derivative(
            Bench bench, RowLoss.Kind kind, Tensor y, Tensor target, int row, double[] tangent) {
        double[] outputs = wide(bench.floats(y, (long) row * COLUMNS, COLUMNS), 0);
        double[] targets = wide(bench.floats(target, (long) row * COLUMNS, COLUMNS), 0);
        Jet.Tape tape = new Jet.Tape();
        Jet[] in = tape.leaves(outputs, tangent == null ? new double[COLUMNS] : tangent);
        RowwiseLossReference.row(kind, in, 0, COLUMNS, targets).seed(1, 0);
        tape.pull();
        return Arrays.stream(in)
                .mapToDouble(jet -> tangent == null ? jet.c() : jet.ct())
                .toArray();
    }

    /** A row of results from element {@code at} on, relative to the largest of them. */
    private static void near(Bench bench, Tensor results, long at, double[] expected, double scale) {
        float[] actual = bench.floats(results, at, COLUMNS);
        double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow() * scale;
        for (int c = 0; c < COLUMNS; c++) {
            Bench.near(results, at + c, actual[c], expected[c] * scale, largest, CLOSE);
        }
    }

    private static void forwardBackward(Bench bench, RowLoss.Kind kind) {
        int rows = (int) (bench.elements() / 2 / COLUMNS);
        Tensor y = bench.normal("y", rows, COLUMNS);
        Tensor target = targets(bench, kind, rows);
        Tensor gradient = bench.output("gradient", DType.F32, rows, COLUMNS);
        Tensor loss = bench.output("loss", DType.F32, 1);
        Tensor workspace = bench.output("workspace", DType.F32, (RowLoss.workspaceBytes(rows, 1) + 3) / 4);
        bench.run(new RowLoss.ForwardBackward(kind, y, target, workspace, gradient, loss));
        bench.check(() -> {
            double mean = loss(bench, kind, y, target, rows);
            Bench.near(loss, 0, bench.floats(loss)[0], mean, mean, CLOSE);
            for (int r = 1; r < rows; r += Math.max(1, rows / 8)) {
                near(bench, gradient, (long) r * COLUMNS, derivative(bench, kind, y, target, r, null), 1.0 / rows);
            }
        });
    }

    private static void tangentBackward(Bench bench, RowLoss.Kind kind) {
        int rows = (int) Math.max(1, bench.elements() / 2 / COLUMNS / PROBES);
        Tensor y = bench.normal("y", rows, COLUMNS);
        Tensor target = targets(bench, kind, rows);
        Tensor tangent = bench.normal("tangent", PROBES, rows, COLUMNS);
        Tensor out = bench.output("out", DType.F32, PROBES, rows, COLUMNS);
        bench.run(new RowLoss.TangentBackward(kind, y, target, tangent, out));
        bench.check(() -> {
            for (int r = 0; r < rows; r += Math.max(1, rows / 8)) {
                for (int k = 0; k < PROBES; k++) {
                    long at = ((long) k * rows + r) * COLUMNS;
                    double[] v = wide(bench.floats(tangent, at, COLUMNS), 0);
                    near(bench, out, at, derivative(bench, kind, y, target, r, v), 1.0 / rows);
                }
            }
        });
    }
}
