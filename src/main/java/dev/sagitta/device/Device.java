package dev.sagitta.device;

import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One CUDA or OpenCL device: allocates, compiles and launches, nothing else. Open one through {@link Devices}. Any thread may call it.
 * Close buffers, launches and streams first, then the device: memory that is still allocated by then is freed with it, and reported.
 */
public abstract class Device implements AutoCloseable {
    private final LongAdder prepared = new LongAdder();
    /** Slices of buffers start at multiples of this many bytes, enough for 16-byte vectors and every OpenCL base-address rule seen. */
    public static final int ALIGNMENT = 256;

    /** Foreign memory starts at a multiple of this many bytes: the width of the kernels' vector accesses. */
    protected static final int VECTOR_BYTES = 16;

    private static final Logger LOG = LoggerFactory.getLogger(Device.class);

    private final DeviceInfo info;
    private final MemoryLedger ledger = new MemoryLedger();
    private final Lifetime lifetime;
    private Stream stream;

    protected Device(DeviceInfo info) {
        this.info = info;
        this.lifetime = Lifetime.of(this, "device " + info.id(), null);
    }

    public final DeviceInfo info() {
        return info;
    }

    public final DeviceKind kind() {
        return info.kind();
    }

    /**
     * Allocates device memory, contents undefined.
     *
     * @param bytes at least 0 (an empty buffer holds one aligned unit)
     * @throws OutOfDeviceMemoryException if it does not fit; the device stays usable
     */
    public final Buffer allocate(long bytes, MemoryCategory category, String label) {
        requireOpen();
        if (bytes < 0) {
            throw new IllegalArgumentException(
                    "allocate '" + label + "': " + bytes + " bytes; a size must not be negative (overflow?)");
        }
        long size = allocationBytes(bytes);
        if (size > info.maxAllocationBytes() || size > info.memoryBytes() - ledger.currentBytes()) {
            throw outOfMemory(label, bytes);
        }
        Buffer buffer = allocateBuffer(size, bytes, label);
        ledger.add(buffer.ledgerKey(), label, category, size);
        return buffer;
    }

    /** What an allocation of so many bytes takes: an empty buffer, too, has an address of its own. */
    public static long allocationBytes(long bytes) {
        return Math.max(bytes, ALIGNMENT);
    }

    /** Back end's allocation of {@code size} bytes presented as {@code bytes}; throws {@link #outOfMemory} where the driver refuses. */
    protected abstract Buffer allocateBuffer(long size, long bytes, String label);

    /** For back ends: refuses foreign memory at whose address a kernel's vector access would fault. */
    protected final void requireVectorAligned(long address, String label) {
        if (address % VECTOR_BYTES != 0) {
            throw new IllegalArgumentException("wrap '" + label + "': the address 0x" + Long.toHexString(address)
                    + " is " + Long.remainderUnsigned(address, VECTOR_BYTES) + " bytes beyond a multiple of "
                    + VECTOR_BYTES + ", which the kernels' vector accesses need; wrap the allocation that it lies in,"
                    + " or copy the data to aligned memory");
        }
    }

    /** Free device memory as the driver or our own ledger knows it. */
    protected long freeBytes() {
        return info.memoryBytes() - ledger.currentBytes();
    }

    protected final OutOfDeviceMemoryException outOfMemory(String label, long bytes) {
        StringBuilder holders = new StringBuilder();
        for (MemoryStats.Holder holder : ledger.stats().largest()) {
            holders.append(holders.isEmpty() ? "" : ", ")
                    .append("'")
                    .append(holder.label())
                    .append("' ")
                    .append(holder.bytes());
        }
        return new OutOfDeviceMemoryException(
                "out of memory on " + info.id() + " (" + info.name() + "): '" + label + "' needs " + bytes
                        + " bytes, " + freeBytes() + " are free, one allocation may have " + info.maxAllocationBytes()
                        + "; largest holders: "
                        + (holders.isEmpty() ? "none" : holders)
                        + "; use a smaller batch, fewer probes or a lower activation-bits setting");
    }

    /** The device's own stream, made on first use and closed with the device. */
    public final synchronized Stream stream() {
        requireOpen();
        if (stream == null) {
            stream = newStream("default");
        }
        return stream;
    }

    public abstract Stream newStream(String label);

    public abstract Event newEvent();

    /** Launches prepared so far: none is in a loop that is warm. */
    public final long prepared() {
        return prepared.sum();
    }

    /** Compiles or loads the kernel (cached by file, options and entry) and binds it to arguments and geometry. */
    public final Launch prepare(KernelSource source, Geometry geometry, Arguments arguments) {
        requireOpen();
        for (Object value : arguments.values()) {
            if (value instanceof Buffer buffer) {
                buffer.requireOpen();
                if (buffer.device() != this) {
                    throw new IllegalArgumentException(
                            "launch of " + source + ": " + buffer + " is not on " + info.id());
                }
            }
        }
        long threads = (long) geometry.blockX() * geometry.blockY() * geometry.blockZ();
        if (threads > info.maxWorkGroup()) {
            throw new IllegalArgumentException("launch of " + source + ": " + geometry + " has " + threads
                    + " work-items in a group, " + info.id() + " allows " + info.maxWorkGroup());
        }
        prepared.increment();
        return bind(source, geometry, arguments);
    }

    protected abstract Launch bind(KernelSource source, Geometry geometry, Arguments arguments);

    public final MemoryStats memory() {
        return ledger.stats();
    }

    public final void resetMemoryPeak() {
        ledger.resetPeak();
    }

    final void released(Buffer buffer) {
        ledger.remove(buffer.ledgerKey());
    }

    final Lifetime lifetime() {
        return lifetime;
    }

    /** Address on the PCI bus, by which system tools name the device; empty where the driver does not tell. */
    protected String pciBusId() {
        return "";
    }

    public final boolean isClosed() {
        return lifetime.isClosed();
    }

    public final void requireOpen() {
        lifetime.requireOpen();
    }

    /** Frees what is still allocated and releases the driver's context; called once. */
    protected abstract void release();

    @Override
    public final synchronized void close() {
        if (lifetime.isClosed()) {
            return;
        }
        if (stream != null) {
            stream.close();
        }
        MemoryStats left = memory();
        if (left.currentBytes() > 0) {
            LOG.warn(
                    "device {} is closed with {} bytes still allocated, which are freed now: {}",
                    info.id(),
                    left.currentBytes(),
                    left.largest());
        }
        lifetime.close();
        release();
    }
}
