package dev.sagitta.io.image;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.SourceFile;
import dev.sagitta.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

/**
 * A file of CIFAR-10 or CIFAR-100 in its binary version: records of one label byte, or of a coarse and a fine one, and 3072 bytes of pixels [3, 32, 32]. Nothing in the
 * file says which of the two it is but its size: 3073 or 3074 bytes a record. Format: Krizhevsky, "Learning multiple layers of features from tiny images", 2009, and its page.
 *
 * @param file name for errors
 * @param data all records, from position 0
 * @param count of records
 */
public record CifarFile(String file, Kind kind, ByteBuffer data, int count) {
    /** Of each image. */
    public static final Shape IMAGE = Shape.of(3, 32, 32);

    private static final int PIXELS = (int) IMAGE.elements();

    /** The two data sets. */
    public enum Kind {
        CIFAR_10("CIFAR-10", 10),
        /** The label that counts is the fine one, the last of two. */
        CIFAR_100("CIFAR-100", 20, 100);

        private final String title;
        private final int[] labels;

        Kind(String title, int... labels) {
            this.title = title;
            this.labels = labels;
        }

        /** Of the label that counts. */
        public int classes() {
            return labels[labels.length - 1];
        }

        private int recordBytes() {
            return labels.length + PIXELS;
        }

        @Override
        public String toString() {
            return title;
        }
    }

    /**
     * A file of either kind.
     *
     * @throws DataException naming the file and what is wrong with it
     */
    public static CifarFile read(Path path) {
        return read(path, null);
    }

    /** @param kind null for the one whose records the file's size is a multiple of */
    public static CifarFile read(Path path, Kind kind) {
        try (SourceFile source = SourceFile.open(path)) {
            String file = path.toString();
            long size = source.size();
            if (size >= 2 && (source.bytes(0, 2).getShort() & 0xffff) == GZIPInputStream.GZIP_MAGIC) {
                throw new DataException(file + ": it is compressed; unpack it first (tar xzf)");
            }
            Kind found = kind != null ? kind : kind(size, source);
            if (found == null || size == 0 || size % found.recordBytes() != 0) {
                throw new DataException(file + ": " + size + " bytes, expected a multiple of "
                        + (found == null
                                ? Kind.CIFAR_10.recordBytes() + " (CIFAR-10) or " + Kind.CIFAR_100.recordBytes()
                                        + " (CIFAR-100)"
                                : found.recordBytes() + " (" + found + ")")
                        + "; it is cut short or not the binary version");
            }
            CifarFile read =
                    new CifarFile(file, found, source.bytes(0, size), Math.toIntExact(size / found.recordBytes()));
            read.requireLabels();
            return read;
        }
    }

    /** Where the size is a multiple of both, the first byte of each record as CIFAR-10 has them decides. */
    private static Kind kind(long size, SourceFile source) {
        boolean ten = size % Kind.CIFAR_10.recordBytes() == 0;
        boolean hundred = size % Kind.CIFAR_100.recordBytes() == 0;
        if (ten && hundred && size > 0) {
            CifarFile guess = new CifarFile(
                    "", Kind.CIFAR_10, source.bytes(0, size), Math.toIntExact(size / Kind.CIFAR_10.recordBytes()));
            return guess.firstBad() < 0 ? Kind.CIFAR_10 : Kind.CIFAR_100;
        }
        return ten ? Kind.CIFAR_10 : hundred ? Kind.CIFAR_100 : null;
    }

    private int firstBad() {
        for (int i = 0; i < count; i++) {
            for (int j = 0; j < kind.labels.length; j++) {
                if (byteAt(i, j) >= kind.labels[j]) {
                    return i;
                }
            }
        }
        return -1;
    }

    private void requireLabels() {
        int bad = firstBad();
        if (bad >= 0) {
            int last = kind.labels.length - 1;
            boolean coarse = byteAt(bad, 0) >= kind.labels[0] && last > 0;
            int label = byteAt(bad, coarse ? 0 : last);
            throw new DataException(file + ": " + (coarse ? "coarse " : "") + "label " + label + " of image " + bad
                    + ", " + kind + " has 0 to " + (kind.labels[coarse ? 0 : last] - 1));
        }
    }

    private int byteAt(int record, int offset) {
        return Byte.toUnsignedInt(data.get(record * kind.recordBytes() + offset));
    }

    /** The class of an image, below {@link Kind#classes}. */
    public int label(int image) {
        return byteAt(image, kind.labels.length - 1);
    }

    /** Copies the pixels of an image, [3, 32, 32], to a position of a buffer. */
    public void copyPixels(int image, ByteBuffer out, int position) {
        out.put(position, data, image * kind.recordBytes() + kind.labels.length, PIXELS);
    }
}
