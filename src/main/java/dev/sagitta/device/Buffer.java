package dev.sagitta.device;

/**
 * A piece of device memory: allocated from a {@link Device}, a slice of another buffer, or foreign memory that the caller owns.
 * Closing an allocation frees it; closing a slice or foreign memory only releases the handle.
 */
public abstract class Buffer implements AutoCloseable {
    private final Device device;
    private final Buffer parent;
    private final long bytes;
    private final String label;
    private final Lifetime lifetime;

    /** For back ends. {@code parent} is null unless this is a slice. */
    protected Buffer(Device device, Buffer parent, long bytes, String label) {
        this.device = device;
        this.parent = parent;
        this.bytes = bytes;
        this.label = label;
        this.lifetime = Lifetime.of(this, "buffer '" + label + "' (" + bytes + " bytes)");
    }

    public final Device device() {
        return device;
    }

    public final long bytes() {
        return bytes;
    }

    public final String label() {
        return label;
    }

    /**
     * A view of a part of this buffer.
     *
     * @param offset first byte; a multiple of {@link Device#ALIGNMENT}
     * @param length bytes
     */
    public final Buffer slice(long offset, long length, String sliceLabel) {
        requireOpen();
        if (offset < 0 || length < 0 || offset > bytes - length) {
            throw new IndexOutOfBoundsException("slice '" + sliceLabel + "' [" + offset + ", " + offset + " + " + length
                    + ") of buffer '" + label + "' of " + bytes + " bytes");
        }
        if (offset % Device.ALIGNMENT != 0) {
            throw new IllegalArgumentException(
                    "slice '" + sliceLabel + "' starts at byte " + offset + ", expected a multiple of " + Device.ALIGNMENT);
        }
        return sliceOf(offset, length, sliceLabel);
    }

    protected abstract Buffer sliceOf(long offset, long length, String sliceLabel);

    /** Frees the memory or releases the handle; called once, by {@link #close}. */
    protected abstract void release();

    public final boolean isClosed() {
        return lifetime.isClosed() || (parent != null && parent.isClosed());
    }

    /** Throws if this buffer, or the one it is a slice of, was closed. */
    public final void requireOpen() {
        lifetime.requireOpen();
        if (parent != null) {
            parent.requireOpen();
        }
    }

    @Override
    public final void close() {
        if (lifetime.close()) {
            device.released(this);
            if (!device.isClosed()) {
                release();
            }
        }
    }

    @Override
    public final String toString() {
        return "buffer '" + label + "' (" + bytes + " bytes on " + device.info().id() + ")";
    }
}
