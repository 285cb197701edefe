package dev.sagitta.device;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** NVTX ranges: what Nsight shows above the kernels. On with {@code -Dsagitta.nvtx=true} where native/profiling was built. */
final class Profiling {
    static final boolean ENABLED = Boolean.getBoolean("sagitta.nvtx") && start();

    private Profiling() {}

    /** The profiler's handle of a range name; kept for the life of the process. */
    static native long name(String text);

    static native void push(long name);

    static native void pop();

    private static boolean start() {
        Logger log = LoggerFactory.getLogger(Profiling.class);
        if (!ProfilingLibrary.LOADED) {
            log.warn(
                    "-Dsagitta.nvtx: no ranges, because this jar was built without native/profiling; build it where g++ is installed");
            return false;
        }
        if (!nvtxAvailable()) {
            log.info(
                    "-Dsagitta.nvtx: no ranges, because no profiler is attached; run under nsys profile --trace=cuda,nvtx");
            return false;
        }
        return true;
    }

    private static native boolean nvtxAvailable();
}
