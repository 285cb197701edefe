package dev.sagitta.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Recording;
import dev.sagitta.device.Stream;
import dev.sagitta.device.cuda.CublasGemm.Precision;
import dev.sagitta.fixture.ChildJvm;
import dev.sagitta.fixture.HeapMeter;
import dev.sagitta.fixture.TestDevices;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Products of small integers, which every precision represents exactly, and the ways in which cuBLAS is found. */
class CublasGemmTest {
    private static final int M = 3;
    private static final int N = 5;
    private static final int K = 4;
    private static final int BATCH = 2;

    private CudaDevice device;

    @BeforeEach
    void needsCuda() {
        device = TestDevices.withCublas();
    }

    private static int a(int batch, int row, int column) {
        return (batch + 2 * row + 3 * column) % 7 - 3;
    }

    private static int b(int batch, int row, int column) {
        return (batch + 5 * row + column) % 5 - 2;
    }

    /** Element bits as the precision stores them; bf16 and fp16 of small integers are exact. */
    private static void put(ByteBuffer to, int index, int bytes, boolean bf16, float value) {
        if (bytes == 4) {
            to.putFloat(4 * index, value);
        } else {
            to.putShort(2 * index, bf16 ? (short) (Float.floatToRawIntBits(value) >>> 16) : half(value));
        }
    }

    /** fp16 of a normal number that it represents exactly. */
    private static short half(float value) {
        if (value == 0) {
            return 0;
        }
        int bits = Float.floatToRawIntBits(value);
        int exponent = (bits >>> 23 & 0xFF) - 127 + 15;
        return (short) (bits >>> 16 & 0x8000 | exponent << 10 | bits >>> 13 & 0x3FF);
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void rowMajorProductsInEveryTransposition(Precision precision) {
        Stream stream = device.stream();
        boolean bf16 = precision.name().startsWith("BF16");
        int in = precision.name().contains("16") ? 2 : 4;
        int out = precision == Precision.BF16 || precision == Precision.F16 ? 2 : 4;
        try (Buffer bufferA = device.allocate((long) BATCH * M * K * in, MemoryCategory.DATA, "A");
                Buffer bufferB = device.allocate((long) BATCH * K * N * in, MemoryCategory.DATA, "B");
                Buffer bufferC = device.allocate((long) BATCH * M * N * out, MemoryCategory.DATA, "C")) {
            for (int mode = 0; mode < 8; mode++) {
                boolean transA = (mode & 1) != 0;
                boolean transB = (mode & 2) != 0;
                int batch = (mode & 4) != 0 ? BATCH : 1;
                ByteBuffer hostA = host(BATCH * M * K * in);
                ByteBuffer hostB = host(BATCH * K * N * in);
                for (int s = 0; s < BATCH; s++) {
                    for (int l = 0; l < K; l++) {
                        for (int i = 0; i < M; i++) {
                            put(hostA, s * M * K + (transA ? l * M + i : i * K + l), in, bf16, a(s, i, l));
                        }
                        for (int j = 0; j < N; j++) {
                            put(hostB, s * K * N + (transB ? j * K + l : l * N + j), in, bf16, b(s, l, j));
                        }
                    }
                }
                stream.upload(bufferA, 0, hostA);
                stream.upload(bufferB, 0, hostB);
                ByteBuffer ones = host(BATCH * M * N * out);
                for (int i = 0; i < BATCH * M * N; i++) {
                    put(ones, i, out, bf16, 1);
                }
                stream.upload(bufferC, 0, ones);
                device.blas()
                        .orElseThrow()
                        .gemm(
                                stream,
                                transA,
                                transB,
                                M,
                                N,
                                K,
                                2,
                                bufferA,
                                transA ? M : K,
                                M * K,
                                bufferB,
                                transB ? K : N,
                                K * N,
                                -1,
                                bufferC,
                                N,
                                M * N,
                                batch,
                                precision);
                ByteBuffer actual = host(BATCH * M * N * out);
                stream.download(actual, bufferC, 0);
                ByteBuffer expected = host(BATCH * M * N * out);
                for (int s = 0; s < BATCH; s++) {
                    for (int i = 0; i < M; i++) {
                        for (int j = 0; j < N; j++) {
                            int sum = 0;
                            for (int l = 0; l < K; l++) {
                                sum += a(s, i, l) * b(s, l, j);
                            }
                            put(expected, (s * M + i) * N + j, out, bf16, s < batch ? 2 * sum - 1 : 1);
                        }
                    }
                }
                assertThat(actual)
                        .as("transA %s transB %s batch %d", transA, transB, batch)
                        .isEqualTo(expected);
            }
        }
    }

    private static ByteBuffer host(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    @Test
    void operandsAreChecked() {
        CublasGemm gemm = device.blas().orElseThrow();
        try (Buffer small = device.allocate(4 * 12, MemoryCategory.DATA, "small")) {
            assertThatThrownBy(() -> gemm.gemm(
                            device.stream(),
                            false,
                            false,
                            4,
                            4,
                            4,
                            1,
                            small,
                            4,
                            0,
                            small,
                            4,
                            0,
                            0,
                            small,
                            4,
                            0,
                            1,
                            Precision.F32))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("A [1 x 4, 4]")
                    .hasMessageContaining("needs 16 elements")
                    .hasMessageContaining("'small'");
            assertThatThrownBy(() -> gemm.gemm(
                            device.stream(),
                            false,
                            false,
                            2,
                            2,
                            3,
                            1,
                            small,
                            2,
                            0,
                            small,
                            2,
                            0,
                            0,
                            small,
                            2,
                            0,
                            1,
                            Precision.F32))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("leading dimension 2");
            assertThatThrownBy(() -> gemm.gemm(
                            device.stream(),
                            false,
                            false,
                            0,
                            2,
                            2,
                            1,
                            small,
                            2,
                            0,
                            small,
                            2,
                            0,
                            0,
                            small,
                            2,
                            0,
                            1,
                            Precision.F32))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("m 0");
            assertThatThrownBy(() -> gemm.gemm(
                            device.stream(),
                            false,
                            false,
                            2,
                            2,
                            2,
                            1,
                            small,
                            2,
                            0,
                            small,
                            2,
                            0,
                            0,
                            small,
                            2,
                            3,
                            2,
                            Precision.F32))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("overlap");
        }
    }

    @Test
    void warmProductsAllocateNothingAndCanBeCaptured() {
        CublasGemm gemm = device.blas().orElseThrow();
        try (Stream stream = device.newStream("gemm");
                Buffer x = device.allocate(4 * 4, MemoryCategory.DATA, "x");
                Buffer y = device.allocate(4 * 4, MemoryCategory.DATA, "y")) {
            ByteBuffer values = host(16);
            values.asFloatBuffer().put(new float[] {1, 2, 3, 4});
            stream.upload(x, 0, values);
            Runnable square =
                    () -> gemm.gemm(stream, false, false, 2, 2, 2, 1, x, 2, 0, x, 2, 0, 0, y, 2, 0, 1, Precision.TF32);
            assertThatThrownBy(() -> stream.capture(square))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("prepare(stream)");
            square.run(); // cuBLAS loads its kernel
            try (Recording recording = stream.capture(square)) {
                stream.fill(y, 0, 16, (byte) 0);
                stream.replay(recording);
                ByteBuffer result = host(16);
                stream.download(result, y, 0);
                assertThat(result.getFloat(0)).isEqualTo(7);
                assertThat(result.getFloat(12)).isEqualTo(22);
            }
            long memory = device.memory().currentBytes();
            assertThat(HeapMeter.bytes(square)).isZero();
            assertThat(device.memory().currentBytes()).isEqualTo(memory);
        }
    }

    @Test
    void cublas13ServesByTheShim() {
        Path standIn = Path.of("native/cublas13/build/test").toAbsolutePath();
        assumeTrue(Files.exists(standIn.resolve("libcublas.so.13")), "native/cublas13 was not built: no g++");
        String output = withoutCublas12(List.of("-Dsagitta.cublas.dir=" + standIn));
        assertThat(output)
                .contains("product [7.0, 10.0, 15.0, 22.0]")
                .contains("cuBLAS 13.0.2, in " + standIn + " (the named folder)");
    }

    @Test
    void withoutCublasTheLogSaysWhatServes() {
        String output = withoutCublas12(List.of());
        assertThat(output)
                .contains("no cuBLAS")
                .contains("our own kernel")
                .contains("-Dsagitta.cublas.dir", "the loader's path (")
                .doesNotContain("Exception");
    }

    /** In a process on whose library path the simulated driver has no cuBLAS beside it. */
    private static String withoutCublas12(List<String> options) {
        String path = System.getenv().getOrDefault("LD_LIBRARY_PATH", "").split(":")[0] + "/no-cublas";
        assumeTrue(Files.exists(Path.of(path, "libcuda.so.1")), "a real driver");
        List<String> all = new ArrayList<>(List.of("-Dsagitta.cuda.search=false"));
        all.addAll(options);
        return ChildJvm.run(Map.of("LD_LIBRARY_PATH", path), all, Main.class);
    }

    /** The child. */
    static final class Main {
        public static void main(String[] args) {
            System.out.println(CublasLibrary.describe());
            try (CudaDevice device = (CudaDevice) TestDevices.openNew("cuda");
                    Buffer x = device.allocate(16, MemoryCategory.DATA, "x");
                    Buffer y = device.allocate(16, MemoryCategory.DATA, "y")) {
                if (device.blas().isEmpty()) {
                    System.out.println("no cuBLAS");
                    return;
                }
                ByteBuffer values = host(16);
                values.asFloatBuffer().put(new float[] {1, 2, 3, 4});
                device.stream().upload(x, 0, values);
                device.blas()
                        .get()
                        .gemm(
                                device.stream(),
                                false,
                                false,
                                2,
                                2,
                                2,
                                1,
                                x,
                                2,
                                0,
                                x,
                                2,
                                0,
                                0,
                                y,
                                2,
                                0,
                                1,
                                Precision.F32);
                device.stream().download(values, y, 0);
                float[] product = new float[4];
                values.asFloatBuffer().get(product);
                System.out.println("product " + java.util.Arrays.toString(product));
            }
        }
    }
}
