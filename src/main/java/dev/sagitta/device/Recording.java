package dev.sagitta.device;

/** What {@link Stream#record} captured: a CUDA graph, or on OpenCL the list of launches. Replayed by {@link Stream#replay}. */
public interface Recording extends AutoCloseable {
    @Override
    void close();
}
