package dev.sagitta.device.cuda;

import dev.sagitta.device.DeviceLibrary;
import dev.sagitta.device.NativeBindings;
import dev.sagitta.device.NativeResource;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import jcuda.jcublas.JCublas;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasStatus;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads cuBLAS once, from where {@link CudaLibraries} finds it. JCublas2 is linked against {@code libcublas.so.12}; where cuBLAS 13 is found
 * first, the shim of native/cublas13 takes its place. {@code -Dsagitta.cublas.dir} or SAGITTA_CUBLAS_DIR names a folder that goes before all
 * others.
 */
final class CublasLibrary {
    private static final String REMEDY =
            "install cuBLAS 12 or 13, or name the folder of libcublas.so.12 or .so.13 by -Dsagitta.cublas.dir or"
                    + " SAGITTA_CUBLAS_DIR (pip keeps it in nvidia/cublas/lib or nvidia/cu13/lib)";

    private CublasLibrary() {}

    /** Why cuBLAS cannot be used, or null. The first call loads and logs. */
    static String problem() {
        return Loaded.IT.library.problem();
    }

    static DeviceLibrary describe() {
        return Loaded.IT.library;
    }

    /** The folder that it was loaded from, if not by the loader alone. */
    static Optional<Path> folder() {
        return Optional.ofNullable(Loaded.IT.folder);
    }

    /** 12 or 13; null where there is none. */
    static String major() {
        return Loaded.IT.major;
    }

    private record Loaded(DeviceLibrary library, String major, Path folder) {
        static final Loaded IT = load();
    }

    private static Loaded load() {
        Logger log = LoggerFactory.getLogger(CublasLibrary.class);
        String problem;
        try {
            Loaded loaded = loadNative(CudaLibraries.ofThisProcess());
            log.debug("{}", loaded.library);
            return loaded;
        } catch (LinkageError e) {
            problem = Cuda.problem(e);
        }
        log.warn(
                "cuBLAS cannot be loaded ({}), so our own kernel multiplies dense matrices, which is slower; {}",
                problem,
                REMEDY);
        return new Loaded(DeviceLibrary.missing("cuBLAS", problem + "; " + REMEDY), null, null);
    }

    /** Makes sure that a library called libcublas.so.12 is loaded or can be, before JCublas2 is touched: its class fails for good. */
    private static Loaded loadNative(CudaLibraries libraries) {
        UnsatisfiedLinkError failure = null;
        for (CudaLibraries.Found found : libraries.all("cublas", List.of("12", "13"))) {
            try {
                found.load("libcublasLt.so." + found.version());
                if (found.version().equals("13") && !NativeResource.load("libsagitta-cublas13.so")) {
                    failure = new UnsatisfiedLinkError(
                            found.file() + " needs the shim for version 13, and this jar was built without it");
                    continue;
                }
                return ready(found.version(), found.folder(), "in " + found.folder() + " (" + found.place() + ")");
            } catch (UnsatisfiedLinkError e) {
                failure = e; // of another machine, or without what it needs: the next one may do
            }
        }
        // the loader knows folders that we do not
        if (hasVersion12()) {
            return ready("12", null, "by the loader");
        }
        try {
            if (failure == null && NativeResource.load("libsagitta-cublas13.so")) {
                return ready("13", null, "by the loader");
            }
        } catch (UnsatisfiedLinkError e) {
            throw new UnsatisfiedLinkError(
                    "no libcublas.so.12 and no libcublas.so.13 in " + libraries.searched("cublas"));
        }
        throw failure != null
                ? failure
                : new UnsatisfiedLinkError("no libcublas.so.12 in " + libraries.searched("cublas")
                        + ", and this jar was built without the shim for version 13");
    }

    private static Loaded ready(String major, Path folder, String place) {
        NativeBindings.load(JCublas2::initialize);
        return new Loaded(DeviceLibrary.found("cuBLAS", version(major), place), major, folder);
    }

    /** Major, minor and patch, if the library tells. */
    private static String version(String major) {
        int[] part = new int[1];
        StringBuilder version = new StringBuilder();
        for (int i = 0; i < 3; i++) {
            if (JCublas2.cublasGetProperty(i, part) != cublasStatus.CUBLAS_STATUS_SUCCESS) {
                return major;
            }
            version.append(i == 0 ? "" : ".").append(part[0]);
        }
        return version.toString();
    }

    /**
     * Asks the loader by way of JCuda's older binding, which is linked against the same file: a class whose library does not load stays
     * broken, and this one nobody needs.
     */
    private static boolean hasVersion12() {
        try {
            NativeBindings.load(JCublas::initialize);
            return true;
        } catch (LinkageError e) {
            return false;
        }
    }
}
