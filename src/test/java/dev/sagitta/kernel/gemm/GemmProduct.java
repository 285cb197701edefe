package dev.sagitta.kernel.gemm;

import dev.sagitta.fixture.Bench;
import dev.sagitta.fixture.Jet;
import dev.sagitta.graph.op.elementwise.ActivationReference;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.stream.IntStream;

/** A product at a size for benchmarks: its tensors, and what is computed. */
public record GemmProduct(Size size, Tensor a, Tensor b, Tensor c, Gemm gemm) {
    private static final int ROWS_CHECKED = 5;
    /** Elements of B that are downloaded at a time. */
    private static final int SLAB = 8 << 20;

    /** M, N, K of each of {@code batch} products. */
    public record Size(int batch, int m, int n, int k) {
        public static Size square(int n) {
            return new Size(1, n, n, n);
        }

        public long flops() {
            return 2L * batch * m * n * k;
        }
    }

    public static GemmProduct of(Bench bench, Size size, boolean transA, boolean transB) {
        Tensor a = bench.normal("A", size.batch, transA ? size.k : size.m, transA ? size.m : size.k);
        Tensor b = bench.normal("B", size.batch, transB ? size.n : size.k, transB ? size.k : size.n);
        return of(bench, size, a, transA, b, transB);
    }

    static GemmProduct of(Bench bench, Size size, Tensor a, boolean transA, Tensor b, boolean transB) {
        Tensor c = bench.output("C", DType.F32, size.batch, size.m, size.n);
        return new GemmProduct(size, a, b, c, Gemm.of(a, transA, b, transB, c));
    }

    GemmProduct with(Gemm other) {
        return new GemmProduct(size, a, b, c, other);
    }

    /** Some rows of the last product of the batch against fp64. */
    public void check(Bench bench) {
        float[][] x = new float[ROWS_CHECKED][];
        for (int r = 0; r < ROWS_CHECKED; r++) {
            x[r] = rowOfA(bench, row(r));
        }
        double[][] sums = new double[ROWS_CHECKED][size.n];
        double[][] magnitudes = new double[ROWS_CHECKED][size.n];
        int rows = gemm.transB() ? size.n : size.k;
        int width = gemm.transB() ? size.k : size.n;
        int most = Math.max(1, SLAB / width);
        for (int first = 0; first < rows; first += most) {
            int start = first;
            int count = Math.min(most, rows - first);
            long at = ((long) (size.batch - 1) * rows + first) * width;
            float[] slab = bench.values(b, at, count * width);
            IntStream.range(0, ROWS_CHECKED)
                    .parallel()
                    .forEach(r -> add(x[r], slab, start, count, width, sums[r], magnitudes[r]));
        }
        for (int r = 0; r < ROWS_CHECKED; r++) {
            long at = ((long) (size.batch - 1) * size.m + row(r)) * size.n;
            float[] actual = bench.floats(c, at, size.n);
            for (int j = 0; j < size.n; j++) {
                double expected = gemm.function() == null
                        ? sums[r][j]
                        : ActivationReference.of(gemm.function(), Jet.of(sums[r][j]))
                                .v();
                Bench.near(c, at + j, actual[j], expected, magnitudes[r][j], gemm.tolerance());
            }
        }
    }

    private int row(int r) {
        return (size.m - 1) * r / (ROWS_CHECKED - 1);
    }

    private float[] rowOfA(Bench bench, int i) {
        long z = size.batch - 1;
        if (!gemm.transA()) {
            return bench.values(a, (z * size.m + i) * size.k, size.k);
        }
        float[] all = bench.values(a, z * size.m * size.k, size.m * size.k);
        float[] row = new float[size.k];
        for (int t = 0; t < size.k; t++) {
            row[t] = all[t * size.m + i];
        }
        return row;
    }

    /** Adds the terms of rows first .. first + count - 1 of B as stored. */
    private void add(float[] x, float[] slab, int first, int count, int width, double[] sums, double[] magnitudes) {
        for (int i = 0; i < count; i++) {
            if (gemm.transB()) {
                for (int t = 0; t < width; t++) {
                    double term = (double) x[t] * slab[i * width + t];
                    sums[first + i] += term;
                    magnitudes[first + i] += Math.abs(term);
                }
            } else {
                for (int j = 0; j < width; j++) {
                    double term = (double) x[first + i] * slab[i * width + j];
                    sums[j] += term;
                    magnitudes[j] += Math.abs(term);
                }
            }
        }
    }
}
