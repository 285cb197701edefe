package dev.sagitta.kernel.packed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sagitta.device.Device;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.fixture.TestDevices;
import dev.sagitta.kernel.packed.PackedWeights.Layout;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What packed weights and their formats refuse, and their sizes. */
class PackedWeightsTest {
    private static final QuantFormat FORMAT = new QuantFormat(4, 32, false);
    private static final int N = 20;
    private static final int K = 70;

    private final Device device = TestDevices.get(TestDevices.one());
    private final List<Tensor> open = new ArrayList<>();

    @AfterEach
    void close() {
        open.forEach(tensor -> tensor.buffer().close());
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
        PackedWeights good = PackedWeights.allocate(device, MemoryCategory.OTHER, "w", FORMAT, Layout.ROWS, N, K);
        open.addAll(List.of(good.words(), good.scales(), good.offsets()));
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
}
