package dev.sagitta.device;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The open-or-closed state of something that holds device resources. {@link #close} answers true once, to the caller who has to release
 * them. What becomes unreachable without a close is only reported, with its allocation stack under {@code -Dsagitta.leaks=trace}: a
 * cleaner's thread must not touch a driver, so the report asks for the missing close. Nothing is reported below an owner that was closed,
 * because the owner has released everything.
 */
final class Lifetime {
    private static final Logger LOG = LoggerFactory.getLogger(Lifetime.class);
    private static final Cleaner CLEANER = Cleaner.create();

    private final State state;
    private final Cleaner.Cleanable cleanable;

    private Lifetime(State state, Cleaner.Cleanable cleanable) {
        this.state = state;
        this.cleanable = cleanable;
    }

    /** Of something that must be closed. {@code parent} is its device, or null. */
    static Lifetime of(Object owner, String description, Lifetime parent) {
        boolean trace = "trace".equals(System.getProperty("sagitta.leaks"));
        Throwable allocated = trace ? new Throwable("allocated here") : null;
        State state = new State(description, parent == null ? null : parent.state, allocated);
        return new Lifetime(state, CLEANER.register(owner, state));
    }

    /** Of a view that holds nothing by itself: a slice, foreign memory. Forgetting to close it does no harm. */
    static Lifetime unreported(String description, Lifetime parent) {
        return new Lifetime(new State(description, parent == null ? null : parent.state, null), null);
    }

    /** True for the one call that closes. */
    boolean close() {
        if (!state.closed.compareAndSet(false, true)) {
            return false;
        }
        if (cleanable != null) {
            cleanable.clean();
        }
        return true;
    }

    /** Whether this or what it belongs to was closed. */
    boolean isClosed() {
        return state.isClosed();
    }

    void requireOpen() {
        for (State s = state; s != null; s = s.parent) {
            if (s.closed.get()) {
                throw new IllegalStateException((s == state
                                ? state.description
                                : state.description + " belongs to " + s.description + ", which")
                        + " is closed; create a new one, or close it later");
            }
        }
    }

    /** Holds no reference to the owner, which could otherwise never become unreachable. */
    private static final class State implements Runnable {
        private final String description;
        private final State parent;
        private final Throwable allocated;
        private final AtomicBoolean closed = new AtomicBoolean();

        State(String description, State parent, Throwable allocated) {
            this.description = description;
            this.parent = parent;
            this.allocated = allocated;
        }

        boolean isClosed() {
            return closed.get() || (parent != null && parent.isClosed());
        }

        @Override
        public void run() {
            if (!isClosed()) {
                if (allocated == null) {
                    LOG.warn(
                            "{} was never closed; run with -Dsagitta.leaks=trace to see where it was allocated",
                            description);
                } else {
                    LOG.warn("{} was never closed", description, allocated);
                }
            }
        }
    }
}
