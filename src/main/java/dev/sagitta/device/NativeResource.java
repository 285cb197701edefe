package dev.sagitta.device;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Shared libraries that the jar may carry under {@code dev/sagitta/native}. */
public final class NativeResource {
    private NativeResource() {}

    /**
     * Copies a library to a temporary file and loads it.
     *
     * @return false if this jar was built without it
     * @throws UnsatisfiedLinkError if it is there and does not load; the message says why
     */
    public static boolean load(String name) {
        try (InputStream in = NativeResource.class.getResourceAsStream("/dev/sagitta/native/" + name)) {
            if (in == null) {
                return false;
            }
            Path file = Files.createTempFile("sagitta-", "-" + name);
            try {
                Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
                System.load(file.toString());
            } finally {
                // the loader keeps its mapping, so nothing is left behind
                Files.deleteIfExists(file);
            }
            return true;
        } catch (IOException e) {
            UnsatisfiedLinkError error =
                    new UnsatisfiedLinkError(name + " cannot be copied to " + System.getProperty("java.io.tmpdir")
                            + " (" + e.getMessage() + "); point -Djava.io.tmpdir at a writable folder");
            error.initCause(e);
            throw error;
        }
    }
}
