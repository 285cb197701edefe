package dev.sagitta.kernel.embedding;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.TimedCase;
import dev.sagitta.fixture.TimedCases;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.List;

/** A table of half of {@link Bench#elements}. */
final class EmbeddingCases implements TimedCases {
    private static final int WIDTH = 512;
    private static final Tolerance CLOSE = new Tolerance(2e-6, 1e-9);

    @Override
    public List<TimedCase> cases() {
        return List.of(
                TimedCase.of("embedding_gather", EmbeddingCases::gather),
                TimedCase.of("embedding_scatter", EmbeddingCases::scatter));
    }

    private static int vocabulary(Bench bench) {
        return (int) (bench.elements() / 4 / WIDTH);
    }

    private static Tensor ids(Bench bench, int count, int bound) {
        return bench.input("ids", new java.util.Random(7).ints(count, 0, bound).toArray(), count);
    }

    private static void gather(Bench bench) {
        int vocabulary = vocabulary(bench);
        Tensor table = bench.normal("table", 1, vocabulary, WIDTH);
        Tensor ids = ids(bench, 2 * vocabulary, vocabulary);
        Tensor y = bench.output("y", DType.F32, 1, 2 * vocabulary, WIDTH);
        bench.run(Embedding.gather(table, ids, y));
        bench.check(() -> {
            int[] id = bench.ints(ids);
            for (int i = 0; i < id.length; i += Math.max(1, id.length / 64)) {
                float[] expected = bench.floats(table, (long) id[i] * WIDTH, WIDTH);
                float[] actual = bench.floats(y, (long) i * WIDTH, WIDTH);
                for (int d = 0; d < WIDTH; d++) {
                    Bench.near(y, (long) i * WIDTH + d, actual[d], expected[d], 0, Tolerance.EXACT);
                }
            }
        });
    }

    private static void scatter(Bench bench) {
        int vocabulary = vocabulary(bench);
        Tensor ids = ids(bench, 2 * vocabulary, vocabulary);
        Tensor dy = bench.normal("dy", 1, 2 * vocabulary, WIDTH);
        Tensor dtable = bench.output("dtable", DType.F32, 1, vocabulary, WIDTH);
        Tensor workspace =
                bench.output("workspace", DType.I32, (Embedding.workspaceBytes(2 * vocabulary, vocabulary) + 3) / 4);
        bench.run(Embedding.scatter(ids, dy, dtable, workspace, false));
        bench.check(() -> {
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
                    Bench.near(dtable, (long) v * WIDTH + d, actual[d], sums[d], 10, CLOSE);
                }
            }
        });
    }
}
