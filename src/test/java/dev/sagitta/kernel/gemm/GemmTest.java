package dev.sagitta.kernel.gemm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sagitta.device.Arguments;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Geometry;
import dev.sagitta.device.KernelFiles;
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

/** Entries, bytes and geometry of products, those too large to allocate as well. */
class GemmTest {
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
        Arguments arguments = batched.signature().values();
        assertThat(arguments.values().get(10)).as("stride of A").isEqualTo(2_500_000_000L);
        assertThat(arguments.values().get(11)).as("stride of B, shared").isEqualTo(0L);
        assertThat(batched.geometry(any).gridZ()).isEqualTo(3);
    }

    /** On a device whose local memory holds the default panels, as all that the suite runs on. */
    @Test
    void definesAreThoseOfTheFile() {
        for (String name : TestDevices.names()) {
            Device device = TestDevices.get(name);
            String path = KernelFiles.path(device.kind(), "gemm/gemm");
            assertThat(KernelText.defaults(path)).containsAllEntriesOf(GemmGeometry.defines(device));
        }
    }
}
