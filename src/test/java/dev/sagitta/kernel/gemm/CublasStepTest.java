package dev.sagitta.kernel.gemm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sagitta.device.Recording;
import dev.sagitta.device.cuda.CudaDevice;
import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.SimulatedFaults;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.Step;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class CublasStepTest {
    private static final int BATCH = 3;
    private static final int M = 33;
    private static final int N = 17;
    private static final int K = 65;

    private CudaDevice device;

    @BeforeEach
    void needsCublas() {
        device = TestDevices.withCublas();
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

    /** cuBLAS loads the kernel of a product when it first runs: preparing has seen to that. */
    @Test
    void theFirstProductOfAKindMayBeCaptured() {
        try (KernelBench bench = new KernelBench(device, 9)) {
            Tensor a = bench.input("a", ones(13 * 9), 13, 9);
            Tensor b = bench.input("b", ones(9 * 11), 9, 11);
            Tensor half = bench.output("a16", DType.BF16, 13, 9);
            Tensor other = bench.output("b16", DType.BF16, 9, 11);
            Tensor c = bench.output("c", DType.F32, 13, 11);
            ByteBuffer one = ByteBuffer.allocateDirect(2 * 13 * 9).order(ByteOrder.nativeOrder());
            for (int i = 0; i < 13 * 9; i++) {
                one.putShort(2 * i, (short) 0x3F80);
            }
            device.stream().upload(half.buffer(), 0, one);
            one.limit(2 * 9 * 11);
            device.stream().upload(other.buffer(), 0, one);
            for (Gemm gemm : List.of(
                    Gemm.of(half, false, other, false, c),
                    Gemm.of(a, false, b, false, c),
                    Gemm.of(a, false, b, false, c).precision(Gemm.Precision.TF32))) {
                device.stream().fill(c.buffer(), 0, c.bytes(), (byte) 0);
                Step step = CublasStep.of(gemm, device).orElseThrow();
                assertThat(c.downloadFloats(device.stream())).as("left alone").containsOnly(0);
                try (Recording recording = device.stream().capture(() -> step.enqueue(device.stream()))) {
                    device.stream().replay(recording);
                }
                assertThat(c.downloadFloats(device.stream())).containsOnly(9);
            }
        }
    }

    private static float[] ones(int count) {
        float[] ones = new float[count];
        Arrays.fill(ones, 1);
        return ones;
    }

    @Test
    @Tag("simcuda")
    void withoutMemoryToTryAProductItIsStillComputed() {
        assumeTrue(SimulatedFaults.available(device.info()), "a real driver");
        try (KernelBench bench = new KernelBench(device, 10)) {
            Tensor c = bench.output("c", DType.F32, 6, 7);
            Gemm gemm = Gemm.of(bench.input("a", ones(30), 6, 5), false, bench.input("b", ones(35), 5, 7), false, c);
            Step step;
            try (SimulatedFaults faults = new SimulatedFaults()) {
                faults.failAllocation(1);
                step = CublasStep.of(gemm, device).orElseThrow();
            }
            step.enqueue(device.stream());
            assertThat(c.downloadFloats(device.stream())).containsOnly(5);
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
