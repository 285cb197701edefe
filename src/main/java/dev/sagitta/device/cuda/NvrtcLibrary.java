package dev.sagitta.device.cuda;

import dev.sagitta.device.DeviceLibrary;
import dev.sagitta.device.NativeBindings;
import dev.sagitta.device.NativeResource;
import java.util.List;
import jcuda.nvrtc.JNvrtc;
import jcuda.nvrtc.nvrtcResult;
import org.slf4j.LoggerFactory;

/**
 * Loads NVRTC from where {@link CudaLibraries} finds it. JNvrtc is linked against {@code libnvrtc.so.12}; where NVRTC 13 is found first, the
 * shim of native/nvrtc13 takes its place. {@code -Dsagitta.nvrtc.dir} or SAGITTA_NVRTC_DIR names a folder that goes before all others.
 */
final class NvrtcLibrary {
    private static final String SHIM = "libsagitta-nvrtc13.so";

    private NvrtcLibrary() {}

    static DeviceLibrary load() {
        CudaLibraries libraries = CudaLibraries.ofThisProcess();
        try {
            String place = loadNative(libraries);
            int[] major = new int[1];
            int[] minor = new int[1];
            int[] status = new int[1];
            NativeBindings.load(() -> status[0] = JNvrtc.nvrtcVersion(major, minor));
            if (status[0] != nvrtcResult.NVRTC_SUCCESS) {
                return DeviceLibrary.missing(
                        "NVRTC", "nvrtcVersion failed (" + place + "): " + nvrtcResult.stringFor(status[0]));
            }
            DeviceLibrary library = DeviceLibrary.found("NVRTC", major[0] + "." + minor[0], place);
            LoggerFactory.getLogger(NvrtcLibrary.class).debug("{}", library);
            return library;
        } catch (LinkageError e) {
            return DeviceLibrary.missing(
                    "NVRTC",
                    Cuda.problem(e) + "; no libnvrtc.so.12 and no libnvrtc.so.13 that can be used in "
                            + libraries.searched("nvrtc"));
        }
    }

    /** Makes sure that a library called libnvrtc.so.12 is loaded or can be, before JNvrtc is touched: its class fails for good. */
    private static String loadNative(CudaLibraries libraries) {
        for (CudaLibraries.Found found : libraries.all("nvrtc", List.of("12", "13"))) {
            try {
                // its compiler opens the built-in functions by name alone when they are first needed
                found.load("libnvrtc-builtins.so." + found.version() + ".*");
                if (found.version().equals("12") || NativeResource.load(SHIM)) {
                    return "in " + found.folder() + " (" + found.place() + ")";
                }
            } catch (UnsatisfiedLinkError e) {
                LoggerFactory.getLogger(NvrtcLibrary.class)
                        .debug("{} cannot be used: {}", found.file(), e.getMessage());
            }
        }
        // the loader knows folders that we do not; it is asked for version 13 here, and by JNvrtc for version 12
        try {
            NativeResource.load(SHIM);
        } catch (UnsatisfiedLinkError e) {
            return "by the loader";
        }
        return "by the loader";
    }
}
