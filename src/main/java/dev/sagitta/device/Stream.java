package dev.sagitta.device;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * An in-order queue of work on one device. A stream belongs to one thread at a time: a call from a second thread while one is running
 * throws. Every check happens before the driver is called, and a warm {@link #launch} or {@link #replay} allocates nothing.
 */
public abstract class Stream implements AutoCloseable {
    private long waits;
    private static final VarHandle BUSY;

    static {
        try {
            BUSY = MethodHandles.lookup().findVarHandle(Stream.class, "busy", Thread.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Device device;
    private final Lifetime lifetime;

    @SuppressWarnings("unused") // through BUSY
    private volatile Thread busy;

    private List<Launch> recordedLaunches;
    private List<Buffer> recordedBuffers;

    /** For back ends; {@code owned} false where the queue belongs to the caller. */
    protected Stream(Device device, String label, boolean owned) {
        this.device = device;
        String description = "stream '" + label + "' of " + device.info().id();
        this.lifetime = owned
                ? Lifetime.of(this, description, device.lifetime())
                : Lifetime.unreported(description, device.lifetime());
    }

    public final Device device() {
        return device;
    }

    /** Enqueues a prepared launch. */
    public final void launch(Launch launch) {
        enter();
        try {
            launch.requireOpen();
            if (launch.device() != device) {
                throw new IllegalArgumentException("launch of " + launch.source() + " was prepared on "
                        + launch.device().info().id() + ", this stream belongs to "
                        + device.info().id());
            }
            if (recordedLaunches != null) {
                recordedLaunches.add(launch);
            }
            if (Profiling.ENABLED) {
                Profiling.push(launch.rangeName());
                enqueue(launch);
                Profiling.pop();
            } else {
                enqueue(launch);
            }
        } finally {
            exit();
        }
    }

    /**
     * Copies {@code source.remaining()} bytes from host memory; returns when {@code source} may be reused. The copy itself has its place
     * among the stream's work, like a launch: another stream that reads {@code target} awaits an event.
     */
    public final void upload(Buffer target, long offset, ByteBuffer source) {
        enter();
        try {
            requireNotRecording("upload");
            requireDirect(source, "upload");
            requireRange(target, offset, source.remaining(), "upload");
            if (source.hasRemaining()) {
                doUpload(target, offset, source);
            }
        } finally {
            exit();
        }
    }

    /** Copies {@code target.remaining()} bytes to host memory; returns when they have arrived. */
    public final void download(ByteBuffer target, Buffer source, long offset) {
        enter();
        try {
            requireNotRecording("download");
            requireDirect(target, "download");
            if (target.isReadOnly()) {
                throw new IllegalArgumentException(
                        "download: host memory is a read-only ByteBuffer; pass a writable one");
            }
            requireRange(source, offset, target.remaining(), "download");
            if (target.hasRemaining()) {
                waits++;
                doDownload(target, source, offset);
            }
        } finally {
            exit();
        }
    }

    /** Copies between buffers of this device. */
    public final void copy(Buffer target, long targetOffset, Buffer source, long sourceOffset, long bytes) {
        enter();
        try {
            requireRange(target, targetOffset, bytes, "copy to");
            requireRange(source, sourceOffset, bytes, "copy from");
            if (target.overlaps(targetOffset, source, sourceOffset, bytes)) {
                throw new IllegalArgumentException(
                        "copy of " + bytes + " bytes from " + source + " at " + sourceOffset + " to " + target + " at "
                                + targetOffset + ": the ranges overlap; copy through a third buffer");
            }
            if (bytes > 0) {
                recordUse(target);
                recordUse(source);
                doCopy(target, targetOffset, source, sourceOffset, bytes);
            }
        } finally {
            exit();
        }
    }

    /** Sets {@code bytes} bytes to {@code value}. */
    public final void fill(Buffer target, long offset, long bytes, byte value) {
        enter();
        try {
            requireRange(target, offset, bytes, "fill");
            if (bytes > 0) {
                recordUse(target);
                doFill(target, offset, bytes, value);
            }
        } finally {
            exit();
        }
    }

    /** Marks this point of the stream. */
    public final void record(Event event) {
        enter();
        try {
            requireNotRecording("record");
            event.requireOn(device, "record");
            doRecord(event);
            event.markRecorded();
        } finally {
            exit();
        }
    }

    /** Later work of this stream waits for {@code event}. */
    public final void await(Event event) {
        enter();
        try {
            requireNotRecording("await");
            event.requireOn(device, "await");
            event.requireRecorded();
            doAwait(event);
        } finally {
            exit();
        }
    }

    /**
     * Runs {@code work}, whose launches, copies and fills on this stream are recorded instead of executed. Scalars are recorded as they
     * are now.
     */
    public final Recording capture(Runnable work) {
        enter();
        try {
            requireNotRecording("capture");
            recordedLaunches = new ArrayList<>();
            recordedBuffers = new ArrayList<>();
        } finally {
            exit();
        }
        try {
            Recording recording = doCapture(work);
            recording.uses(recordedLaunches, recordedBuffers);
            return recording;
        } finally {
            recordedLaunches = null;
            recordedBuffers = null;
        }
    }

    /** Whether {@link #capture} is running. */
    public final boolean isRecording() {
        return recordedLaunches != null;
    }

    private void requireNotRecording(String call) {
        if (recordedLaunches != null) {
            throw new IllegalStateException(
                    call + " inside a capture; only launches, copies and fills can be recorded");
        }
    }

    private void recordUse(Buffer buffer) {
        if (recordedBuffers != null) {
            recordedBuffers.add(buffer);
        }
    }

    /** Enqueues everything that was recorded. */
    public final void replay(Recording recording) {
        enter();
        try {
            requireNotRecording("replay");
            recording.requireReplayable(device);
            doReplay(recording);
        } finally {
            exit();
        }
    }

    /** How often the host waited for this stream: downloads and {@link #synchronize}. */
    public final long waits() {
        return waits;
    }

    /** Blocks until all enqueued work is done. Errors of earlier work surface here at the latest. */
    public final void synchronize() {
        enter();
        try {
            requireNotRecording("synchronize");
            waits++;
            doSynchronize();
        } finally {
            exit();
        }
    }

    protected abstract void enqueue(Launch launch);

    protected abstract void doUpload(Buffer target, long offset, ByteBuffer source);

    protected abstract void doDownload(ByteBuffer target, Buffer source, long offset);

    protected abstract void doCopy(Buffer target, long targetOffset, Buffer source, long sourceOffset, long bytes);

    protected abstract void doFill(Buffer target, long offset, long bytes, byte value);

    protected abstract void doRecord(Event event);

    protected abstract void doAwait(Event event);

    protected abstract Recording doCapture(Runnable work);

    protected abstract void doReplay(Recording recording);

    protected abstract void doSynchronize();

    /** Releases the driver's queue; called once. A foreign queue is left to its owner. */
    protected abstract void release();

    @Override
    public final void close() {
        if (lifetime.close() && !device.isClosed()) {
            release();
        }
    }

    /**
     * Runs work of a back end that is not a launch, such as a vendor's library, under the same guard. {@code buffers} must be open, on
     * this device, and are remembered by a capture.
     */
    protected final void enter(Buffer a, Buffer b, Buffer c) {
        enter();
        try {
            requireRange(a, 0, 0, "call");
            requireRange(b, 0, 0, "call");
            requireRange(c, 0, 0, "call");
            recordUse(a);
            recordUse(b);
            recordUse(c);
        } catch (RuntimeException e) {
            exit();
            throw e;
        }
    }

    private void enter() {
        lifetime.requireOpen();
        Thread current = Thread.currentThread();
        Thread other = (Thread) BUSY.compareAndExchange(this, (Thread) null, current);
        if (other != null) {
            throw new IllegalStateException("stream of " + device.info().id() + " is in use by thread '"
                    + other.getName() + "' and was called from thread '" + current.getName()
                    + "'; give each thread its own stream");
        }
    }

    /** Ends {@link #enter(Buffer, Buffer, Buffer)}. */
    protected final void exit() {
        BUSY.setRelease(this, (Thread) null);
    }

    private static void requireDirect(ByteBuffer buffer, String call) {
        if (!buffer.isDirect()) {
            throw new IllegalArgumentException(
                    call + ": host memory must be a direct ByteBuffer; the collector may move a heap array"
                            + " while the driver copies");
        }
    }

    private void requireRange(Buffer buffer, long offset, long bytes, String call) {
        buffer.requireOpen();
        if (buffer.device() != device) {
            throw new IllegalArgumentException(call + ": " + buffer + " belongs to another device than this stream ("
                    + device.info().id() + ")");
        }
        if (offset < 0 || bytes < 0 || offset > buffer.bytes() - bytes) {
            throw new IndexOutOfBoundsException(call + ": bytes [" + offset + ", " + offset + " + " + bytes + ") of "
                    + buffer + " are out of range");
        }
    }
}
