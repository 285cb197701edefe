package dev.sagitta.device.opencl;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** The folder where PoCL keeps compiled kernels. Where it cannot be written, PoCL's platform answers and shows no device, without a word. */
final class PoclCache {
    /** What PoCL's platform calls itself. */
    static final String PLATFORM = "Portable Computing Language";

    private static final String VARIABLE = "POCL_CACHE_DIR";

    private PoclCache() {}

    /** The folder, by the variables that PoCL reads. */
    static Path folder(Map<String, String> environment) {
        String own = environment.get(VARIABLE);
        if (own != null) {
            return Path.of(own);
        }
        String caches = environment.get("XDG_CACHE_HOME");
        String home = environment.get("HOME");
        Path parent = caches != null ? Path.of(caches) : home != null ? Path.of(home, ".cache") : Path.of("/tmp");
        return parent.resolve("pocl").resolve("kcache");
    }

    /** Why the folder is to blame, or null where it, or the nearest folder above it that is there, can be written. */
    static String problem(Map<String, String> environment) {
        Path folder = folder(environment).toAbsolutePath();
        Path there = folder;
        while (there != null && !Files.exists(there)) {
            there = there.getParent();
        }
        return there != null && Files.isDirectory(there) && Files.isWritable(there) && Files.isExecutable(there)
                ? null
                : "PoCL shows no device because it cannot write its cache " + folder;
    }

    static String remedy() {
        return "set " + VARIABLE + " to a folder that can be written";
    }
}
