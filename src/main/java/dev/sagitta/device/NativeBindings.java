package dev.sagitta.device;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * Loads JCuda's and JOCL's native parts. Both unpack a library to java.io.tmpdir under a name that never changes, piece by piece, and load
 * whatever lies there: of two programs that start together one may load half a file, and any user may have left a file of theirs. So each
 * first use of a binding gets a folder that is new, its owner's alone, and gone right afterwards; the loader keeps its mapping.
 */
public final class NativeBindings {
    private static final String FOLDER = "java.io.tmpdir";
    static final String REMEDY =
            "point -D" + FOLDER + " at a folder that may be written and that programs may be loaded from";

    private NativeBindings() {}

    /**
     * Runs {@code firstUse}, which makes a binding's class load its library, with a folder of its own to unpack to. Java's own temporary
     * files stay where they were.
     *
     * @throws UnsatisfiedLinkError in one line with the remedy where the folder is at fault; the binding's own otherwise
     */
    public static synchronized void load(Runnable firstUse) {
        String before = System.getProperty(FOLDER);
        Path folder = null;
        try {
            folder = Files.createTempDirectory(Path.of(before), "sagitta-");
            // The JDK reads the property once for File and once for Files: here, before it changes
            Files.delete(File.createTempFile("sagitta-", null, folder.toFile()).toPath());
            System.setProperty(FOLDER, folder.toString());
            firstUse.run();
        } catch (IOException | SecurityException e) {
            throw failure("cannot be unpacked to " + before + " (" + e + ")", e);
        } catch (UnsatisfiedLinkError e) {
            String text = String.valueOf(e.getMessage());
            if (text.contains("failed to map segment")) {
                throw failure("cannot be loaded from " + before + ", which seems to be mounted noexec", e);
            }
            if (text.contains("No space left") || text.contains("Disk quota")) {
                throw failure("cannot be unpacked to " + before + ", which is full", e);
            }
            throw e;
        } finally {
            System.setProperty(FOLDER, before);
            delete(folder);
        }
    }

    private static UnsatisfiedLinkError failure(String what, Throwable cause) {
        UnsatisfiedLinkError error = new UnsatisfiedLinkError("native libraries " + what + "; " + REMEDY);
        error.initCause(cause);
        return error;
    }

    private static void delete(Path folder) {
        if (folder == null) {
            return;
        }
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
            Files.delete(folder);
        } catch (IOException e) {
            // what is left behind is a few megabytes that the system clears with its other temporary files
            folder.toFile().deleteOnExit();
        }
    }
}
