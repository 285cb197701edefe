package dev.sagitta.device;

import java.util.Objects;

/**
 * A kernel with its arguments and geometry, built once and enqueued many times by {@link Stream#launch}. Scalars may be changed between
 * launches; on a captured CUDA graph such a change has no effect, so what varies from step to step belongs in device memory.
 */
public abstract class Launch implements AutoCloseable {
    private final KernelSource source;
    private final Geometry geometry;
    private final Buffer[] buffers;

    protected Launch(KernelSource source, Geometry geometry, Arguments arguments) {
        this.source = source;
        this.geometry = geometry;
        this.buffers = arguments.values().stream()
                .filter(Buffer.class::isInstance)
                .map(Buffer.class::cast)
                .filter(Objects::nonNull)
                .toArray(Buffer[]::new);
    }

    public final KernelSource source() {
        return source;
    }

    public final Geometry geometry() {
        return geometry;
    }

    public abstract void setI32(int index, int value);

    public abstract void setI64(int index, long value);

    public abstract void setF32(int index, float value);

    /** Throws if a buffer among the arguments was closed. Allocates nothing. */
    final void requireOpen() {
        for (Buffer buffer : buffers) {
            if (buffer.isClosed()) {
                throw new IllegalStateException("launch of " + source + ": " + buffer + " is closed; prepare the launch again");
            }
        }
    }

    /** Releases the driver's objects. */
    @Override
    public abstract void close();
}
