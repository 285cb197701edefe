package dev.sagitta.bench;

import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.kernel.embedding.Embedding;
import dev.sagitta.kernel.loss.CrossEntropy;
import dev.sagitta.kernel.loss.SquaredError;
import dev.sagitta.kernel.optimiser.Optimiser;
import dev.sagitta.kernel.optimiser.OptimiserSettings;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Map;
import java.util.stream.IntStream;

/** Losses, embeddings and optimiser steps over half of {@link BenchDevice#elements} or all of them. */
final class LossWorkloads {
    private static final int CLASSES = 1024;
    private static final int PROBES = ElementwiseWorkloads.PROBES;
    private static final int WIDTH = 512;
    /** Rows that are downloaded at a time. */
    private static final int SLAB = 4096;

    private static final int IGNORE = -100;
    private static final Tolerance CLOSE = new Tolerance(2e-6, 1e-9);

    private LossWorkloads() {}

    static void add(Map<String, Catalogue.Builder> all) {
        all.put("cross_entropy_forward", bench -> crossEntropy(bench, false));
        all.put("cross_entropy_forward_backward", bench -> crossEntropy(bench, true));
        all.put("cross_entropy_tangent_backward", LossWorkloads::crossEntropyTangents);
        all.put("squared_error_forward_backward", LossWorkloads::squaredError);
        all.put("embedding_gather", LossWorkloads::gather);
        all.put("embedding_scatter", LossWorkloads::scatter);
        all.put("sgd", LossWorkloads::sgd);
        all.put("adamw", LossWorkloads::adamW);
    }

    /** Rows of logits, and of the embedding's table. */
    private static int rows(BenchDevice bench) {
        return (int) (bench.elements() / 2 / CLASSES);
    }

    private static Tensor ids(BenchDevice bench, int count, int bound) {
        Tensor ids = bench.empty("ids", DType.I32, count);
        ids.upload(bench.stream, new java.util.Random(7).ints(count, 0, bound).toArray());
        return ids;
    }

    private static Tensor workspace(BenchDevice bench, long bytes) {
        return bench.empty("workspace", DType.F32, (bytes + 3) / 4);
    }

    /** Probabilities of the row of {@code n} logits from {@code first} on, and its loss behind them. */
    private static double[] softmax(float[] logits, int first, int n, int label) {
        double largest = Double.NEGATIVE_INFINITY;
        for (int c = 0; c < n; c++) {
            largest = Math.max(largest, logits[first + c]);
        }
        double sum = 0;
        double[] row = new double[n + 1];
        for (int c = 0; c < n; c++) {
            row[c] = Math.exp(logits[first + c] - largest);
            sum += row[c];
        }
        for (int c = 0; c < n; c++) {
            row[c] /= sum;
        }
        row[n] = Math.log(sum) + largest - logits[first + label];
        return row;
    }

    /** The mean loss of all rows: slabs are downloaded, all cores of the host work on one. */
    private static double loss(BenchDevice bench, Tensor logits, int[] labels) {
        double total = 0;
        for (int first = 0; first < labels.length; first += SLAB) {
            int start = first;
            int count = Math.min(SLAB, labels.length - first);
            float[] slab = bench.floats(logits, (long) first * CLASSES, count * CLASSES);
            total += IntStream.range(0, count)
                    .parallel()
                    .mapToDouble(r -> softmax(slab, r * CLASSES, CLASSES, labels[start + r])[CLASSES])
                    .sum();
        }
        return total / labels.length;
    }

    private static Workload crossEntropy(BenchDevice bench, boolean backward) {
        int rows = rows(bench);
        Tensor logits = bench.normal("logits", rows, CLASSES);
        Tensor labels = ids(bench, rows, CLASSES);
        Tensor workspace = workspace(bench, CrossEntropy.workspaceBytes(rows, 1));
        Tensor loss = bench.empty("loss", DType.F32, 1);
        Tensor gradient = backward ? bench.empty("gradient", DType.F32, rows, CLASSES) : null;
        Descriptor work = backward
                ? CrossEntropy.forwardBackward(logits, labels, IGNORE, workspace, loss, gradient)
                : CrossEntropy.forward(logits, labels, IGNORE, workspace, loss);
        return Workload.of(bench, work, () -> {
            int[] label = bench.ints(labels);
            double total = loss(bench, logits, label);
            Samples.near(loss, 0, bench.floats(loss)[0], total, total, CLOSE);
            for (int r = 1; backward && r < rows; r += rows / 8) {
                double[] row = softmax(bench.floats(logits, (long) r * CLASSES, CLASSES), 0, CLASSES, label[r]);
                float[] actual = bench.floats(gradient, (long) r * CLASSES, CLASSES);
                for (int c = 0; c < CLASSES; c++) {
                    double expected = (row[c] - (c == label[r] ? 1 : 0)) / rows;
                    Samples.near(gradient, (long) r * CLASSES + c, actual[c], expected, 1.0 / rows, CLOSE);
                }
            }
        });
    }

    private static Workload crossEntropyTangents(BenchDevice bench) {
        int rows = rows(bench) / PROBES;
        Tensor logits = bench.normal("logits", rows, CLASSES);
        Tensor labels = ids(bench, rows, CLASSES);
        Tensor tangent = bench.normal("tangent", PROBES, rows, CLASSES);
        Tensor out = bench.empty("out", DType.F32, PROBES, rows, CLASSES);
        Tensor workspace = workspace(bench, CrossEntropy.workspaceBytes(rows, PROBES));
        CrossEntropy.TangentBackward work =
                CrossEntropy.tangentBackward(logits, labels, IGNORE, tangent, workspace, out);
        return Workload.of(bench, work, () -> {
            int[] label = bench.ints(labels);
            for (int r = 0; r < rows; r += rows / 8) {
                double[] p = softmax(bench.floats(logits, (long) r * CLASSES, CLASSES), 0, CLASSES, label[r]);
                for (int k = 0; k < PROBES; k++) {
                    long at = ((long) k * rows + r) * CLASSES;
                    float[] t = bench.floats(tangent, at, CLASSES);
                    float[] actual = bench.floats(out, at, CLASSES);
                    double mean = 0;
                    for (int c = 0; c < CLASSES; c++) {
                        mean += p[c] * t[c];
                    }
                    for (int c = 0; c < CLASSES; c++) {
                        Samples.near(out, at + c, actual[c], p[c] * (t[c] - mean) / rows, p[c] * 4 / rows, CLOSE);
                    }
                }
            }
        });
    }

    private static Workload squaredError(BenchDevice bench) {
        Tensor y = bench.normal("y", rows(bench), CLASSES);
        Tensor target = bench.normal("target", rows(bench), CLASSES);
        Tensor gradient = bench.empty("gradient", DType.F32, rows(bench), CLASSES);
        Tensor loss = bench.empty("loss", DType.F32, 1);
        long n = y.elements();
        Tensor workspace = workspace(bench, SquaredError.workspaceBytes(n, 1));
        SquaredError.ForwardBackward work = SquaredError.forwardBackward(y, target, workspace, loss, gradient);
        return Workload.of(
                bench,
                work,
                Samples.elementwise(
                        bench, new Tolerance(2e-6 / n, 1e-20), gradient, x -> 2 * (x[0] - x[1]) / n, y, target));
    }

    private static Workload gather(BenchDevice bench) {
        int vocabulary = rows(bench);
        Tensor table = bench.normal("table", 1, vocabulary, WIDTH);
        Tensor ids = ids(bench, 2 * vocabulary, vocabulary);
        Tensor y = bench.empty("y", DType.F32, 1, 2 * vocabulary, WIDTH);
        return Workload.of(bench, Embedding.gather(table, ids, y), () -> {
            int[] id = bench.ints(ids);
            for (int i = 0; i < id.length; i += Math.max(1, id.length / 64)) {
                float[] expected = bench.floats(table, (long) id[i] * WIDTH, WIDTH);
                float[] actual = bench.floats(y, (long) i * WIDTH, WIDTH);
                for (int d = 0; d < WIDTH; d++) {
                    Samples.near(y, (long) i * WIDTH + d, actual[d], expected[d], 0, Tolerance.EXACT);
                }
            }
        });
    }

    private static Workload scatter(BenchDevice bench) {
        int vocabulary = rows(bench);
        Tensor ids = ids(bench, 2 * vocabulary, vocabulary);
        Tensor dy = bench.normal("dy", 1, 2 * vocabulary, WIDTH);
        Tensor dtable = bench.empty("dtable", DType.F32, 1, vocabulary, WIDTH);
        Tensor workspace =
                bench.empty("workspace", DType.I32, (Embedding.workspaceBytes(2 * vocabulary, vocabulary) + 3) / 4);
        return Workload.of(bench, Embedding.scatter(ids, dy, dtable, workspace, false), () -> {
            int[] id = bench.ints(ids);
            for (int v = 0; v < vocabulary; v += Math.max(1, vocabulary / 64)) {
                double[] sums = new double[WIDTH];
                for (int i = 0; i < id.length; i++) {
                    if (id[i] == v) {
                        float[] row = bench.floats(dy, (long) i * WIDTH, WIDTH);
                        for (int d = 0; d < WIDTH; d++) {
                            sums[d] += row[d];
                        }
                    }
                }
                float[] actual = bench.floats(dtable, (long) v * WIDTH, WIDTH);
                for (int d = 0; d < WIDTH; d++) {
                    Samples.near(dtable, (long) v * WIDTH + d, actual[d], sums[d], 10, CLOSE);
                }
            }
        });
    }

    private static Tensor settings(BenchDevice bench, float[] values) {
        Tensor settings = bench.empty("settings", DType.F32, OptimiserSettings.LENGTH);
        settings.upload(bench.stream, values);
        return settings;
    }

    private static Workload sgd(BenchDevice bench) {
        Tensor parameters = bench.normal("parameters", bench.elements() / 2);
        Tensor gradient = bench.normal("gradient", bench.elements() / 2);
        Tensor velocity = bench.zeros("velocity", DType.F32, bench.elements() / 2);
        float[] before = bench.floats(parameters, 0, CLASSES);
        Tensor settings = settings(bench, OptimiserSettings.sgd(0.01, 0.9, false, 0, Double.POSITIVE_INFINITY));
        return Workload.of(bench, Optimiser.sgd(parameters, gradient, velocity, null, settings), () -> {
            float[] slope = bench.floats(gradient, 0, CLASSES);
            float[] actual = bench.floats(parameters, 0, CLASSES);
            for (int i = 0; i < CLASSES; i++) {
                Samples.near(parameters, i, actual[i], before[i] - 0.01 * slope[i], 4, CLOSE);
            }
        });
    }

    private static Workload adamW(BenchDevice bench) {
        Tensor parameters = bench.normal("parameters", bench.elements() / 2);
        Tensor gradient = bench.normal("gradient", bench.elements() / 2);
        Tensor m = bench.zeros("m", DType.F32, bench.elements() / 2);
        Tensor v = bench.zeros("v", DType.F32, bench.elements() / 2);
        float[] before = bench.floats(parameters, 0, CLASSES);
        Tensor settings =
                settings(bench, OptimiserSettings.adamW(1e-3, 0.9, 0.999, 1e-8, 0.01, 1, Double.POSITIVE_INFINITY));
        return Workload.of(bench, Optimiser.adamW(parameters, gradient, m, v, null, settings), () -> {
            float[] slope = bench.floats(gradient, 0, CLASSES);
            float[] actual = bench.floats(parameters, 0, CLASSES);
            for (int i = 0; i < CLASSES; i++) {
                // at the first step the moments without bias are g and g^2
                double expected = before[i] * (1 - 1e-3 * 0.01) - 1e-3 * slope[i] / (Math.abs(slope[i]) + 1e-8);
                Samples.near(parameters, i, actual[i], expected, 4, CLOSE);
            }
        });
    }
}
