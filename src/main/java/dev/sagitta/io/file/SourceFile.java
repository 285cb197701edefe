package dev.sagitta.io.file;

import java.io.FileDescriptor;
import java.io.FileInputStream;
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
 *
 * <p>A pipe (a shell's process substitution, {@code /dev/stdin}) is read to its end first: so it can be opened once. What is more than a
 * small file lies meanwhile in a temporary file without a name.
 */
public final class SourceFile implements AutoCloseable {
    /** Below this, reading costs less than mapping. */
    private static final int SMALL = 1 << 20;

    /** A writer without end must not fill the disk. */
    static final long LONGEST_PIPED = 4L << 30;

    private final Path path;
    /** Null if all is in {@link #contents}. */
    private final FileChannel channel;

    private final long size;
    private final ByteBuffer contents;

    private SourceFile(Path path, FileChannel channel) throws IOException {
        this.path = path;
        this.channel = channel;
        this.size = channel.size();
        this.contents = size <= SMALL ? read(0, (int) size) : null;
    }

    private SourceFile(Path path, ByteBuffer contents) {
        this.path = path;
        this.channel = null;
        this.size = contents.remaining();
        this.contents = contents;
    }

    public static SourceFile open(Path path) {
        return open(path, LONGEST_PIPED);
    }

    public static SourceFile open(Path path, long longestPiped) {
        FileChannel channel = null;
        try {
            FilePlace place = FilePlace.of(path);
            switch (place.kind()) {
                case ABSENT -> throw new NoSuchFileException(path.toString());
                case FOLDER -> throw new DataException("cannot read " + path + ": it is a folder, expected a file");
                case DEVICE ->
                    throw new DataException(
                            "cannot read " + path + ": it is a device; write its contents to a file first");
                case PIPE -> {
                    return piped(place, longestPiped);
                }
                default -> {
                    channel = FileChannel.open(place.real(), StandardOpenOption.READ);
                    return new SourceFile(path, channel);
                }
            }
        } catch (IOException e) {
            closeQuietly(channel);
            throw DataException.cannotRead(path, e);
        } catch (DataException e) {
            closeQuietly(channel);
            throw e;
        }
    }

    private static SourceFile piped(FilePlace place, long longest) throws IOException {
        Path path = place.path();
        FileChannel kept = null;
        // standard input may be a socket, which cannot be opened by its name
        try (FileChannel in = place.descriptor() == 0
                ? new FileInputStream(FileDescriptor.in).getChannel()
                : FileChannel.open(place.real(), StandardOpenOption.READ)) {
            ByteBuffer piece = ByteBuffer.allocateDirect(SMALL).order(ByteOrder.LITTLE_ENDIAN);
            long size = 0;
            while (true) {
                boolean ended = in.read(piece) < 0;
                if (ended && kept == null) {
                    return new SourceFile(path, piece.flip());
                }
                if (ended || !piece.hasRemaining()) {
                    size += piece.position();
                    if (size > longest) {
                        throw new DataException("cannot read " + path + ": more than " + longest
                                + " bytes from a pipe; write its contents to a file first");
                    }
                    kept = kept == null ? temporary(path) : kept;
                    keep(path, piece.flip(), kept);
                    piece.clear();
                }
                if (ended) {
                    return new SourceFile(path, kept);
                }
            }
        } catch (IOException | DataException e) {
            closeQuietly(kept);
            throw e;
        }
    }

    private static FileChannel temporary(Path path) {
        try {
            return FileChannel.open(
                    Files.createTempFile("sagitta-", null),
                    StandardOpenOption.READ,
                    StandardOpenOption.WRITE,
                    StandardOpenOption.DELETE_ON_CLOSE);
        } catch (IOException e) {
            throw cannotKeep(path, e);
        }
    }

    private static void keep(Path path, ByteBuffer piece, FileChannel kept) {
        try {
            while (piece.hasRemaining()) {
                kept.write(piece);
            }
        } catch (IOException e) {
            throw cannotKeep(path, e);
        }
    }

    private static DataException cannotKeep(Path path, IOException e) {
        return new DataException(
                "cannot read " + path + ": a temporary file for what comes from the pipe: " + e.getMessage(), e);
    }

    public Path path() {
        return path;
    }

    public long size() {
        return size;
    }

    /** Bytes [offset, offset + length) of the file, which the caller has checked to lie in it. */
    public ByteBuffer bytes(long offset, long length) {
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
