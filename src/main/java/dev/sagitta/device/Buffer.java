package dev.sagitta.device;

/**
 * A piece of device memory: allocated from a {@link Device}, a slice of another buffer, or foreign memory that the caller owns.
 * Closing an allocation frees it and closes its slices; closing a slice or foreign memory only releases the handle.
 */
public abstract class Buffer implements AutoCloseable {
    private final Device device;
    private final Buffer root;
    private final long rootOffset;
    private final long bytes;
    private final String label;
    private final Lifetime lifetime;

    /** For back ends: an allocation, or with {@code owned} false memory that the caller frees. */
    protected Buffer(Device device, long bytes, String label, boolean owned) {
        if (bytes < 0) {
            throw new IllegalArgumentException(
                    "buffer '" + label + "': " + bytes + " bytes; a size must not be negative (overflow?)");
        }
        this.device = device;
        this.root = this;
        this.rootOffset = 0;
        this.bytes = bytes;
        this.label = label;
        String description = "buffer '" + label + "' (" + bytes + " bytes)";
        this.lifetime = owned
                ? Lifetime.of(this, description, device.lifetime())
                : Lifetime.unreported(description, device.lifetime());
    }

    /** For back ends: a slice that starts {@code offset} bytes into {@code parent}. */
    protected Buffer(Buffer parent, long offset, long bytes, String label) {
        this.device = parent.device;
        this.root = parent.root;
        this.rootOffset = parent.rootOffset + offset;
        this.bytes = bytes;
        this.label = label;
        this.lifetime = Lifetime.unreported("slice '" + label + "' (" + bytes + " bytes)", parent.lifetime);
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

    /** The allocation or foreign memory that this is a slice of; itself where it is none. */
    protected final Buffer root() {
        return root;
    }

    /** Where this starts in {@link #root}, in bytes. */
    protected final long rootOffset() {
        return rootOffset;
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
            throw new IllegalArgumentException("slice '" + sliceLabel + "' starts at byte " + offset
                    + ", expected a multiple of " + Device.ALIGNMENT);
        }
        return sliceOf(offset, length, sliceLabel);
    }

    protected abstract Buffer sliceOf(long offset, long length, String sliceLabel);

    /** Frees the memory or releases the handle; called once, by {@link #close}, unless the device was closed before. */
    protected abstract void release();

    /** Whether this buffer, the one it is a slice of, or the device was closed. */
    public final boolean isClosed() {
        return lifetime.isClosed();
    }

    /** Throws if {@link #isClosed}. */
    public final void requireOpen() {
        lifetime.requireOpen();
    }

    /** Whether bytes [offset, offset + length) of this buffer and [otherOffset, otherOffset + length) of {@code other} share a byte. */
    final boolean overlaps(long offset, Buffer other, long otherOffset, long length) {
        long distance = Math.abs(rootOffset + offset - other.rootOffset - otherOffset);
        return root == other.root && distance < length;
    }

    /** What the ledger files this buffer under: it must not keep the buffer itself reachable, or leaks could not be seen. */
    final Object ledgerKey() {
        return lifetime;
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
