package dev.sagitta.io.image;

/**
 * A decoded picture.
 *
 * @param pixels bytes [channels, height, width], red, green and blue or grey
 */
public record Picture(int channels, int height, int width, byte[] pixels) {
    private static final int COLOURS = 3;
    /** Of red, green and blue in a grey: ITU-R BT.601, in thousandths. */
    private static final int[] LUMA = {299, 587, 114};

    /**
     * Scaled so that the shorter side has {@code side} pixels, and of that the square in the middle. Bilinear; where the picture shrinks, the triangle of weights is as
     * wide as what a pixel covers, so that nothing falls between pixels.
     */
    public Picture square(int side) {
        if (height == side && width == side) {
            return this;
        }
        Axis rows = Axis.of(height, Math.min(height, width), side);
        Axis columns = Axis.of(width, Math.min(height, width), side);
        byte[] out = new byte[channels * side * side];
        float[] narrow = new float[rows.extent() * side];
        for (int channel = 0; channel < channels; channel++) {
            int plane = channel * height * width;
            for (int y = 0; y < rows.extent(); y++) {
                int line = plane + (rows.start() + y) * width;
                for (int x = 0; x < side; x++) {
                    float sum = 0;
                    float[] weights = columns.weights()[x];
                    int first = line + columns.first()[x];
                    for (int i = 0; i < weights.length; i++) {
                        sum += weights[i] * Byte.toUnsignedInt(pixels[first + i]);
                    }
                    narrow[y * side + x] = sum;
                }
            }
            for (int y = 0; y < side; y++) {
                float[] weights = rows.weights()[y];
                int first = rows.first()[y] - rows.start();
                for (int x = 0; x < side; x++) {
                    float sum = 0;
                    for (int i = 0; i < weights.length; i++) {
                        sum += weights[i] * narrow[(first + i) * side + x];
                    }
                    out[(channel * side + y) * side + x] = (byte) Math.max(0, Math.min(255, Math.round(sum)));
                }
            }
        }
        return new Picture(channels, side, side, out);
    }

    /** In so many channels, 1 or 3: the grey of colours, or a grey as each of three. */
    public Picture inChannels(int wanted) {
        if (wanted == channels) {
            return this;
        }
        int plane = height * width;
        byte[] out = new byte[wanted * plane];
        for (int i = 0; i < plane; i++) {
            if (wanted == COLOURS) {
                out[i] = out[plane + i] = out[2 * plane + i] = pixels[i];
            } else {
                int sum = 500;
                for (int channel = 0; channel < COLOURS; channel++) {
                    sum += LUMA[channel] * Byte.toUnsignedInt(pixels[channel * plane + i]);
                }
                out[i] = (byte) (sum / 1000);
            }
        }
        return new Picture(wanted, height, width, out);
    }

    /**
     * How the pixels of one axis of the square come from those of the picture.
     *
     * @param first pixel that has a weight, for each pixel of the square
     * @param weights of it and the next ones, of sum 1
     */
    private record Axis(int[] first, float[][] weights) {
        static Axis of(int extent, int shorter, int side) {
            // both axes by the same factor; the longer one ends within the last pixel
            long scaled = extent == shorter ? side : (long) side * extent / shorter;
            double step = (double) extent / scaled;
            double reach = Math.max(step, 1);
            long offset = (long) Math.rint((scaled - side) / 2.0);
            int[] first = new int[side];
            float[][] weights = new float[side][];
            for (int i = 0; i < side; i++) {
                double centre = (offset + i + 0.5) * step;
                int from = (int) Math.max(0, Math.floor(centre - reach + 0.5));
                int to = (int) Math.min(extent, Math.floor(centre + reach + 0.5));
                double sum = 0;
                for (int j = from; j < to; j++) {
                    sum += weight((j + 0.5 - centre) / reach);
                }
                float[] row = new float[to - from];
                for (int j = from; j < to; j++) {
                    row[j - from] = (float) (weight((j + 0.5 - centre) / reach) / sum);
                }
                first[i] = from;
                weights[i] = row;
            }
            return new Axis(first, weights);
        }

        private static double weight(double distance) {
            return Math.max(0, 1 - Math.abs(distance));
        }

        /** The first pixel of the picture that any of the square has a part of. */
        int start() {
            return first[0];
        }

        /** How many pixels of the picture, from the first, the square has parts of. */
        int extent() {
            int last = first.length - 1;
            return first[last] + weights[last].length - first[0];
        }
    }
}
