package dev.sagitta.device;

/** NVTX ranges: what Nsight shows above the kernels. On with {@code -Dsagitta.nvtx=true} where native/profiling was built. */
final class Profiling {
    static final boolean ENABLED = Boolean.getBoolean("sagitta.nvtx") && ProfilingLibrary.LOADED && nvtxAvailable();

    private Profiling() {}

    /** The profiler's handle of a range name; kept for the life of the process. */
    static native long name(String text);

    static native void push(long name);

    static native void pop();

    private static native boolean nvtxAvailable();
}
