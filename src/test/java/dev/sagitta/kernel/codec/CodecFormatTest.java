package dev.sagitta.kernel.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.sagitta.tensor.DType;
import org.junit.jupiter.api.Test;

/** What a format refuses, and the sizes of what it stores. */
class CodecFormatTest {
    private static final CodecFormat FORMAT = CodecFormat.of(4);

    @Test
    void formats() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> CodecFormat.of(3))
                .withMessageContainingAll("3 bits", "1, 2, 4 or 8");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new CodecFormat(4, 100, DType.F32))
                .withMessageContainingAll("group of 100", "256");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new CodecFormat(4, 2048, DType.F32))
                .withMessageContaining("2048");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new CodecFormat(4, 256, DType.F16))
                .withMessageContainingAll("F16", "F32 or BF16");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> FORMAT.packedBytes((1L << 40) + 1))
                .withMessageContainingAll("1099511627777", "split");
        assertThatIllegalArgumentException().isThrownBy(() -> FORMAT.groups(-1)).withMessageContaining("-1");
    }

    @Test
    void sizesReach40Bits() {
        assertThat(FORMAT.packedBytes(1)).isEqualTo(4);
        assertThat(FORMAT.packedBytes(9)).isEqualTo(8);
        assertThat(FORMAT.packedBytes(1L << 40)).isEqualTo(1L << 39);
        assertThat(new CodecFormat(1, 64, DType.BF16).packedBytes(33)).isEqualTo(8);
        assertThat(FORMAT.metadataBytes(257)).isEqualTo(16);
        assertThat(new CodecFormat(1, 64, DType.BF16).metadataBytes(1L << 40)).isEqualTo(1L << 36);
        assertThat(FORMAT.segments(3, 100)).isEqualTo(2 + 3);
    }
}
