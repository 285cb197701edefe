package dev.sagitta.io.file;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.EnumSet;
import java.util.concurrent.ThreadLocalRandom;

/**
 * An output file that appears whole or not at all: written under a temporary name in the same folder, forced to disk, and moved into place
 * by {@link #commit}. Closing without a commit, an exception or the end of the JVM (Ctrl-C) removes the temporary file and leaves what
 * stood at the path before. A file that is replaced passes on its permissions, and owner and group where this user may give them.
 *
 * <p>A path that is a symbolic link is followed, to a file that is not there yet, too. A path that is no regular file (a pipe, a device,
 * {@code /dev/stdout}) is written directly; a named pipe waits for its reader.
 */
public final class AtomicFile implements AutoCloseable {
    /** In bytes, not characters: with the rest of the temporary name well below the 255 that file systems take. */
    private static final int LONGEST_STEM = 100;

    private final Path path;
    /** The final place, links resolved. */
    private final Path target;
    /** Null if written directly. */
    private final Path temporary;
    /** Of the file that is replaced; null if there is none. */
    private final FileRights rights;

    private final WritableByteChannel channel;
    private final Thread onExit;
    private boolean committed;

    private AtomicFile(FilePlace place, Path temporary, FileRights rights, WritableByteChannel channel) {
        this.path = place.path();
        this.target = place.real();
        this.temporary = temporary;
        this.rights = rights;
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
        FilePlace place = place(path);
        try {
            if (!place.isReplaceable()) {
                return new AtomicFile(place, null, null, place.openStream(false));
            }
            Path target = place.real();
            FileRights rights = place.kind() == FilePlace.Kind.ABSENT ? null : FileRights.of(target);
            Path temporary =
                    target.resolveSibling(temporaryName(target.getFileName().toString()));
            FileChannel channel = FileChannel.open(
                    temporary,
                    EnumSet.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW),
                    FileRights.untilThen(rights));
            return new AtomicFile(place, temporary, rights, channel);
        } catch (AccessDeniedException e) {
            throw new DataException(
                    "cannot write " + path + ": permission denied"
                            + (place.isReplaceable()
                                    ? " in its folder, where it is first written under another name"
                                    : ""),
                    e);
        } catch (IOException e) {
            throw DataException.cannotWrite(path, e);
        }
    }

    private static String temporaryName(String name) {
        StringBuilder stem = new StringBuilder();
        int bytes = 0;
        for (int c : name.codePoints().toArray()) {
            bytes += Character.toString(c).getBytes(StandardCharsets.UTF_8).length;
            if (bytes > LONGEST_STEM) {
                break;
            }
            stem.appendCodePoint(c);
        }
        String unique = Long.toString(ProcessHandle.current().pid(), 36) + "-"
                + Integer.toUnsignedString(ThreadLocalRandom.current().nextInt(), 36);
        return "." + stem + "." + unique + ".tmp";
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

    /**
     * Fails now if a long computation could not write its result later. Leaves nothing behind, and opens no pipe: its reader would see the
     * end.
     */
    public static void requireWritable(Path path) {
        if (place(path).isReplaceable()) {
            create(path).close();
        }
    }

    /** The same for a file that is written in place, as a log is: if it is there, nothing is asked of its folder. */
    public static void requireAppendable(Path path) {
        if (place(path).kind() == FilePlace.Kind.ABSENT) {
            create(path).close();
        }
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
            if (temporary != null && channel instanceof FileChannel file) {
                if (rights != null) {
                    rights.give(temporary);
                }
                file.force(true);
                file.close();
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

    private static FilePlace place(Path path) {
        FilePlace place = FilePlace.ofOutput(path);
        Path folder = place.real().getParent();
        if (place.kind() == FilePlace.Kind.FOLDER || folder == null) {
            throw new DataException("cannot write " + path + ": it is a folder; give a file name");
        }
        if (place.kind() == FilePlace.Kind.ABSENT && !Files.isDirectory(folder)) {
            throw new DataException("cannot write " + path + ": there is no folder " + folder + "; make it first");
        }
        if (place.kind() != FilePlace.Kind.ABSENT && place.descriptor() < 0 && !Files.isWritable(place.real())) {
            throw new DataException("cannot write " + path + ": the file is there and is read-only");
        }
        return place;
    }
}
