package dev.sagitta.bench;

import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.Gemm;
import dev.sagitta.kernel.Tolerance;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.util.Map;

/** Dense products. Factors are reused within one product, so they need not be larger than the caches. */
final class GemmWorkloads {
    private static final int ROWS_CHECKED = 5;

    private GemmWorkloads() {}

    static void add(Map<String, Catalogue.Builder> all) {
        all.put("gemm_nn_512", bench -> square(bench, 512, false, false));
        all.put("gemm_nn_1024", bench -> square(bench, 1024, false, false));
        all.put("gemm_nt_1024", bench -> square(bench, 1024, false, true));
        all.put("gemm_tn_1024", bench -> square(bench, 1024, true, false));
        all.put("gemm_tt_1024", bench -> square(bench, 1024, true, true));
        all.put("gemm_nn_2048", bench -> square(bench, 2048, false, false));
        all.put("gemm_batch_16", bench -> product(bench, new Size(16, 256, 512, 512), false, false));
        all.put("gemm_gelu_1024", GemmWorkloads::fused);
        all.put("gemm_bf16_1024", GemmWorkloads::bf16);
    }

    /** M, N, K of each of {@code batch} products. */
    record Size(int batch, int m, int n, int k) {
        long flops() {
            return 2L * batch * m * n * k;
        }
    }

    /** Tensors of a product, and the product. */
    record Product(Size size, Tensor a, Tensor b, Tensor c, Gemm gemm) {
        static Product of(BenchDevice bench, Size size, boolean transA, boolean transB) {
            Tensor a = bench.normal("A", size.batch, transA ? size.k : size.m, transA ? size.m : size.k);
            Tensor b = bench.normal("B", size.batch, transB ? size.n : size.k, transB ? size.k : size.n);
            Tensor c = bench.empty("C", DType.F32, size.batch, size.m, size.n);
            return new Product(size, a, b, c, Gemm.of(a, transA, b, transB, c));
        }

        /** Some rows of the last product of the batch against fp64. */
        void check(BenchDevice bench) {
            long z = size.batch - 1;
            int m = size.m;
            int n = size.n;
            int k = size.k;
            float[] x = bench.floats(a, z * m * k, m * k);
            float[] y = bench.floats(b, z * n * k, n * k);
            float[] actual = bench.floats(c, z * m * n, m * n);
            for (int r = 0; r < ROWS_CHECKED; r++) {
                int i = (m - 1) * r / (ROWS_CHECKED - 1);
                for (int j = 0; j < n; j++) {
                    double sum = 0;
                    double magnitude = 0;
                    for (int t = 0; t < k; t++) {
                        double term = (double) x[gemm.transA() ? t * m + i : i * k + t]
                                * y[gemm.transB() ? j * k + t : t * n + j];
                        sum += term;
                        magnitude += Math.abs(term);
                    }
                    if (gemm.function() == Function.GELU) {
                        sum *= dev.sagitta.fixture.Fp64.normalCdf(sum);
                    }
                    Samples.near(c, (z * m + i) * n + j, actual[i * n + j], sum, magnitude, gemm.tolerance());
                }
            }
        }
    }

    private static Workload square(BenchDevice bench, int n, boolean transA, boolean transB) {
        return product(bench, new Size(1, n, n, n), transA, transB);
    }

    static Workload product(BenchDevice bench, Size size, boolean transA, boolean transB) {
        Product product = Product.of(bench, size, transA, transB);
        return Workload.of(bench, product.gemm, () -> product.check(bench));
    }

    private static Workload fused(BenchDevice bench) {
        Product plain = Product.of(bench, new Size(1, 1024, 1024, 1024), false, false);
        Product fused = new Product(plain.size, plain.a, plain.b, plain.c, plain.gemm.then(Function.GELU));
        return Workload.of(bench, fused.gemm, () -> fused.check(bench));
    }

    /** Factors are made by cutting fp32 words, so their low halves are never seen. */
    private static Workload bf16(BenchDevice bench) {
        int n = 1024;
        Tensor a = halves(bench, "A", n);
        Tensor b = halves(bench, "B", n);
        Tensor c = bench.empty("C", DType.F32, n, n);
        Gemm gemm = Gemm.of(a, false, b, false, c);
        return Workload.of(bench, gemm, () -> {
            float[] x = wide(bench, a);
            float[] y = wide(bench, b);
            float[] actual = bench.floats(c);
            for (int r = 0; r < ROWS_CHECKED; r++) {
                int i = (n - 1) * r / (ROWS_CHECKED - 1);
                for (int j = 0; j < n; j++) {
                    double sum = 0;
                    double magnitude = 0;
                    for (int t = 0; t < n; t++) {
                        sum += (double) x[i * n + t] * y[t * n + j];
                        magnitude += Math.abs((double) x[i * n + t] * y[t * n + j]);
                    }
                    Tolerance tolerance = gemm.tolerance();
                    Samples.near(c, (long) i * n + j, actual[i * n + j], sum, magnitude, tolerance);
                }
            }
        });
    }

    private static Tensor halves(BenchDevice bench, String name, int n) {
        Tensor tensor = bench.empty(name, DType.BF16, n, n);
        java.util.Random random = new java.util.Random(name.hashCode());
        java.nio.ByteBuffer host =
                java.nio.ByteBuffer.allocateDirect(2 * n * n).order(java.nio.ByteOrder.nativeOrder());
        while (host.hasRemaining()) {
            host.putShort((short) (Float.floatToIntBits((float) random.nextGaussian()) >>> 16));
        }
        tensor.upload(bench.stream, host.flip());
        return tensor;
    }

    private static float[] wide(BenchDevice bench, Tensor tensor) {
        java.nio.ShortBuffer stored = tensor.download(bench.stream).asShortBuffer();
        float[] values = new float[stored.remaining()];
        for (int i = 0; i < values.length; i++) {
            values[i] = Float.intBitsToFloat(stored.get(i) << 16);
        }
        return values;
    }
}
