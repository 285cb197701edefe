package dev.sagitta.io.file;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;

/**
 * Where a path leads, whether something is there or not: symbolic links are followed, dangling ones too, so that two names of one file can
 * be told.
 *
 * @param path as it was given
 * @param real absolute, without links; for a descriptor of this process its link, which the system resolves when it is opened
 * @param key the file system's own identity of what is there; null if nothing is, or if it has none
 * @param descriptor the descriptor of this process that the path names ({@code /dev/stdout}, a shell's process substitution); -1 for none
 */
public record FilePlace(Path path, Path real, Object key, Kind kind, int descriptor) {
    /** Linux gives up after as many. */
    private static final int MOST_LINKS = 40;

    private static final int STANDARD_OUTPUT = 1;
    private static final int STANDARD_ERROR = 2;

    /** What is there. */
    public enum Kind {
        ABSENT,
        FILE,
        FOLDER,
        /** It, or what cannot be told from it. */
        PIPE,
        DEVICE
    }

    /** @throws IOException if the path leads through a file, into a circle of links, or where this user may not look */
    static FilePlace of(Path path) throws IOException {
        Path at = path.toAbsolutePath();
        int descriptor = -1;
        for (int links = 0; Files.isSymbolicLink(at); links++) {
            descriptor = descriptor(at);
            if (descriptor >= 0) {
                break;
            }
            if (links == MOST_LINKS) {
                throw new FileSystemLoopException(path.toString());
            }
            at = at.resolveSibling(Files.readSymbolicLink(at));
        }
        try {
            BasicFileAttributes attributes = Files.readAttributes(at, BasicFileAttributes.class);
            Path real = descriptor >= 0 ? at : at.toRealPath();
            return new FilePlace(path, real, attributes.fileKey(), kind(at, attributes), descriptor);
        } catch (NoSuchFileException absent) {
            return new FilePlace(path, absent(at), null, Kind.ABSENT, descriptor);
        }
    }

    /** @throws DataException if the path leads nowhere */
    public static FilePlace ofInput(Path path) {
        try {
            return of(path);
        } catch (IOException e) {
            throw DataException.cannotRead(path, e);
        }
    }

    /** @throws DataException if the path leads nowhere */
    public static FilePlace ofOutput(Path path) {
        try {
            return of(path);
        } catch (IOException e) {
            throw DataException.cannotWrite(path, e);
        }
    }

    /** Where standard output goes. */
    public static FilePlace ofStandardOutput() {
        Path link = Path.of("/dev/stdout");
        try {
            FilePlace place = of(link);
            if (place.isStandardOutput()) {
                return place;
            }
        } catch (IOException noSuchLink) {
            // it is closed, or the system has no such names
        }
        return new FilePlace(link, link, null, Kind.DEVICE, STANDARD_OUTPUT);
    }

    public boolean isStandardOutput() {
        return descriptor == STANDARD_OUTPUT;
    }

    /** Written by moving a whole file into place, and so again and again; not a stream. */
    public boolean isReplaceable() {
        return descriptor < 0 && (kind == Kind.FILE || kind == Kind.ABSENT);
    }

    public boolean isFile() {
        return kind == Kind.FILE;
    }

    public boolean isPipe() {
        return kind == Kind.PIPE;
    }

    /**
     * Whether two paths lead to one file, pipe or descriptor. A device such as {@code /dev/null} takes any number, and two descriptors of
     * one pipe or terminal are what the user asked the shell for.
     */
    public boolean isSame(FilePlace other) {
        if (descriptor >= 0 && descriptor == other.descriptor) {
            return true;
        }
        if (kind == Kind.DEVICE || other.kind == Kind.DEVICE) {
            return false;
        }
        return real.equals(other.real) || (isFile() && key != null && key.equals(other.key));
    }

    /**
     * Opens what is written as a stream, in place. A pipe waits for its reader. The process's own standard streams are taken as they are, and
     * stay open: opened by name, one that goes to a file would begin again at its start.
     *
     * @param append to a file, whose contents go otherwise; what a descriptor leads to is never cut
     */
    public WritableByteChannel openStream(boolean append) throws IOException {
        if (descriptor == STANDARD_OUTPUT || descriptor == STANDARD_ERROR) {
            FileDescriptor stream = descriptor == STANDARD_OUTPUT ? FileDescriptor.out : FileDescriptor.err;
            return new Borrowed(new FileOutputStream(stream).getChannel());
        }
        if (kind != Kind.FILE && kind != Kind.ABSENT) {
            return FileChannel.open(real, StandardOpenOption.WRITE);
        }
        return FileChannel.open(
                real,
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE,
                append || descriptor >= 0 ? StandardOpenOption.APPEND : StandardOpenOption.TRUNCATE_EXISTING);
    }

    /** Closing it leaves the channel open. */
    private record Borrowed(WritableByteChannel channel) implements WritableByteChannel {
        @Override
        public int write(ByteBuffer bytes) throws IOException {
            return channel.write(bytes);
        }

        @Override
        public boolean isOpen() {
            return channel.isOpen();
        }

        @Override
        public void close() {
            // it belongs to the process
        }
    }

    /** The number of a link in the folder of this process's descriptors, reached by whatever name. */
    private static int descriptor(Path link) {
        try {
            Path folder = link.getParent();
            if (folder != null && Files.isSameFile(folder, Path.of("/proc/self/fd"))) {
                return Integer.parseInt(link.getFileName().toString());
            }
        } catch (IOException | NumberFormatException notThere) {
            // another system, or no folder of descriptors
        }
        return -1;
    }

    private static Kind kind(Path at, BasicFileAttributes attributes) {
        if (attributes.isRegularFile() || attributes.isDirectory()) {
            return attributes.isRegularFile() ? Kind.FILE : Kind.FOLDER;
        }
        try {
            int type = (Integer) Files.getAttribute(at, "unix:mode") & 0xf000;
            return type == 0x2000 || type == 0x6000 ? Kind.DEVICE : Kind.PIPE;
        } catch (UnsupportedOperationException | IllegalArgumentException | IOException e) {
            return Kind.PIPE;
        }
    }

    /** Its nearest folder that is there, links resolved, and the rest of the names. */
    private static Path absent(Path at) throws IOException {
        Path folder = at.getParent();
        while (folder != null && !Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
            folder = folder.getParent();
        }
        if (folder == null) {
            return at.normalize();
        }
        Path there = Files.exists(folder) ? folder.toRealPath() : folder;
        return there.resolve(at.subpath(folder.getNameCount(), at.getNameCount()))
                .normalize();
    }
}
