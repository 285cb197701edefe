package dev.sagitta.kernel.loss;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.Jet;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.graph.loss.CrossEntropyReference;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import java.util.stream.IntStream;

/** Cross-entropy over half of {@link Bench#elements}. */
final class LossCases implements TimedCases {
    private static final int CLASSES = 1024;
    private static final int PROBES = 8;
    /** Rows that are downloaded at a time. */
    private static final int SLAB = 4096;

    private static final int IGNORE = -100;
    private static final Tolerance CLOSE = new Tolerance(2e-6, 1e-9);

    @Override
    public List<TimedCase> cases() {
        return List.of(
                TimedCase.of("cross_entropy_forward", bench -> crossEntropy(bench, false)),
                TimedCase.of("cross_entropy_forward_backward", bench -> crossEntropy(bench, true)),
                TimedCase.of("cross_entropy_tangent_backward", LossCases::crossEntropyTangents));
    }

    private static int rows(Bench bench) {
        return (int) (bench.elements() / 2 / CLASSES);
    }

    private static Tensor labels(Bench bench, int rows) {
        return bench.input(
                "labels", new java.util.Random(7).ints(rows, 0, CLASSES).toArray(), rows);
    }

    private static Tensor workspace(Bench bench, long bytes) {
        return bench.output("workspace", DType.F32, (bytes + 3) / 4);
    }

    private static LogitsReference row(Bench bench, Tensor logits, int r, int label) {
        return new LogitsReference(
                bench.floats(logits, (long) r * CLASSES, CLASSES), new int[] {label}, CLASSES, IGNORE);
    }

    /** The mean loss of all rows: slabs are downloaded, all cores of the host work on one. */
    private static double loss(Bench bench, Tensor logits, int[] labels) {
        double total = 0;
        for (int first = 0; first < labels.length; first += SLAB) {
            int start = first;
            int count = Math.min(SLAB, labels.length - first);
            float[] slab = bench.floats(logits, (long) first * CLASSES, count * CLASSES);
            total += IntStream.range(0, count)
                    .parallel()
                    .mapToDouble(r -> {
                        Jet[] z = new Jet[CLASSES];
                        for (int c = 0; c < CLASSES; c++) {
                            z[c] = Jet.of(slab[r * CLASSES + c]);
                        }
                        return CrossEntropyReference.row(z, 0, CLASSES, labels[start + r])
                                .v();
                    })
                    .sum();
        }
        return total / labels.length;
    }

    private static void crossEntropy(Bench bench, boolean backward) {
        int rows = rows(bench);
        Tensor logits = bench.normal("logits", rows, CLASSES);
        Tensor labels = labels(bench, rows);
        Tensor workspace = workspace(bench, CrossEntropy.workspaceBytes(rows, 1));
        Tensor loss = bench.output("loss", DType.F32, 1);
        Tensor gradient = backward ? bench.output("gradient", DType.F32, rows, CLASSES) : null;
        bench.run(
                backward
                        ? CrossEntropy.forwardBackward(logits, labels, IGNORE, workspace, loss, gradient)
                        : CrossEntropy.forward(logits, labels, IGNORE, workspace, loss));
        bench.check(() -> {
            int[] label = bench.ints(labels);
            double total = loss(bench, logits, label);
            Bench.near(loss, 0, bench.floats(loss)[0], total, total, CLOSE);
            for (int r = 1; backward && r < rows; r += Math.max(1, rows / 8)) {
                double[] expected = row(bench, logits, r, label[r]).gradient();
                float[] actual = bench.floats(gradient, (long) r * CLASSES, CLASSES);
                for (int c = 0; c < CLASSES; c++) {
                    Bench.near(gradient, (long) r * CLASSES + c, actual[c], expected[c] / rows, 1.0 / rows, CLOSE);
                }
            }
        });
    }

    private static void crossEntropyTangents(Bench bench) {
        int rows = Math.max(1, rows(bench) / PROBES);
        Tensor logits = bench.normal("logits", rows, CLASSES);
        Tensor labels = labels(bench, rows);
        Tensor tangent = bench.normal("tangent", PROBES, rows, CLASSES);
        Tensor out = bench.output("out", DType.F32, PROBES, rows, CLASSES);
        Tensor workspace = workspace(bench, CrossEntropy.workspaceBytes(rows, PROBES));
        bench.run(CrossEntropy.tangentBackward(logits, labels, IGNORE, tangent, workspace, out));
        bench.check(() -> {
            int[] label = bench.ints(labels);
            for (int r = 0; r < rows; r += Math.max(1, rows / 8)) {
                LogitsReference reference = row(bench, logits, r, label[r]);
                double[] p = reference.gradient();
                p[label[r]] += 1;
                for (int k = 0; k < PROBES; k++) {
                    long at = ((long) k * rows + r) * CLASSES;
                    float[] t = bench.floats(tangent, at, CLASSES);
                    float[] actual = bench.floats(out, at, CLASSES);
                    double[] wide = new double[CLASSES];
                    for (int c = 0; c < CLASSES; c++) {
                        wide[c] = t[c];
                    }
                    double[] expected = reference.hessian(wide);
                    for (int c = 0; c < CLASSES; c++) {
                        Bench.near(out, at + c, actual[c], expected[c] / rows, 4 * p[c] / rows, CLOSE);
                    }
                }
            }
        });
    }
}
