package dev.sagitta.device;

/** A point in a stream's work, for waiting and timing. Recording it again moves it. */
public abstract class Event implements AutoCloseable {
    private final Device device;
    private final Lifetime lifetime;
    private volatile boolean recorded;

    protected Event(Device device) {
        this.device = device;
        this.lifetime = Lifetime.of(this, "event of " + device.info().id(), device.lifetime());
    }

    /** Blocks until the stream has reached this event. */
    public final void synchronize() {
        requireRecorded();
        doSynchronize();
    }

    /** Milliseconds of device time between {@code earlier} and this event; waits for both. */
    public final double millisSince(Event earlier) {
        requireRecorded();
        earlier.requireRecorded();
        if (earlier.device != device) {
            throw new IllegalArgumentException("events of " + device.info().id() + " and "
                    + earlier.device.info().id() + " have no common clock; time each device by itself");
        }
        return doMillisSince(earlier);
    }

    protected abstract void doSynchronize();

    protected abstract double doMillisSince(Event earlier);

    /** Releases the driver's object; called once, unless the device was closed before. */
    protected abstract void release();

    final void requireOn(Device other, String call) {
        lifetime.requireOpen();
        if (device != other) {
            throw new IllegalArgumentException(
                    call + ": the event belongs to " + device.info().id() + ", the stream to "
                            + other.info().id() + "; make the event by Device.newEvent of the stream's device");
        }
    }

    final void markRecorded() {
        recorded = true;
    }

    final void requireRecorded() {
        lifetime.requireOpen();
        if (!recorded) {
            throw new IllegalStateException("event was not recorded; call Stream.record first");
        }
    }

    @Override
    public final void close() {
        if (lifetime.close() && !device.isClosed()) {
            release();
        }
    }
}
