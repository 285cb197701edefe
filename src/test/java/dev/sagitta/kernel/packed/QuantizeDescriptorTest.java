package dev.sagitta.kernel.packed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.Descriptor;
import dev.sagitta.kernel.packed.PackedWeights.Layout;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What the descriptors of packed weights refuse, and in which words. */
@Tag("kernels")
class QuantizeDescriptorTest {
    private static final QuantFormat FORMAT = new QuantFormat(4, 32, false);
    private static final int N = 20;
    private static final int K = 70;

    private final Device device = TestDevices.get(TestDevices.names().get(0));
    private final List<Tensor> open = new ArrayList<>();

    @AfterEach
    void close() {
        open.forEach(tensor -> tensor.buffer().close());
    }

    private Tensor tensor(String name, DType dtype, long... shape) {
        Tensor tensor = Tensor.allocate(device, MemoryCategory.OTHER, name, dtype, Shape.of(shape));
        open.add(tensor);
        return tensor;
    }

    private Tensor floats(String name, long... shape) {
        return tensor(name, DType.F32, shape);
    }

    private PackedWeights packed(Layout layout) {
        PackedWeights packed = PackedWeights.allocate(device, MemoryCategory.OTHER, "w", FORMAT, layout, N, K);
        open.addAll(List.of(packed.words(), packed.scales(), packed.offsets()));
        return packed;
    }

    private static void refuses(Descriptor descriptor, String... words) {
        assertThatThrownBy(descriptor::check)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll(words);
    }

    @Test
    void formats() {
        assertThatThrownBy(() -> new QuantFormat(5, 32, true)).hasMessageContainingAll("5 bits", "2, 3, 4 or 8");
        assertThatThrownBy(() -> new QuantFormat(4, 0, true)).hasMessageContainingAll("groups of 0", "at least 1");
        assertThat(new QuantFormat(4, 64, true).bytesPerWeight(4096, 4096)).isEqualTo(0.5625);
        assertThat(new QuantFormat(3, 128, false).bytesPerWeight(4096, 4096)).isEqualTo(0.4375);
        assertThat(new QuantFormat(3, 32, true).bytes(2, 33)).isEqualTo(2 * (4 * 4 + 2 * 4));
    }

    @Test
    void sizesBeyondTheRangeOfInt() {
        QuantFormat format = new QuantFormat(3, 64, true);
        assertThat(format.rowWords(1L << 30)).isEqualTo(3L << 25);
        assertThat(PackedWeights.wordsShape(format, Layout.PANELS, 1L << 30, 1L << 30)
                        .elements())
                .isEqualTo((1L << 30) * (3L << 25));
        assertThat(QTiles.geometry(device, 1L << 30, 4096).gridX()).isPositive();
        assertThatThrownBy(() -> format.bytes(1L << 40, 1L << 40)).isInstanceOf(ArithmeticException.class);
    }

    @Test
    void packedWeights() {
        PackedWeights good = packed(Layout.ROWS);
        assertThatThrownBy(() -> new PackedWeights(FORMAT, Layout.ROWS, N, K, good.words(), good.scales(), null))
                .hasMessageContaining("needs a tensor of centres");
        assertThatThrownBy(() -> new PackedWeights(
                        new QuantFormat(4, 32, true), Layout.ROWS, N, K, good.words(), good.scales(), good.offsets()))
                .hasMessageContaining("has no centres");
        assertThatThrownBy(
                        () -> new PackedWeights(FORMAT, Layout.ROWS, 0, K, good.words(), good.scales(), good.offsets()))
                .hasMessageContainingAll("[0, 70]", "2^30");
        assertThatThrownBy(() -> new PackedWeights(
                        FORMAT, Layout.ROWS, N, (1L << 30) + 1, good.words(), good.scales(), good.offsets()))
                .hasMessageContaining("2^30");
    }

    @Test
    void quantize() {
        PackedWeights rows = packed(Layout.ROWS);
        Tensor w = floats("weights", N, K);
        assertThatCode(() -> QuantizeWeights.pack(w, rows, floats("errors", N)).check())
                .doesNotThrowAnyException();
        refuses(QuantizeWeights.fit(floats("weights", K, N), rows), "quantize_fit_w4_f32", "[70, 20]", "[20, 70]");
        refuses(QuantizeWeights.fit(tensor("weights", DType.I32, N, K), rows), "i32", "expected f32");
        refuses(QuantizeWeights.fit(w, packed(Layout.PANELS)), "PANELS", "ROWS", "RepackWeights");
        refuses(QuantizeWeights.pack(w, rows, floats("errors", K)), "'errors'", "[70]", "[20]");
        refuses(QuantizeWeights.pack(w, rows, null), "errors is missing");
        PackedWeights otherWords = new PackedWeights(
                FORMAT, Layout.ROWS, N, K, tensor("w.words", DType.U32, N, 8), rows.scales(), rows.offsets());
        refuses(QuantizeWeights.fit(w, otherWords), "'w.words'", "[20, 8]", "[20, 9]");
        PackedWeights otherScales =
                new PackedWeights(FORMAT, Layout.ROWS, N, K, rows.words(), floats("w.scales", N, 2), rows.offsets());
        refuses(QuantizeWeights.fit(w, otherScales), "'w.scales'", "[20, 2]", "[20, 3]");
        PackedWeights otherOffsets =
                new PackedWeights(FORMAT, Layout.ROWS, N, K, rows.words(), rows.scales(), floats("w.offsets", N, 2));
        refuses(QuantizeWeights.fit(w, otherOffsets), "'w.offsets'", "[20, 2]");
        rows.words().buffer().close();
        refuses(QuantizeWeights.pack(w, rows, floats("errors", N)), "'w.words'", "closed");
    }

    @Test
    void dequantizeAndRepack() {
        PackedWeights rows = packed(Layout.ROWS);
        PackedWeights panels = packed(Layout.PANELS);
        refuses(
                new DequantizeWeights(rows, floats("weights", N, K + 1)),
                "dequantize_rows_w4_f32",
                "[20, 71]",
                "[20, 70]");
        refuses(new DequantizeWeights(panels, tensor("weights", DType.BF16, N, K)), "bf16", "expected f32");
        assertThatThrownBy(() -> RepackWeights.of(rows, rows)).hasMessageContaining("nothing to do");
        QuantFormat other = new QuantFormat(8, 32, false);
        PackedWeights eight = PackedWeights.allocate(device, MemoryCategory.OTHER, "v", other, Layout.PANELS, N, K);
        open.addAll(List.of(eight.words(), eight.scales(), eight.offsets()));
        assertThatThrownBy(() -> RepackWeights.of(rows, eight)).hasMessageContainingAll("bits=4", "bits=8");
        refuses(new RepackWeights(true, floats("m", N, 3), floats("p", 1, 3, 16)), "[1, 3, 16]", "ceil(20 / 16)");
        refuses(new RepackWeights(true, floats("m", N, 3), floats("p", 2, 2, 16)), "at least 3");
        refuses(new RepackWeights(false, floats("m", N), floats("p", 2, 2, 16)), "[N, width]");
        refuses(new RepackWeights(false, tensor("m", DType.I64, N, 3), floats("p", 2, 3, 16)), "i64", "u32 or f32");
        refuses(new RepackWeights(false, tensor("m", DType.U32, N, 3), floats("p", 2, 3, 16)), "f32", "expected u32");
    }

    @Test
    void products() {
        PackedWeights w = packed(Layout.PANELS);
        Tensor x = floats("x", 3, K);
        Tensor y = floats("y", 3, N);
        assertThatCode(() -> new QMatmul(x, w, floats("bias", N), y).check()).doesNotThrowAnyException();
        assertThatCode(() -> QMatmul.of(floats("x", 2, 3, K), w, floats("y", 2, 3, N))
                        .check())
                .doesNotThrowAnyException();
        refuses(QMatmul.of(x, packed(Layout.ROWS), y), "ROWS", "PANELS", "RepackWeights");
        refuses(QMatmul.of(floats("x", 3, K + 1), w, y), "'x'", "[3, 71]", "[.., 70]");
        refuses(QMatmul.of(x, w, floats("y", 2, N)), "'y'", "40 elements", "60");
        refuses(QMatmul.of(floats("x", 0, K), w, floats("y", 0, N)), "at least one row");
        refuses(QMatmul.of(tensor("x", DType.F16, 3, K), w, y), "f16", "expected f32");
        refuses(new QMatmul(x, w, floats("bias", K), y), "'bias'", "[70]", "[20]");
        assertThatCode(() -> new QMatmulBackward(y, w, x).check()).doesNotThrowAnyException();
        refuses(new QMatmulBackward(x, w, y), "qmatmul_backward_w4_f32", "'x'", "[.., 20]");
        refuses(new QMatmulBackward(y, w, floats("dx", 4, K)), "'dx'", "280 elements", "210");
        Tensor gone = floats("gone", 3, K);
        gone.buffer().close();
        refuses(QMatmul.of(gone, w, y), "'gone'", "closed");
        refuses(new QMatmulBackward(y, w, gone), "'gone'", "closed");
    }
}
