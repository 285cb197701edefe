package dev.sagitta.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sagitta.device.cuda.CudaDevice;
import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CublasStepTest {
    private static final int BATCH = 3;
    private static final int M = 33;
    private static final int N = 17;
    private static final int K = 65;

    private CudaDevice device;

    @BeforeEach
    void needsCublas() {
        assumeTrue(TestDevices.names().contains("cuda"), "no CUDA device, not even a simulated one");
        device = (CudaDevice) TestDevices.get("cuda");
        assumeTrue(device.blas().isPresent(), "no cuBLAS");
    }

    /** A batch of transposed A by one B that all share, added to C. */
    @Test
    void computesWhatTheDescriptorSays() {
        try (KernelBench bench = new KernelBench(device, 7)) {
            float[] a = bench.normal(BATCH * K * M);
            float[] b = bench.normal(K * N);
            float[] c = bench.normal(BATCH * M * N);
            Tensor product = bench.inOut("c", c, BATCH, M, N);
            Gemm gemm = Gemm.of(bench.input("a", a, BATCH, K, M), true, bench.input("b", b, K, N), false, product)
                    .accumulate(true)
                    .scaled(0.5f);
            bench.run(CublasStep.of(gemm, device).orElseThrow());
            double[] expected = new double[c.length];
            double[] magnitude = new double[c.length];
            for (int s = 0; s < BATCH; s++) {
                for (int i = 0; i < M; i++) {
                    for (int j = 0; j < N; j++) {
                        int at = (s * M + i) * N + j;
                        expected[at] = c[at];
                        magnitude[at] = Math.abs(c[at]);
                        for (int t = 0; t < K; t++) {
                            double term = 0.5 * a[(s * K + t) * M + i] * b[t * N + j];
                            expected[at] += term;
                            magnitude[at] += Math.abs(term);
                        }
                    }
                }
            }
            bench.compare(product, expected, magnitude, gemm.tolerance());
        }
    }

    @Test
    void leavesWhatCublasCannotDoToOurKernel() {
        try (KernelBench bench = new KernelBench(device, 8)) {
            Tensor x = bench.input("x", bench.normal(16), 4, 4);
            Tensor bias = bench.input("bias", bench.normal(4), 4);
            Gemm gemm = Gemm.of(x, false, x, true, bench.output("y", DType.F32, 4, 4));
            assertThat(CublasStep.of(gemm, device)).isPresent();
            assertThat(CublasStep.of(gemm.bias(bias), device)).isEmpty();
            assertThat(CublasStep.of(gemm.then(Function.GELU), device)).isEmpty();
            for (String other : TestDevices.names()) {
                if (!other.equals("cuda")) {
                    assertThat(CublasStep.of(gemm, TestDevices.get(other))).isEmpty();
                }
            }
        }
    }
}
