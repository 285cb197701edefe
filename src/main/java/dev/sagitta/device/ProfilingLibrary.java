package dev.sagitta.device;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Loads {@code libsagitta-profiling.so} out of the jar, on the first use of NVTX or NVML. */
final class ProfilingLibrary {
    /** Whether the library is there. */
    static final boolean LOADED = load();

    private ProfilingLibrary() {}

    private static boolean load() {
        Logger log = LoggerFactory.getLogger(ProfilingLibrary.class);
        try {
            return NativeResource.load("libsagitta-profiling.so");
        } catch (UnsatisfiedLinkError e) {
            log.info("profiling is off: {}", e.getMessage());
            return false;
        }
    }
}
