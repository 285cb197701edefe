package dev.sagitta.io.image;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PictureTest {
    private static Picture grey(int height, int width, int... values) {
        byte[] pixels = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            pixels[i] = (byte) values[i];
        }
        return new Picture(1, height, width, pixels);
    }

    @Test
    void theMiddleOfTheLongerSideIsTaken() {
        Picture wide = grey(2, 6, 0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15);
        assertThat(wide.square(2)).usingRecursiveComparison().isEqualTo(grey(2, 2, 2, 3, 12, 13));
        Picture tall = grey(5, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
        // half a row is left over above: to the even side
        assertThat(tall.square(2)).usingRecursiveComparison().isEqualTo(grey(2, 2, 4, 5, 6, 7));
        assertThat(grey(2, 2, 1, 2, 3, 4).square(2).pixels()).containsExactly(1, 2, 3, 4);
    }

    /** By hand: weights 1/4 and 3/4 between two pixels. */
    @Test
    void growingIsBilinear() {
        assertThat(grey(1, 1, 200).square(3)).usingRecursiveComparison().isEqualTo(grey(3, 3, filled(9, 200)));
        Picture step = grey(2, 2, 0, 100, 0, 100);
        assertThat(step.square(4))
                .usingRecursiveComparison()
                .isEqualTo(grey(4, 4, 0, 25, 75, 100, 0, 25, 75, 100, 0, 25, 75, 100, 0, 25, 75, 100));
    }

    /** By hand: at factor 2 the triangle has 1, 3, 3, 1 eighths of four pixels, and at an edge 3, 3, 1 sevenths of three. */
    @Test
    void shrinkingLooksAtEveryPixel() {
        int[] values = {70, 0, 0, 140, 70, 0, 0, 140, 70, 0, 0, 140, 70, 0, 0, 140};
        assertThat(grey(4, 4, values).square(2)).usingRecursiveComparison().isEqualTo(grey(2, 2, 30, 60, 30, 60));
        assertThat(grey(64, 64, filled(64 * 64, 255)).square(7))
                .usingRecursiveComparison()
                .isEqualTo(grey(7, 7, filled(49, 255)));
    }

    private static int[] filled(int count, int value) {
        int[] values = new int[count];
        java.util.Arrays.fill(values, value);
        return values;
    }

    @Test
    void greyIsRepeatedAndColoursHaveTheirLuminance() {
        assertThat(grey(1, 2, 7, 200).inChannels(3).pixels()).containsExactly(7, 200, 7, 200, 7, 200);
        Picture colours = new Picture(3, 1, 2, new byte[] {(byte) 255, 10, 0, 20, 0, 30});
        assertThat(colours.inChannels(1).pixels())
                .containsExactly((int) Math.round(255 * .299), (int) Math.round(10 * .299 + 20 * .587 + 30 * .114));
    }
}
