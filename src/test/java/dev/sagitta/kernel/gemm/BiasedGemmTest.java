package dev.sagitta.kernel.gemm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sagitta.device.Recording;
import dev.sagitta.device.Stream;
import dev.sagitta.device.cuda.CublasGemm;
import dev.sagitta.device.cuda.CublasLt;
import dev.sagitta.device.cuda.CudaDevice;
import dev.sagitta.fixture.HeapMeter;
import dev.sagitta.fixture.KernelBench;
import dev.sagitta.fixture.SimulatedFaults;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.Step;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Products with a bias, by each of the ways that compute them. */
class BiasedGemmTest {
    private static final String PROPERTY = "sagitta.gemm.bias";

    private CudaDevice device;

    @BeforeEach
    void needsCublas() {
        device = TestDevices.withCublas();
    }

    @AfterEach
    void chooseAgain() {
        System.clearProperty(PROPERTY);
    }

    private void needsCublasLt(String way) {
        assumeTrue(
                !way.equals("cublaslt") || device.blasLt().isPresent(),
                "no cuBLASLt, or the jar was built without g++");
    }

    /** Odd extents, so that every address and leading dimension but the first is badly aligned; K = 130 makes cuBLASLt want workspace. */
    @ParameterizedTest
    @ValueSource(strings = {"cublaslt", "cublas", "own", "auto"})
    void everyWayComputesTheSame(String way) {
        needsCublasLt(way);
        System.setProperty(PROPERTY, way);
        int batch = 3;
        int m = 7;
        int n = 5;
        for (int k : new int[] {9, 130}) {
            for (int mode = 0; mode < 16; mode++) {
                boolean transA = (mode & 1) != 0;
                boolean transB = (mode & 2) != 0;
                boolean adds = (mode & 4) != 0;
                boolean biasForEach = (mode & 8) != 0;
                try (KernelBench bench = new KernelBench(device, 100 + mode)) {
                    float[] a = bench.normal(m * k);
                    float[] b = bench.normal(batch * k * n);
                    float[] c = bench.normal(batch * m * n);
                    float[] bias = bench.normal(biasForEach ? batch * n : n);
                    Tensor product = bench.inOut("c", c, batch, m, n);
                    Gemm gemm = Gemm.of(
                                    bench.input("a", a, transA ? k : m, transA ? m : k),
                                    transA,
                                    bench.input("b", b, batch, transB ? n : k, transB ? k : n),
                                    transB,
                                    product)
                            .scaled(-1.5f)
                            .accumulate(adds)
                            .bias(bench.input("bias", bias, biasForEach ? new long[] {batch, n} : new long[] {n}));
                    bench.run(gemm);
                    new GemmReference(gemm, a, b, c, bias).verify(bench, gemm);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"cublaslt", "cublas", "own", "auto"})
    void isCapturedFirstRepeatsItsBitsAndAllocatesNothing(String way) {
        needsCublasLt(way);
        System.setProperty(PROPERTY, way);
        int n = 10 + way.length(); // a kind of its own
        Stream stream = device.stream();
        try (KernelBench bench = new KernelBench(device, 11)) {
            Tensor c = bench.output("c", DType.F32, 19, n);
            Gemm gemm = Gemm.of(
                            bench.input("a", bench.normal(19 * 150), 19, 150),
                            false,
                            bench.input("b", bench.normal(n * 150), n, 150),
                            true,
                            c)
                    .bias(bench.input("bias", bench.normal(n), n));
            stream.fill(c.buffer(), 0, c.bytes(), (byte) 0);
            try (Step step = gemm.prepare(device);
                    Recording recording = stream.capture(() -> step.enqueue(stream))) {
                assertThat(c.downloadFloats(stream)).as("not computed yet").containsOnly(0);
                stream.replay(recording);
                float[] replayed = c.downloadFloats(stream);
                step.enqueue(stream);
                assertThat(c.downloadFloats(stream)).isEqualTo(replayed);
                try (Step again = gemm.prepare(device)) {
                    again.enqueue(stream);
                    assertThat(c.downloadFloats(stream)).isEqualTo(replayed);
                }
                long memory = device.memory().currentBytes();
                assertThat(HeapMeter.bytes(() -> step.enqueue(stream))).isZero();
                assertThat(device.memory().currentBytes()).isEqualTo(memory);
            }
        }
    }

    @Test
    @Tag("simcuda")
    void withoutMemoryToMeasureTheFirstWayServes() {
        assumeTrue(SimulatedFaults.available(device.info()), "a real driver");
        try (KernelBench bench = new KernelBench(device, 12);
                SimulatedFaults faults = new SimulatedFaults()) {
            Tensor a = bench.input("a", bench.normal(15 * 4), 15, 4);
            Tensor b = bench.input("b", bench.normal(4 * 21), 4, 21);
            Tensor bias = bench.input("bias", bench.normal(21), 21);
            Tensor c = bench.output("c", DType.F32, 15, 21);
            Gemm gemm = Gemm.of(a, false, b, false, c).bias(bias);
            gemm.prepare(device).close(); // streams and modules are there
            Gemm other = Gemm.of(b, true, a, true, bench.output("other", DType.F32, 21, 15))
                    .bias(bench.input("other bias", bench.normal(15), 15));
            faults.failAllocation(1);
            try (Step step = other.prepare(device)) {
                step.enqueue(device.stream());
                device.stream().synchronize();
            }
            faults.close();
            try (Step step = gemm.prepare(device)) {
                step.enqueue(device.stream());
            }
        }
    }

    @Test
    void leavesTheRestToOurKernelAndRefusesWhatItDoesNotKnow() {
        try (KernelBench bench = new KernelBench(device, 13)) {
            Tensor x = bench.input("x", bench.normal(16), 4, 4);
            Tensor bias = bench.input("bias", bench.normal(4), 4);
            Gemm gemm = Gemm.of(x, false, x, true, bench.output("y", DType.F32, 4, 4));
            assertThat(BiasedGemm.of(gemm, device)).isEmpty();
            assertThat(BiasedGemm.of(gemm.bias(bias).then(Function.GELU), device))
                    .isEmpty();
            assertThat(BiasedGemm.of(gemm.bias(bias), device)).isPresent();
            System.setProperty(PROPERTY, "cudnn");
            assertThatThrownBy(() -> BiasedGemm.of(gemm.bias(bias), device))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("cudnn")
                    .hasMessageContaining("auto, cublaslt, cublas, own");
        }
    }

    @Test
    void cublasLtLeavesProductsOfOtherTypesAndChecksItsOperands() {
        needsCublasLt("cublaslt");
        try (KernelBench bench = new KernelBench(device, 14)) {
            Tensor x = bench.input("x", bench.normal(16), 4, 4);
            Tensor y = bench.output("y", DType.F32, 4, 4);
            Tensor bias = bench.input("bias", bench.normal(4), 4);
            CublasLt lt = device.blasLt().orElseThrow();
            assertThat(lt.plan(
                            false,
                            false,
                            4,
                            4,
                            4,
                            1,
                            x.buffer(),
                            0,
                            x.buffer(),
                            0,
                            0,
                            y.buffer(),
                            0,
                            1,
                            bias.buffer(),
                            0,
                            CublasGemm.Precision.BF16))
                    .isEmpty();
            assertThatThrownBy(() -> lt.plan(
                            false,
                            false,
                            4,
                            5,
                            4,
                            1,
                            x.buffer(),
                            0,
                            x.buffer(),
                            0,
                            0,
                            y.buffer(),
                            0,
                            1,
                            bias.buffer(),
                            0,
                            CublasGemm.Precision.F32))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("B needs 20 elements");
            CublasLt.Plan plan = lt.plan(
                            false,
                            false,
                            4,
                            4,
                            4,
                            1,
                            x.buffer(),
                            0,
                            x.buffer(),
                            0,
                            0,
                            y.buffer(),
                            0,
                            1,
                            bias.buffer(),
                            0,
                            CublasGemm.Precision.F32)
                    .orElseThrow();
            plan.close();
            plan.close();
            assertThatThrownBy(() -> plan.enqueue(device.stream()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("closed");
        }
    }
}
