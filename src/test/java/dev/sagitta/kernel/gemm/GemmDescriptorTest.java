package dev.sagitta.kernel.gemm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.device.KernelText;
import dev.sagitta.fixture.PretendBuffer;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GemmDescriptorTest {
    private final Device device = TestDevices.get(TestDevices.names().get(0));

    static List<String> devices() {
        return TestDevices.names();
    }

    private Tensor tensor(String name, DType dtype, long... shape) {
        return new Tensor(name, new PretendBuffer(device, Long.MAX_VALUE), dtype, Shape.of(shape));
    }

    private Tensor tensor(String name, long... shape) {
        return tensor(name, DType.F32, shape);
    }

    private static void refused(Gemm gemm, String... words) {
        assertThatThrownBy(gemm::check)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll(words);
    }

    @Test
    void shapesMustFitTogether() {
        Tensor a = tensor("x", 5, 7);
        Tensor b = tensor("w", 7, 3);
        Tensor c = tensor("y", 5, 3);
        Gemm.of(a, false, b, false, c).check();
        refused(Gemm.of(a, false, b, true, c), "B", "'w'", "[7, 3]", "expected [3, 7]");
        refused(Gemm.of(a, true, b, false, c), "A", "'x'", "[5, 7]", "expected [5, 5]");
        refused(Gemm.of(a, false, b, false, tensor("y", 6, 3)), "'x'", "expected [6, 7]");
        refused(Gemm.of(tensor("x", 35), false, b, false, c), "'x'", "1 axes", "expected 2");
        refused(Gemm.of(a, false, b, false, tensor("y", 1, 1, 5, 3)), "'y'", "4 axes");
    }

    @Test
    void batchesMustAgree() {
        Tensor b = tensor("w", 7, 3);
        Gemm.of(tensor("x", 4, 5, 7), false, b, false, tensor("y", 4, 5, 3)).check();
        refused(Gemm.of(tensor("x", 2, 5, 7), false, b, false, tensor("y", 4, 5, 3)), "'x'", "batch 2", "4", "shared");
        refused(Gemm.of(tensor("x", 4, 5, 7), false, b, false, tensor("y", 5, 3)), "'x'", "batch 4", "1");
        refused(
                Gemm.of(tensor("x", 65536, 5, 7), false, b, false, tensor("y", 65536, 5, 3)),
                "65536",
                "65535",
                "split");
    }

    @Test
    void dtypesMustAgree() {
        Tensor b = tensor("w", 7, 3);
        Tensor c = tensor("y", 5, 3);
        refused(Gemm.of(tensor("x", DType.BF16, 5, 7), false, b, false, c), "'w'", "f32", "expected bf16");
        refused(Gemm.of(tensor("x", DType.I32, 5, 7), false, b, false, c), "'x'", "i32", "f32, bf16 or f16");
        Tensor halfA = tensor("x", DType.F16, 5, 7);
        Tensor halfB = tensor("w", DType.F16, 7, 3);
        Gemm.of(halfA, false, halfB, false, c).check();
        refused(Gemm.of(halfA, false, halfB, false, tensor("y", DType.BF16, 5, 3)), "'y'", "bf16", "f32", "f16");
        refused(Gemm.of(tensor("x", 5, 7), false, b, false, tensor("y", DType.F16, 5, 3)), "'y'", "f16", "f32");
        refused(Gemm.of(halfA, false, halfB, false, c).precision(Gemm.Precision.TF32), "TF32", "'x'", "f16", "FULL");
    }

    @Test
    void theBiasHasOneRowOrOnePerProduct() {
        Gemm gemm = Gemm.of(tensor("x", 2, 5, 7), false, tensor("w", 7, 3), false, tensor("y", 2, 5, 3));
        gemm.bias(tensor("bias", 3)).check();
        gemm.bias(tensor("bias", 2, 3)).check();
        refused(gemm.bias(tensor("bias", 5)), "'bias'", "5 elements", "N = 3", "6");
        refused(gemm.bias(tensor("bias", DType.BF16, 3)), "'bias'", "bf16", "expected f32");
    }

    @Test
    void emptyAndEnormousProductsAreRefused() {
        refused(Gemm.of(tensor("x", 5, 0), false, tensor("w", 0, 3), false, tensor("y", 5, 3)), "K 0", "at least 1");
        refused(Gemm.of(tensor("x", 0, 7), false, tensor("w", 7, 3), false, tensor("y", 0, 3)), "M 0", "at least 1");
        long many = 1L << 31;
        refused(
                Gemm.of(tensor("x", many, 2), false, tensor("w", 2, 3), false, tensor("y", many, 3)),
                "2147483648",
                "split");
        long wide = 1L << 29;
        refused(
                Gemm.of(tensor("x", wide, 2), false, tensor("w", 2, wide), false, tensor("y", wide, wide)),
                "64 x 64",
                "split");
    }

    @Test
    void theProductNeedsMemoryOfItsOwn() {
        Tensor a = tensor("x", 4, 4);
        Tensor b = tensor("w", 4, 4);
        refused(Gemm.of(a, false, b, false, a), "'x'", "also a factor");
        refused(Gemm.of(a, false, b, false, b), "'w'", "also a factor");
        Gemm.of(a, false, a, true, b).check();
    }

    @Test
    void closedMemoryIsNamed() {
        Tensor a = tensor("x", 4, 4);
        Tensor bias = tensor("bias", 4);
        Gemm gemm =
                Gemm.of(a, false, tensor("w", 4, 4), false, tensor("y", 4, 4)).bias(bias);
        bias.buffer().close();
        assertThatThrownBy(gemm::check)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("'pretend'");
    }

    @Test
    void entriesNameWhatIsMultiplied() {
        Tensor a = tensor("x", 5, 7);
        Tensor b = tensor("w", 3, 7);
        Gemm plain = Gemm.of(a, false, b, true, tensor("y", 5, 3));
        assertThat(plain.entry()).isEqualTo("gemm_f32_nt");
        Gemm tf32 = plain.precision(Gemm.Precision.TF32);
        assertThat(tf32.entry()).isEqualTo("gemm_tf32_nt");
        Tensor halfA = tensor("x", DType.BF16, 7, 5);
        Tensor halfB = tensor("w", DType.BF16, 7, 3);
        assertThat(Gemm.of(halfA, true, halfB, false, tensor("y", 5, 3)).entry())
                .isEqualTo("gemm_bf16_f32_tn");
        assertThat(Gemm.of(halfA, true, halfB, false, tensor("y", DType.BF16, 5, 3))
                        .entry())
                .isEqualTo("gemm_bf16_tn");
    }

    @Test
    void bytesAndFlopsCountEachMatrixOnce() {
        Gemm gemm = Gemm.of(tensor("x", 5, 7), false, tensor("w", 7, 3), false, tensor("y", 5, 3));
        assertThat(gemm.flops()).isEqualTo(2 * 5 * 7 * 3);
        assertThat(gemm.bytes()).isEqualTo(4 * (35 + 21 + 15));
        assertThat(gemm.accumulate(true).bytes()).isEqualTo(4 * (35 + 21 + 2 * 15));
        assertThat(gemm.bias(tensor("bias", 3)).bytes()).isEqualTo(4 * (35 + 21 + 15 + 3));
    }

    /** More than 2^31 elements in a matrix, in a batch, and rows enough to overflow a grid's second axis. */
    @ParameterizedTest
    @MethodSource("devices")
    void largeProductsAreCountedIn64Bits(String name) {
        Device any = TestDevices.get(name);
        long rows = 100_000_000L;
        Gemm tall = Gemm.of(tensor("x", rows, 64), false, tensor("w", 64, 96), false, tensor("y", rows, 96));
        tall.check();
        Geometry geometry = tall.geometry(any);
        assertThat(tall.flops()).isEqualTo(2 * rows * 64 * 96);
        assertThat(tall.bytes()).isEqualTo(4 * (rows * 64 + 64 * 96 + rows * 96));
        if (any.kind() == DeviceKind.CUDA) {
            assertThat((long) geometry.gridX()).isEqualTo((rows + 127) / 128);
        } else if (any.kind() == DeviceKind.OPENCL_GPU) {
            assertThat((long) geometry.gridX()).isEqualTo((rows + 63) / 64 * 2);
        }
        Gemm batched = Gemm.of(
                tensor("x", 3, 50_000, 50_000), false, tensor("w", 50_000, 8), false, tensor("y", 3, 50_000, 8));
        batched.check();
        Arguments arguments = new Arguments();
        batched.arguments(arguments);
        assertThat(arguments.values().get(10)).as("stride of A").isEqualTo(2_500_000_000L);
        assertThat(arguments.values().get(11)).as("stride of B, shared").isEqualTo(0L);
        assertThat(batched.geometry(any).gridZ()).isEqualTo(3);
    }

    /** On a device whose local memory holds the default panels, as all that the suite runs on. */
    @Test
    void definesAreThoseOfTheFile() {
        for (String name : TestDevices.names()) {
            Device device = TestDevices.get(name);
            String path =
                    switch (device.kind()) {
                        case CUDA -> "cuda/gemm.cu";
                        case OPENCL_GPU -> "opencl/gemm.cl";
                        case OPENCL_CPU -> "opencl/cpu/gemm.cl";
                    };
            assertThat(KernelText.defaults(path)).containsAllEntriesOf(GemmGeometry.defines(device));
        }
    }
}
