package dev.sagitta.kernel.gemm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Recording;
import dev.sagitta.device.Stream;
import dev.sagitta.fixture.ChildJvm;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.Function;
import dev.sagitta.kernel.Step;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Prepared products: captured, replayed, and without cuBLAS. */
class GemmStepTest {
    static List<String> devices() {
        return TestDevices.names();
    }

    /** The very first product on a device of its own, with and without the epilogue that keeps it from cuBLAS. */
    @ParameterizedTest
    @MethodSource("devices")
    void aProductMayBeCaptured(String name) {
        try (Device device = TestDevices.openNew(name)) {
            Stream stream = device.stream();
            Tensor x = tensor(device, "x", 2, 2);
            Tensor y = tensor(device, "y", 2, 2);
            Tensor bias = tensor(device, "bias", 2);
            x.upload(stream, new float[] {1, 2, 3, 4});
            bias.upload(stream, new float[] {-8, 0.5f});
            Gemm square = Gemm.of(x, false, x, false, y);
            try (Step product = square.prepare(device);
                    Step whole = square.bias(bias).then(Function.RELU).prepare(device);
                    Recording first = stream.capture(() -> product.enqueue(stream));
                    Recording second = stream.capture(() -> whole.enqueue(stream))) {
                stream.replay(first);
                assertThat(y.downloadFloats(stream)).containsExactly(7, 10, 15, 22);
                stream.replay(second);
                assertThat(y.downloadFloats(stream)).containsExactly(0, 10.5f, 7, 22.5f);
                stream.replay(first);
                assertThat(y.downloadFloats(stream)).containsExactly(7, 10, 15, 22);
            }
            x.buffer().close();
            y.buffer().close();
            bias.buffer().close();
        }
    }

    /** TF32 is an option of one kind of device; the others compute the same product from the factors as they are stored. */
    @ParameterizedTest
    @MethodSource("devices")
    void tf32RoundsFactorsOnCudaAlone(String name) {
        Device device = TestDevices.get(name);
        Stream stream = device.stream();
        Tensor x = tensor(device, "x", 1, 1);
        Tensor y = tensor(device, "y", 1, 1);
        float odd = 1 + 0x1p-20f;
        x.upload(stream, new float[] {odd});
        Gemm square = Gemm.of(x, false, x, true, y);
        try (Step full = square.prepare(device);
                Step tf32 = square.precision(Gemm.Precision.TF32).prepareKernel(device)) {
            full.enqueue(stream);
            assertThat(y.downloadFloats(stream)[0]).isEqualTo(odd * odd);
            tf32.enqueue(stream);
            assertThat(y.downloadFloats(stream)[0]).isEqualTo(name.equals("cuda") ? 1 : odd * odd);
        }
        x.buffer().close();
        y.buffer().close();
    }

    @Test
    @Tag("simcuda")
    void ourOwnKernelServesWhereCublasIsMissing() {
        String path = System.getenv().getOrDefault("LD_LIBRARY_PATH", "").split(":")[0] + "/no-cublas";
        assumeTrue(Files.exists(Path.of(path, "libcuda.so.1")), "a real driver");
        String modules = "-Dsagitta.cuda.modules=" + System.getProperty("sagitta.cuda.modules", "");
        String output = ChildJvm.run(
                Map.of("LD_LIBRARY_PATH", path), List.of(modules, "-Dsagitta.cuda.search=false"), Main.class);
        assertThat(output)
                .contains("our own kernel", "product [7.0, 10.0, 15.0, 22.0]")
                .doesNotContain("Exception");
    }

    /** The child. */
    static final class Main {
        public static void main(String[] args) {
            try (Device device = TestDevices.openNew("cuda")) {
                Tensor x = tensor(device, "x", 2, 2);
                Tensor y = tensor(device, "y", 2, 2);
                x.upload(device.stream(), new float[] {1, 2, 3, 4});
                try (Step product = Gemm.of(x, false, x, false, y).prepare(device)) {
                    product.enqueue(device.stream());
                }
                System.out.println("product " + Arrays.toString(y.downloadFloats(device.stream())));
                x.buffer().close();
                y.buffer().close();
            }
        }
    }

    private static Tensor tensor(Device device, String name, long... shape) {
        return Tensor.allocate(device, MemoryCategory.OTHER, name, DType.F32, Shape.of(shape));
    }
}
