package dev.sagitta.io;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ThreadLocalRandom;

/**
 * An output file that appears whole or not at all: written under a temporary name in the same folder, forced to disk, and moved into place
 * by {@link #commit}. Closing without a commit, an exception or the end of the JVM (Ctrl-C) removes the temporary file and leaves what
 * stood at the path before.
 *
 * <p>A path that is a symbolic link is followed. A path that is no regular file (a pipe, {@code /dev/stdout}) is written directly.
 */
public final class AtomicFile implements AutoCloseable {
    private static final int LONGEST_STEM = 100;

    private final Path path;
    /** The final place, links resolved. */
    private final Path target;
    /** Null if written directly. */
    private final Path temporary;

    private final FileChannel channel;
    private final Thread onExit;
    private boolean committed;

    private AtomicFile(Path path, Path target, Path temporary, FileChannel channel) throws IOException {
        this.path = path;
        this.target = target;
        this.temporary = temporary;
        this.channel = channel;
        this.onExit = temporary == null ? null : new Thread(this::removeTemporary, "remove " + temporary.getFileName());
        if (onExit != null) {
            try {
                Runtime.getRuntime().addShutdownHook(onExit);
            } catch (IllegalStateException shuttingDown) {
                // the last checkpoint of an interrupted training is written during shutdown; close() still removes a
                // failed one
            }
        }
    }

    /** What writes the contents. */
    @FunctionalInterface
    public interface Body {
        void write(OutputStream out) throws IOException;
    }

    /** @throws DataException if the path cannot be written, naming it and the reason */
    public static AtomicFile create(Path path) {
        Path target = resolve(path);
        try {
            if (Files.exists(target) && !Files.isRegularFile(target)) {
                return new AtomicFile(path, target, null, FileChannel.open(target, StandardOpenOption.WRITE));
            }
            String stem = target.getFileName().toString();
            stem = stem.length() <= LONGEST_STEM ? stem : stem.substring(0, LONGEST_STEM);
            String unique = Long.toString(ProcessHandle.current().pid(), 36) + "-"
                    + Integer.toUnsignedString(ThreadLocalRandom.current().nextInt(), 36);
            Path temporary = target.resolveSibling("." + stem + "." + unique + ".tmp");
            FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW);
            return new AtomicFile(path, target, temporary, channel);
        } catch (IOException e) {
            throw DataException.cannotWrite(path, e);
        }
    }

    /** Writes the whole file by one call. */
    public static void write(Path path, Body body) {
        try (AtomicFile file = create(path)) {
            try (OutputStream out = file.stream()) {
                body.write(out);
            }
            file.commit();
        } catch (IOException e) {
            throw DataException.cannotWrite(path, e);
        }
    }

    public static void writeText(Path path, String text) {
        write(path, out -> out.write(text.getBytes(StandardCharsets.UTF_8)));
    }

    /** Fails now if a long computation could not write its result later. Leaves nothing behind. */
    public static void requireWritable(Path path) {
        create(path).close();
    }

    /** Appends all that remains of the buffer. */
    public void write(ByteBuffer bytes) {
        try {
            writeFully(bytes);
        } catch (IOException e) {
            throw DataException.cannotWrite(path, e);
        }
    }

    /** A buffered stream that appends to the file; closing it flushes and leaves the file open for {@link #commit}. */
    public OutputStream stream() {
        return new java.io.BufferedOutputStream(
                new OutputStream() {
                    @Override
                    public void write(int b) throws IOException {
                        writeFully(ByteBuffer.wrap(new byte[] {(byte) b}));
                    }

                    @Override
                    public void write(byte[] bytes, int offset, int length) throws IOException {
                        writeFully(ByteBuffer.wrap(bytes, offset, length));
                    }
                },
                1 << 16);
    }

    /** Forces the contents to disk and moves them into place. */
    public void commit() {
        try {
            if (temporary != null) {
                channel.force(true);
                channel.close();
                Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
                forceFolder();
            }
            committed = true;
        } catch (IOException e) {
            throw DataException.cannotWrite(path, e);
        }
    }

    /** Without a commit before, removes what was written. */
    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            if (!committed && temporary == null) {
                throw DataException.cannotWrite(path, e);
            }
        }
        if (!committed && temporary != null) {
            removeTemporary();
        }
        if (onExit != null) {
            try {
                Runtime.getRuntime().removeShutdownHook(onExit);
            } catch (IllegalStateException shuttingDown) {
                // the hook finds nothing to remove
            }
        }
    }

    private void writeFully(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private void removeTemporary() {
        try {
            Files.deleteIfExists(temporary);
        } catch (IOException e) {
            System.getLogger(AtomicFile.class.getName())
                    .log(System.Logger.Level.WARNING, "cannot remove " + temporary + ": " + e.getMessage());
        }
    }

    /** So that the new name itself survives a power failure. Not every file system can: the contents are on disk in any case. */
    private void forceFolder() {
        try (FileChannel folder = FileChannel.open(target.toAbsolutePath().getParent(), StandardOpenOption.READ)) {
            folder.force(true);
        } catch (IOException e) {
            // see above
        }
    }

    private static Path resolve(Path path) {
        try {
            Path target = Files.isSymbolicLink(path) && Files.exists(path) ? path.toRealPath() : path;
            Path folder = target.toAbsolutePath().getParent();
            if (Files.isDirectory(target) || target.getFileName() == null || folder == null) {
                throw new DataException("cannot write " + path + ": it is a folder; give a file name");
            }
            if (!Files.isDirectory(folder)) {
                throw new DataException("cannot write " + path + ": there is no folder " + folder + "; make it first");
            }
            if (Files.exists(target) && !Files.isWritable(target)) {
                throw new DataException("cannot write " + path + ": the file is there and is read-only");
            }
            return target;
        } catch (IOException e) {
            throw DataException.cannotWrite(path, e);
        }
    }
}
