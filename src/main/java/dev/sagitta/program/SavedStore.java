package dev.sagitta.program;

import dev.sagitta.graph.OpContext;
import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Value;

/**
 * How values are kept from the forward pass for the passes after it. The program asks, room {@code compress} answers; {@link #EXACT} keeps
 * the value itself.
 */
public interface SavedStore {
    /** Keeps nothing but the value: its memory stays taken until its last reader. */
    SavedStore EXACT = (e, tensor, value) -> {
        value.markSaved();
        return emitter -> value;
    };

    /**
     * Called once per saved value, right after the op that reads it was emitted. May emit tasks that pack it.
     *
     * @param tensor what is known about it
     */
    Kept keep(Emitter e, SavedTensor tensor, Value value);

    /** A value that was kept. */
    interface Kept {
        /** Emits whatever brings the value back, and returns it. Called once per pass and reader. */
        Value restore(Emitter e);

        /** Called when the reader's backward is emitted, with its cotangent: where a policy measures what its noise costs. */
        default void observe(Emitter e, OpContext c) {}
    }

    /**
     * @param name of the reading node
     * @param linear whether derivatives are linear in it: if so, unbiased noise in it leaves them unbiased
     * @param stream random stream reserved for this tensor
     * @param random state of the random counters
     * @param rows leading extent, one row per example
     * @param elements of all rows
     */
    record SavedTensor(String name, boolean linear, int stream, Value random, long rows, long elements) {}
}
