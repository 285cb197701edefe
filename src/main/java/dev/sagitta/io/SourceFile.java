package dev.sagitta.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file to be read, its size known. Small files are read at once; of large ones the parts asked for are mapped, so that a tensor costs
 * no copy. Buffers are direct, read-only in spirit, little-endian, and stay valid after the file is closed.
 */
final class SourceFile implements AutoCloseable {
    /** Below this, reading costs less than mapping. */
    private static final long SMALL = 1 << 20;

    private final Path path;
    private final FileChannel channel;
    private final long size;
    private final ByteBuffer contents;

    private SourceFile(Path path, FileChannel channel) throws IOException {
        this.path = path;
        this.channel = channel;
        this.size = channel.size();
        this.contents = size <= SMALL ? read(0, (int) size) : null;
    }

    static SourceFile open(Path path) {
        FileChannel channel = null;
        try {
            if (Files.isDirectory(path)) {
                throw new DataException("cannot read " + path + ": it is a folder, expected a file");
            }
            if (!Files.exists(path)) {
                throw new NoSuchFileException(path.toString());
            }
            if (!Files.isRegularFile(path)) {
                throw new DataException(
                        "cannot read " + path + ": it is a pipe or a device; write its contents to a file first");
            }
            channel = FileChannel.open(path, StandardOpenOption.READ);
            return new SourceFile(path, channel);
        } catch (IOException e) {
            closeQuietly(channel);
            throw DataException.cannotRead(path, e);
        } catch (DataException e) {
            closeQuietly(channel);
            throw e;
        }
    }

    Path path() {
        return path;
    }

    long size() {
        return size;
    }

    /** Bytes [offset, offset + length) of the file, which the caller has checked to lie in it. */
    ByteBuffer bytes(long offset, long length) {
        if (offset < 0 || length < 0 || offset > size - length) {
            throw new DataException(
                    path + ": bytes " + offset + " to " + (offset + length) + " are beyond its " + size + " bytes");
        }
        if (length > Integer.MAX_VALUE) {
            throw new DataException(
                    path + ": " + length + " bytes in one piece, at most " + Integer.MAX_VALUE + " can be read");
        }
        if (contents != null) {
            return contents.slice((int) offset, (int) length).order(ByteOrder.LITTLE_ENDIAN);
        }
        try {
            return length == 0
                    ? ByteBuffer.allocateDirect(0)
                    : length <= SMALL
                            ? read(offset, (int) length)
                            : channel.map(FileChannel.MapMode.READ_ONLY, offset, length)
                                    .order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException e) {
            throw DataException.cannotRead(path, e);
        }
    }

    private ByteBuffer read(long offset, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocateDirect(length).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, offset + bytes.position()) < 0) {
                throw new DataException("cannot read " + path + ": it was cut short to " + (offset + bytes.position())
                        + " bytes while it was read");
            }
        }
        return bytes.flip();
    }

    @Override
    public void close() {
        closeQuietly(channel);
    }

    private static void closeQuietly(FileChannel channel) {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            // nothing was written: nothing can be lost
        }
    }
}
