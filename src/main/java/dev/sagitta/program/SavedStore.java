package dev.sagitta.program;

import dev.sagitta.graph.pass.Emitter;
import dev.sagitta.graph.pass.Kept.Codes;
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
     * Called once per saved value, behind the last op of the forward pass that reads it. May emit tasks that pack it.
     *
     * @param tensor what is known about it
     */
    Kept keep(Emitter e, SavedTensor tensor, Value value);

    /** A value that was kept. */
    interface Kept {
        /** Emits whatever brings the value back, and returns it. Called once per pass and run of neighbouring readers. */
        Value restore(Emitter e);

        /** As it is stored, for kernels that read that; null where it is stored as it was. */
        default Codes codes() {
            return null;
        }

        /**
         * Called in {@link Computation#MEASURED_GRADIENT} when a reader's backward was emitted, with its cotangent [B, ...].
         *
         * @param reader name of the node
         */
        default void observe(Emitter e, String reader, Value cotangent) {}
    }

    /**
     * @param name of the wire that gives it
     * @param isTangent whether it is the K tangents of the value of this name
     * @param measured whether the computation measures what its rounding costs: {@link Computation#MEASURED_GRADIENT}
     * @param linear whether all that is derived from it is linear in it: if so, unbiased noise in it leaves them unbiased
     * @param stream random stream reserved for this tensor
     * @param random state of the random counters
     * @param rows leading extents: one row per example, of tangents per probe and example
     * @param elements of all rows
     */
    record SavedTensor(
            String name,
            boolean isTangent,
            boolean measured,
            boolean linear,
            int stream,
            Value random,
            long rows,
            long elements) {
        /** Of what it is kept in, for labels. */
        public String label() {
            return isTangent ? name + ".tangent" : name;
        }
    }
}
