package dev.sagitta.device;

import java.lang.ref.Cleaner;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The open-or-closed state of something that holds device resources. {@link #close} runs the release once. What becomes unreachable
 * without a close is only reported, with its allocation stack under {@code -Dsagitta.leaks=trace}: a finaliser thread must not touch a
 * driver, so the report asks for the missing close.
 */
final class Lifetime {
    private static final Logger LOG = LoggerFactory.getLogger(Lifetime.class);
    private static final Cleaner CLEANER = Cleaner.create();

    private final State state;
    private final Cleaner.Cleanable cleanable;

    private Lifetime(Object owner, State state) {
        this.state = state;
        this.cleanable = CLEANER.register(owner, state);
    }

    static Lifetime of(Object owner, String description) {
        boolean trace = "trace".equals(System.getProperty("sagitta.leaks"));
        return new Lifetime(owner, new State(description, trace ? new Throwable("allocated here") : null));
    }

    /** True for the one call that closes. */
    boolean close() {
        if (state.closed) {
            return false;
        }
        state.closed = true;
        cleanable.clean();
        return true;
    }

    boolean isClosed() {
        return state.closed;
    }

    void requireOpen() {
        if (state.closed) {
            throw new IllegalStateException(state.description + " is closed; create a new one, or close it later");
        }
    }

    private static final class State implements Runnable {
        private final String description;
        private final Throwable allocated;
        private volatile boolean closed;

        State(String description, Throwable allocated) {
            this.description = description;
            this.allocated = allocated;
        }

        @Override
        public void run() {
            if (!closed) {
                if (allocated == null) {
                    LOG.warn("{} was never closed; run with -Dsagitta.leaks=trace to see where it was allocated", description);
                } else {
                    LOG.warn("{} was never closed", description, allocated);
                }
            }
        }
    }
}
