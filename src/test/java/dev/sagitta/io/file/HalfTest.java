package dev.sagitta.io.file;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class HalfTest {
    /** The value by definition: sign, exponent and fraction. */
    private static double f16(int bits) {
        int exponent = (bits >> 10) & 31;
        int fraction = bits & 1023;
        double magnitude = exponent == 31
                ? (fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN)
                : exponent == 0 ? fraction * 0x1p-24 : (1024 + fraction) * Math.pow(2, exponent - 25);
        return (bits & 0x8000) == 0 ? magnitude : -magnitude;
    }

    @Test
    void everyF16PatternIsExactAndComesBack() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            float value = Half.fromF16((short) bits);
            if (Double.isNaN(f16(bits))) {
                assertThat(value).isNaN();
                assertThat(Half.fromF16(Half.toF16(value))).isNaN();
            } else {
                assertThat((double) value).isEqualTo(f16(bits));
                assertThat(Half.toF16(value)).isEqualTo((short) bits);
            }
        }
    }

    @Test
    void f16RoundsToNearestEven() {
        for (int bits = 0; bits < 0x7bff; bits++) {
            double low = f16(bits);
            double high = f16(bits + 1);
            float middle = (float) ((low + high) / 2);
            assertThat(Half.toF16(middle)).isEqualTo((short) (bits % 2 == 0 ? bits : bits + 1));
            assertThat(Half.toF16(Math.nextDown(middle))).isEqualTo((short) bits);
            assertThat(Half.toF16(-Math.nextUp(middle))).isEqualTo((short) (0x8000 | (bits + 1)));
        }
        assertThat(Half.fromF16(Half.toF16(65519.996f))).isEqualTo(65504f);
        assertThat(Half.fromF16(Half.toF16(65520f))).isInfinite();
        assertThat(Half.fromF16(Half.toF16(Float.MIN_VALUE))).isZero();
    }

    @Test
    void bf16RoundsToNearestEven() {
        for (int bits = 0; bits < 0x7f80; bits++) {
            float low = Half.fromBf16((short) bits);
            assertThat(Half.toBf16(low)).isEqualTo((short) bits);
            float middle = Float.intBitsToFloat((bits << 16) | 0x8000);
            assertThat(Half.toBf16(middle)).isEqualTo((short) (bits % 2 == 0 ? bits : bits + 1));
            assertThat(Half.toBf16(-Math.nextUp(middle))).isEqualTo((short) (0x8000 | (bits + 1)));
        }
        assertThat(Half.fromBf16(Half.toBf16(Float.NaN))).isNaN();
        assertThat(Half.fromBf16(Half.toBf16(Float.intBitsToFloat(0x7f800001)))).isNaN();
        assertThat(Half.fromBf16(Half.toBf16(Float.NEGATIVE_INFINITY))).isEqualTo(Float.NEGATIVE_INFINITY);
    }
}
