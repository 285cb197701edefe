package dev.sagitta.bench;

import dev.sagitta.fixture.Fp64;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.gemm.Gemm;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/** Dense products. Factors are reused within one product, so they need not be larger than the caches. */
final class GemmWorkloads {
    private static final int ROWS_CHECKED = 5;
    /** Elements of B that are downloaded at a time. */
    private static final int SLAB = 8 << 20;
    /** A prime, so that rows of a matrix that is filled with repetitions differ. */
    private static final int RANDOM_BLOCK = 1_048_573;

    private GemmWorkloads() {}

    static void add(Map<String, Catalogue.Builder> all) {
        all.put("gemm_nn_512", bench -> square(bench, 512, false, false));
        all.put("gemm_nn_1024", bench -> square(bench, 1024, false, false));
        all.put("gemm_nt_1024", bench -> square(bench, 1024, false, true));
        all.put("gemm_tn_1024", bench -> square(bench, 1024, true, false));
        all.put("gemm_tt_1024", bench -> square(bench, 1024, true, true));
        all.put("gemm_nn_2048", bench -> square(bench, 2048, false, false));
        all.put(
                "gemm_batch_16",
                bench -> product(bench, new Size(16, bench.side(256), bench.side(512), bench.side(512)), false, false));
        all.put("gemm_gelu_1024", GemmWorkloads::fused);
        all.put("gemm_bf16_1024", bench -> kind(bench, Kind.BF16, 1024, false));
    }

    /** For a GPU: kinds by sizes, by whatever the library takes for a plain product, and by our own kernel. */
    static void addSweep(Map<String, Catalogue.Builder> all, boolean vendor) {
        for (int n : new int[] {1024, 2048, 4096, 8192}) {
            for (Kind kind : Kind.values()) {
                String name = kind.name().toLowerCase(java.util.Locale.ROOT) + "_" + n;
                // smaller ones of fp32 are there under the names of their transpositions
                if (vendor && (kind != Kind.F32 || n > 2048)) {
                    all.putIfAbsent("gemm_" + name, bench -> kind(bench, kind, n, false));
                }
                all.put("gemm_own_" + name, bench -> kind(bench, kind, n, true));
            }
        }
    }

    /** Of factors; the product is fp32. */
    enum Kind {
        F32,
        TF32,
        BF16
    }

    /** M, N, K of each of {@code batch} products. */
    record Size(int batch, int m, int n, int k) {
        static Size square(int n) {
            return new Size(1, n, n, n);
        }

        long flops() {
            return 2L * batch * m * n * k;
        }
    }

    /** Tensors of a product, and the product. */
    record Product(Size size, Tensor a, Tensor b, Tensor c, Gemm gemm) {
        static Product of(BenchDevice bench, Size size, boolean transA, boolean transB) {
            Tensor a = bench.normal("A", size.batch, transA ? size.k : size.m, transA ? size.m : size.k);
            Tensor b = bench.normal("B", size.batch, transB ? size.n : size.k, transB ? size.k : size.n);
            return of(bench, size, a, transA, b, transB);
        }

        static Product of(BenchDevice bench, Size size, Tensor a, boolean transA, Tensor b, boolean transB) {
            Tensor c = bench.empty("C", DType.F32, size.batch, size.m, size.n);
            return new Product(size, a, b, c, Gemm.of(a, transA, b, transB, c));
        }

        Product with(Gemm other) {
            return new Product(size, a, b, c, other);
        }

        /** Some rows of the last product of the batch against fp64. */
        void check(BenchDevice bench) {
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
                    double expected =
                            gemm.function() == Function.GELU ? sums[r][j] * Fp64.normalCdf(sums[r][j]) : sums[r][j];
                    Samples.near(c, at + j, actual[j], expected, magnitudes[r][j], gemm.tolerance());
                }
            }
        }

        private int row(int r) {
            return (size.m - 1) * r / (ROWS_CHECKED - 1);
        }

        private float[] rowOfA(BenchDevice bench, int i) {
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

    private static Workload square(BenchDevice bench, int n, boolean transA, boolean transB) {
        return product(bench, Size.square(bench.side(n)), transA, transB);
    }

    static Workload product(BenchDevice bench, Size size, boolean transA, boolean transB) {
        return workload(bench, Product.of(bench, size, transA, transB), false);
    }

    private static Workload fused(BenchDevice bench) {
        Product plain = Product.of(bench, Size.square(bench.side(1024)), false, false);
        return workload(bench, plain.with(plain.gemm.then(Function.GELU)), false);
    }

    /** A square product of the kind, C in fp32. */
    static Workload kind(BenchDevice bench, Kind kind, int full, boolean own) {
        Size size = Size.square(bench.side(full));
        if (kind == Kind.BF16) {
            Tensor a = halves(bench, "A", size.n);
            Tensor b = halves(bench, "B", size.n);
            return workload(bench, Product.of(bench, size, a, false, b, false), own);
        }
        Product product = Product.of(bench, size, false, false);
        Gemm.Precision precision = kind == Kind.TF32 ? Gemm.Precision.TF32 : Gemm.Precision.FULL;
        return workload(bench, product.with(product.gemm.precision(precision)), own);
    }

    private static Workload workload(BenchDevice bench, Product product, boolean own) {
        Step step = own ? bench.own(product.gemm.prepareKernel(bench.device)) : bench.prepare(product.gemm);
        return Workload.of(new Step[] {step}, product.gemm, () -> product.check(bench));
    }

    /** Random normal values; factors are made by cutting fp32 words, so their low halves are never seen. */
    private static Tensor halves(BenchDevice bench, String name, int n) {
        Tensor tensor = bench.empty(name, DType.BF16, n, n);
        Random random = new Random(name.hashCode());
        int length = (int) Math.min(RANDOM_BLOCK, tensor.elements());
        ByteBuffer block = ByteBuffer.allocateDirect(2 * length).order(ByteOrder.nativeOrder());
        while (block.hasRemaining()) {
            block.putShort((short) (Float.floatToIntBits((float) random.nextGaussian()) >>> 16));
        }
        for (long at = 0; at < tensor.elements(); at += length) {
            long count = Math.min(length, tensor.elements() - at);
            bench.stream.upload(tensor.buffer(), 2 * at, block.clear().limit((int) (2 * count)));
        }
        return tensor;
    }
}
