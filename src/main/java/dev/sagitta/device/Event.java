package dev.sagitta.device;

/** A point in a stream's work, for waiting and timing. */
public interface Event extends AutoCloseable {
    /** Blocks until the stream has reached this event. */
    void synchronize();

    /** Milliseconds of device time between {@code earlier} and this event; both must have been recorded. */
    double millisSince(Event earlier);

    @Override
    void close();
}
