package dev.sagitta.kernel.packed;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Packed weights as docs/packed-weights.md describes them, in plain Java: a bit stream per row, written bit by bit. */
public record PackedReference(QuantFormat format, int n, int k, int[][] codes, float[][] scales, float[][] offsets) {

    public static PackedReference random(java.util.Random random, QuantFormat format, int n, int k) {
        int groups = (int) format.groups(k);
        PackedReference made = new PackedReference(
                format, n, k, new int[n][k], new float[n][groups], format.symmetric() ? null : new float[n][groups]);
        for (int row = 0; row < n; row++) {
            for (int e = 0; e < k; e++) {
                made.codes[row][e] = random.nextInt(1 << format.bits());
            }
            for (int g = 0; g < groups; g++) {
                made.scales[row][g] = (float) random.nextGaussian();
                if (made.offsets != null) {
                    made.offsets[row][g] = (float) random.nextGaussian();
                }
            }
        }
        return made;
    }

    /** Reads the layout of files. */
    static PackedReference read(QuantFormat format, int n, int k, byte[] words, float[] scales, float[] offsets) {
        int groups = (int) format.groups(k);
        int rowBytes = 4 * (int) format.rowWords(k);
        PackedReference read = new PackedReference(
                format, n, k, new int[n][k], new float[n][groups], offsets == null ? null : new float[n][groups]);
        for (int row = 0; row < n; row++) {
            for (int e = 0; e < k; e++) {
                for (int b = 0; b < format.bits(); b++) {
                    int bit = e * format.bits() + b;
                    read.codes[row][e] |= (words[row * rowBytes + bit / 8] >> bit % 8 & 1) << b;
                }
            }
            System.arraycopy(scales, row * groups, read.scales[row], 0, groups);
            if (offsets != null) {
                System.arraycopy(offsets, row * groups, read.offsets[row], 0, groups);
            }
        }
        return read;
    }

    public float weight(int row, int e) {
        int g = e / format.group();
        float centred = codes[row][e] - (1 << format.bits() - 1);
        return Math.fma(scales[row][g], centred, offsets == null ? 0 : offsets[row][g]);
    }

    /** Words in the layout of files: unused bits are 0. */
    byte[] rowWords() {
        int rowBytes = 4 * (int) format.rowWords(k);
        byte[] words = new byte[n * rowBytes];
        for (int row = 0; row < n; row++) {
            for (int e = 0; e < k; e++) {
                for (int b = 0; b < format.bits(); b++) {
                    int bit = e * format.bits() + b;
                    words[row * rowBytes + bit / 8] |= (byte) ((codes[row][e] >> b & 1) << bit % 8);
                }
            }
        }
        return words;
    }

    /** Words in panels of 16 rows, whole units of 32 elements. */
    public byte[] panelWords() {
        int rowWidth = (int) format.rowWords(k);
        return panels(ByteBuffer.wrap(rowWords()).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer(), rowWidth, (int)
                format.panelWords(k));
    }

    public byte[] panelGroups(float[][] values) {
        int groups = (int) format.groups(k);
        ByteBuffer rows = ByteBuffer.allocate(4 * n * groups).order(ByteOrder.LITTLE_ENDIAN);
        for (float[] row : values) {
            for (float v : row) {
                rows.putFloat(v);
            }
        }
        return panels(rows.flip().order(ByteOrder.LITTLE_ENDIAN).asIntBuffer(), groups, groups);
    }

    private byte[] panels(java.nio.IntBuffer rows, int rowWidth, int panelWidth) {
        ByteBuffer out = ByteBuffer.allocate((n + 15) / 16 * panelWidth * 64).order(ByteOrder.LITTLE_ENDIAN);
        for (int row = 0; row < n; row++) {
            for (int j = 0; j < rowWidth; j++) {
                out.putInt(4 * ((row / 16 * panelWidth + j) * 16 + row % 16), rows.get(row * rowWidth + j));
            }
        }
        return out.array();
    }
}
