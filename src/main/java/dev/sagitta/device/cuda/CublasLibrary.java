package dev.sagitta.device.cuda;

import dev.sagitta.device.NativeResource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import jcuda.jcublas.JCublas2;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads cuBLAS once. JCublas2 is linked against {@code libcublas.so.12}; where only cuBLAS 13 is installed, the shim of native/cublas13
 * takes its place. {@code -Dsagitta.cublas.dir} or SAGITTA_CUBLAS_DIR names a folder that holds either version and that the loader does not
 * search, such as one inside a Python package.
 */
final class CublasLibrary {
    private static final String REMEDY =
            "put libcublas.so.12 or .so.13 on LD_LIBRARY_PATH, or name its folder by -Dsagitta.cublas.dir or"
                    + " SAGITTA_CUBLAS_DIR (pip keeps it in nvidia/cublas/lib or nvidia/cu13/lib)";

    private CublasLibrary() {}

    /** Why cuBLAS cannot be used, or null. The first call loads and logs. */
    static String problem() {
        return Loaded.PROBLEM;
    }

    private static final class Loaded {
        static final String PROBLEM = load();
    }

    private static String load() {
        Logger log = LoggerFactory.getLogger(CublasLibrary.class);
        String problem;
        try {
            String origin = loadNative();
            JCublas2.initialize();
            log.debug("cuBLAS: {}", origin);
            return null;
        } catch (LinkageError e) {
            problem = Cuda.problem(e);
        }
        log.warn(
                "cuBLAS cannot be loaded ({}), so our own kernel multiplies dense matrices, which is slower; {}",
                problem,
                REMEDY);
        return problem;
    }

    /** Makes sure that a library called libcublas.so.12 is loaded or can be, before JCublas2 is touched: its class fails for good. */
    private static String loadNative() {
        String folder =
                System.getProperty("sagitta.cublas.dir", System.getenv().getOrDefault("SAGITTA_CUBLAS_DIR", ""));
        if (!folder.isEmpty() && loadFrom(folder, "12")) {
            return "version 12 in " + folder;
        }
        boolean thirteen = !folder.isEmpty() && loadFrom(folder, "13");
        if (!thirteen && hasVersion12()) {
            return "version 12 on the library path";
        }
        if (!NativeResource.load("libsagitta-cublas13.so")) {
            throw new UnsatisfiedLinkError(
                    "libcublas.so.12 was not found, and this jar was built without the shim for version 13");
        }
        return "version 13 by the shim";
    }

    private static boolean loadFrom(String folder, String version) {
        Path library = Path.of(folder, "libcublas.so." + version);
        if (!Files.exists(library)) {
            return false;
        }
        for (String name : List.of("libcublasLt.so." + version, "libcublas.so." + version)) {
            Path path = Path.of(folder, name).toAbsolutePath();
            if (Files.exists(path)) {
                System.load(path.toString());
            }
        }
        return true;
    }

    /**
     * Asks the loader by way of JCuda's older binding, which is linked against the same file: a class whose library does not load stays
     * broken, and this one nobody needs.
     */
    private static boolean hasVersion12() {
        try {
            Class.forName("jcuda.jcublas.JCublas");
            return true;
        } catch (ClassNotFoundException | LinkageError e) {
            return false;
        }
    }
}
