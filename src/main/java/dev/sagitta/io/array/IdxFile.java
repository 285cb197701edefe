package dev.sagitta.io.array;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.SourceFile;
import dev.sagitta.tensor.Shape;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

/**
 * An array of unsigned bytes in the IDX format of MNIST: two zero bytes, the type 0x08, the rank, big-endian extents, then the bytes.
 * Plain or gzip, told apart by the first bytes. Decompression stops where the extents say the data ends.
 *
 * @param file name for errors
 * @param data all elements from position 0
 */
public record IdxFile(String file, Shape shape, ByteBuffer data) {
    private static final int UNSIGNED_BYTE = 8;
    private static final int MOST_AXES = 4;
    /** Deflate cannot do better, so a header that promises more is false. */
    private static final long BEST_COMPRESSION = 1032;

    /** @throws DataException naming the file and what is wrong with it */
    public static IdxFile read(Path path) {
        try (SourceFile source = SourceFile.open(path)) {
            boolean gzip = source.size() >= 2 && (source.bytes(0, 2).getShort() & 0xffff) == GZIPInputStream.GZIP_MAGIC;
            return gzip ? readGzip(source) : readPlain(source);
        } catch (IOException e) {
            throw new DataException(path + ": gzip: " + e.getMessage(), e);
        }
    }

    private static IdxFile readPlain(SourceFile source) {
        String file = source.path().toString();
        ByteBuffer start = source.bytes(0, Math.min(source.size(), 4 + 4 * MOST_AXES));
        Shape shape = shape(start, file);
        long dataStart = 4 + 4L * shape.rank();
        long present = source.size() - dataStart;
        requireBytes(file, shape, present);
        return new IdxFile(file, shape, source.bytes(dataStart, present));
    }

    private static IdxFile readGzip(SourceFile source) throws IOException {
        String file = source.path().toString();
        try (InputStream in = new GZIPInputStream(new BufferInput(source.bytes(0, source.size())), 1 << 16)) {
            byte[] magic = in.readNBytes(4);
            int rank = magic.length == 4 ? Math.min(Byte.toUnsignedInt(magic[3]), MOST_AXES) : 0;
            byte[] extents = in.readNBytes(4 * rank);
            ByteBuffer start = ByteBuffer.allocate(magic.length + extents.length)
                    .put(magic)
                    .put(extents)
                    .flip();
            Shape shape = shape(start, file);
            long promised = shape.elements();
            if (promised > source.size() * BEST_COMPRESSION) {
                throw new DataException(file + ": shape " + shape + " takes " + promised + " bytes, the file of "
                        + source.size() + " compressed bytes cannot hold them");
            }
            ByteBuffer data = ByteBuffer.allocateDirect((int) promised);
            byte[] piece = new byte[1 << 16];
            while (data.hasRemaining()) {
                int count = in.read(piece, 0, Math.min(piece.length, data.remaining()));
                if (count < 0) {
                    requireBytes(file, shape, data.position());
                }
                data.put(piece, 0, count);
            }
            if (in.read() >= 0) {
                throw new DataException(
                        file + ": shape " + shape + " takes " + promised + " bytes, the file goes on after them");
            }
            return new IdxFile(file, shape, data.flip().order(ByteOrder.LITTLE_ENDIAN));
        } catch (EOFException e) {
            throw new DataException(file + ": the compressed data is cut short", e);
        }
    }

    private static Shape shape(ByteBuffer start, String file) {
        start.order(ByteOrder.BIG_ENDIAN);
        if (start.remaining() < 4 || start.getShort(0) != 0) {
            throw new DataException(file + ": not an IDX file (it does not begin with two zero bytes)");
        }
        if (start.get(2) != UNSIGNED_BYTE) {
            throw new DataException(
                    file + ": IDX element type " + Byte.toUnsignedInt(start.get(2)) + ", expected 8 (unsigned bytes)");
        }
        int rank = Byte.toUnsignedInt(start.get(3));
        if (rank < 1 || rank > MOST_AXES) {
            throw new DataException(file + ": IDX rank " + rank + ", expected 1 to " + MOST_AXES);
        }
        if (start.remaining() < 4 + 4 * rank) {
            throw new DataException(
                    file + ": it ends within the IDX header, expected " + (4 + 4 * rank) + " bytes of it");
        }
        long[] extents = new long[rank];
        for (int axis = 0; axis < rank; axis++) {
            extents[axis] = Integer.toUnsignedLong(start.getInt(4 + 4 * axis));
        }
        try {
            Shape shape = Shape.of(extents);
            if (shape.elements() <= Integer.MAX_VALUE) {
                return shape;
            }
        } catch (IllegalArgumentException tooLarge) {
            // reported below
        }
        throw new DataException(file + ": shape " + java.util.Arrays.toString(extents) + " takes more than "
                + Integer.MAX_VALUE + " bytes");
    }

    private static void requireBytes(String file, Shape shape, long present) {
        if (present != shape.elements()) {
            throw new DataException(file + ": shape " + shape + " takes " + shape.elements() + " bytes, the file holds "
                    + present + (present < shape.elements() ? "; it is cut short" : "; something follows the data"));
        }
    }

    private static final class BufferInput extends InputStream {
        private final ByteBuffer bytes;

        BufferInput(ByteBuffer bytes) {
            this.bytes = bytes;
        }

        @Override
        public int read() {
            return bytes.hasRemaining() ? Byte.toUnsignedInt(bytes.get()) : -1;
        }

        @Override
        public int read(byte[] out, int offset, int length) {
            if (!bytes.hasRemaining()) {
                return length == 0 ? 0 : -1;
            }
            int count = Math.min(length, bytes.remaining());
            bytes.get(out, offset, count);
            return count;
        }

        @Override
        public int available() {
            return bytes.remaining();
        }
    }
}
