package dev.sagitta.device;

/**
 * A kernel with its arguments and geometry, built once and enqueued many times by {@link Stream#launch}. Scalars may be changed between
 * launches; on a captured CUDA graph such a change has no effect, so what varies from step to step belongs in device memory.
 */
public abstract class Launch implements AutoCloseable {
    private final Device device;
    private final KernelSource source;
    private final Geometry geometry;
    private final Buffer[] buffers;
    private final Class<?>[] types;
    private final Lifetime lifetime;
    private final long rangeName;

    protected Launch(Device device, KernelSource source, Geometry geometry, Arguments arguments) {
        this.device = device;
        this.source = source;
        this.geometry = geometry;
        this.buffers = arguments.values().stream()
                .filter(Buffer.class::isInstance)
                .map(Buffer.class::cast)
                .toArray(Buffer[]::new);
        this.types = arguments.values().stream()
                .map(value -> value == null || value instanceof Buffer ? Buffer.class : value.getClass())
                .toArray(Class<?>[]::new);
        this.lifetime = Lifetime.of(this, "launch of " + source, device.lifetime());
        this.rangeName = Profiling.ENABLED ? Profiling.name(source.entry()) : 0;
    }

    public final KernelSource source() {
        return source;
    }

    public final Geometry geometry() {
        return geometry;
    }

    final Device device() {
        return device;
    }

    /** The profiler's handle of the kernel's name. */
    final long rangeName() {
        return rangeName;
    }

    public final void setI32(int index, int value) {
        requireType(index, Integer.class);
        writeI32(index, value);
    }

    public final void setI64(int index, long value) {
        requireType(index, Long.class);
        writeI64(index, value);
    }

    public final void setF32(int index, float value) {
        requireType(index, Float.class);
        writeF32(index, value);
    }

    protected abstract void writeI32(int index, int value);

    protected abstract void writeI64(int index, long value);

    protected abstract void writeF32(int index, float value);

    private void requireType(int index, Class<?> type) {
        lifetime.requireOpen();
        if (index < 0 || index >= types.length || types[index] != type) {
            throw new IllegalArgumentException("launch of " + source + ": argument " + index + " is "
                    + (index < 0 || index >= types.length
                            ? "none of " + types.length
                            : "a " + types[index].getSimpleName())
                    + ", not a " + type.getSimpleName());
        }
    }

    /** Throws if this launch or a buffer among its arguments was closed. Allocates nothing. */
    final void requireOpen() {
        lifetime.requireOpen();
        for (Buffer buffer : buffers) {
            if (buffer.isClosed()) {
                throw new IllegalStateException(
                        "launch of " + source + ": " + buffer + " is closed; prepare the launch again");
            }
        }
    }

    /** Releases the driver's objects; called once, unless the device was closed before. */
    protected abstract void release();

    @Override
    public final void close() {
        if (lifetime.close() && !device.isClosed()) {
            release();
        }
    }
}
