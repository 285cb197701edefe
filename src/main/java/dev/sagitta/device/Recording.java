package dev.sagitta.device;

import java.util.List;

/**
 * What {@link Stream#capture} recorded: a CUDA graph, or on OpenCL the list of commands. Replayed by {@link Stream#replay}, as long as the
 * launches and buffers in it are open.
 */
public abstract class Recording implements AutoCloseable {
    private final Device device;
    private final Lifetime lifetime;
    private Launch[] launches = {};
    private Buffer[] buffers = {};

    protected Recording(Device device) {
        this.device = device;
        this.lifetime = Lifetime.of(this, "recording on " + device.info().id(), device.lifetime());
    }

    final void uses(List<Launch> recordedLaunches, List<Buffer> recordedBuffers) {
        launches = recordedLaunches.toArray(Launch[]::new);
        buffers = recordedBuffers.toArray(Buffer[]::new);
    }

    /** Allocates nothing. */
    final void requireReplayable(Device on) {
        lifetime.requireOpen();
        if (device != on) {
            throw new IllegalArgumentException(
                    "replay: recorded on " + device.info().id() + ", the stream belongs to "
                            + on.info().id() + "; record it there");
        }
        for (Launch launch : launches) {
            launch.requireOpen();
        }
        for (Buffer buffer : buffers) {
            buffer.requireOpen();
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
